import type { FileMetaData, SchemaElement } from "hyparquet";
import type { ExportProblem } from "../../contracts.ts";
import { isObject, type JsonObject, type LineProblem } from "../chat-line.ts";
import { exportedBytes } from "../exported-bytes.ts";
import { type ProblemList, problemList } from "../problem-list.ts";
import { shapeOf } from "./parquet-schema.ts";

const mostGroupBytes = 100 * 1000 ** 2;

export interface ParquetRules {
  /** The schemas that the target takes, any of them (PQ-R1); or `schema`, which says itself what is wrong with one. */
  readonly schemas?: readonly (readonly SchemaElement[])[];
  readonly schema?: (elements: readonly SchemaElement[]) => readonly LineProblem[];
  /** What one row breaks; rows count from 1. */
  readonly row: (row: JsonObject, number: number) => readonly LineProblem[];
  /** Rules of the whole file, told at its end. */
  readonly end?: (rows: number) => readonly LineProblem[];
}

/** PQ-R1 schema, PQ-R2 every row comes back whole, PQ-R4 row groups of at most 100 MB, and the target's own rules. One row group is held. */
export async function checkParquet(path: string, rules: ParquetRules): Promise<ExportProblem[]> {
  await exportedBytes(path);
  const found = problemList();
  const whole = (rule: string, message: string) => found.add({ rule, line: 0, field: "", message });
  try {
    const { file, metadata } = await opened(path);
    const wrong = schemaProblems(metadata, rules);
    for (const problem of wrong) found.add({ ...problem, line: 0 });
    if (wrong.some(({ severity }) => severity !== "warning")) return found.all();
    for (const [index, group] of metadata.row_groups.entries())
      if (group.total_byte_size > mostGroupBytes)
        whole(
          "PQ-R4",
          `Expected row groups of at most ${mostGroupBytes} bytes, got ${group.total_byte_size} in ${index}`,
        );
    await checkRows({ file, metadata }, { rules, found });
  } catch (error) {
    // Whatever the reader trips over is the answer to the question this check asks.
    whole(
      "PQ-R2",
      `Expected a Parquet file that reads to its end, got: ${error instanceof Error ? error.message : error}`,
    );
  }
  return found.all();
}

type Opened = Awaited<ReturnType<typeof opened>>;

async function opened(path: string) {
  const { asyncBufferFromFile, parquetMetadataAsync } = await import("hyparquet");
  const file = await asyncBufferFromFile(path);
  return { file, metadata: await parquetMetadataAsync(file) };
}

function schemaProblems({ schema }: FileMetaData, rules: ParquetRules): readonly LineProblem[] {
  const own = rules.schema?.(schema) ?? [];
  if (rules.schemas === undefined) return own;
  const got = shapeOf(schema);
  const shapes = rules.schemas.map(shapeOf);
  if (shapes.includes(got)) return own;
  const message = `Expected the columns ${shapes.join(", or ")}, got ${got}`;
  return [...own, { rule: "PQ-R1", field: "", message }];
}

async function checkRows(
  { file, metadata }: Opened,
  { rules, found }: { readonly rules: ParquetRules; readonly found: ProblemList },
): Promise<void> {
  const { parquetReadObjects } = await import("hyparquet");
  let row = 0;
  for (const [index, group] of metadata.row_groups.entries()) {
    const rowEnd = row + Number(group.num_rows);
    const rows = await parquetReadObjects({ file, metadata, rowStart: row, rowEnd });
    if (rows.length !== rowEnd - row)
      found.add({
        rule: "PQ-R2",
        line: 0,
        field: "",
        message: `Expected ${rowEnd - row} rows in group ${index}, got ${rows.length}`,
      });
    for (const [offset, value] of rows.entries())
      for (const problem of rules.row(value, row + offset + 1)) found.add({ ...problem, line: row + offset + 1 });
    row = rowEnd;
  }
  for (const problem of rules.end?.(row) ?? []) found.add({ ...problem, line: 0 });
}

/** The rows of a Parquet file, one row group held at a time. */
export async function* parquetRows(path: string): AsyncGenerator<JsonObject> {
  await exportedBytes(path);
  const { parquetReadObjects } = await import("hyparquet");
  const { file, metadata } = await opened(path);
  let row = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = row + Number(group.num_rows);
    for (const value of await parquetReadObjects({ file, metadata, rowStart: row, rowEnd }))
      if (isObject(value)) yield value;
    row = rowEnd;
  }
}
