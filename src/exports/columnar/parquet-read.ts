import type { FileMetaData, SchemaElement } from "hyparquet";
import type { ExportProblem } from "../../contracts.ts";
import type { LineProblem } from "../chat-line.ts";
import { exportedBytes } from "../exported-bytes.ts";
import { problemList } from "../problem-list.ts";
import type { Row } from "./parquet-format.ts";
import { columnsOf, type Node } from "./schema.ts";

const mostGroupBytes = 100 * 1000 ** 2;

/** The rows of a Parquet file, counted from 1, a row group in memory at a time. */
export async function* parquetRows(path: string): AsyncGenerator<{ readonly line: number; readonly value: Row }> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import("hyparquet");
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  let row = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = row + Number(group.num_rows);
    const rows = await parquetReadObjects({ file, metadata, rowStart: row, rowEnd });
    if (rows.length !== rowEnd - row) throw new Error(`${rows.length} rows of ${rowEnd - row} behind row ${row}`);
    for (const [offset, value] of rows.entries()) yield { line: row + offset + 1, value };
    row = rowEnd;
  }
}

/** What a check of a Parquet file looks at. */
export interface ParquetRules {
  /** What is wrong with the columns; rows are looked at only where it finds no error. */
  readonly schema: (columns: ReadonlyMap<string, Node>, schema: readonly SchemaElement[]) => Iterable<LineProblem>;
  readonly row: (value: Row, line: number) => Iterable<LineProblem>;
  /** What only the whole file tells; `line` is the row. */
  readonly whole?: () => Iterable<LineProblem & { readonly line: number }>;
}

/** Every broken rule of a file: its columns, PQ-R4 row groups of at most 100 MB, PQ-R2 it reads to its end, and each row. @throws {UsageError} where there is no file. */
export async function checkParquet(path: string, rules: ParquetRules): Promise<ExportProblem[]> {
  await exportedBytes(path);
  const found = problemList();
  try {
    const { asyncBufferFromFile, parquetMetadataAsync } = await import("hyparquet");
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
    for (const problem of rules.schema(columnsOf(metadata.schema), metadata.schema)) found.add({ line: 0, ...problem });
    if (found.all().some(({ severity }) => severity === "error")) return found.all();
    for (const problem of groupProblems(metadata)) found.add({ line: 0, ...problem });
    for await (const { line, value } of parquetRows(path))
      for (const problem of rules.row(value, line)) found.add({ line, ...problem });
  } catch (error) {
    // Whatever the reader trips over is the answer to the question this check asks.
    const message = `Expected a Parquet file that reads to its end, got: ${error instanceof Error ? error.message : error}`;
    found.add({ rule: "PQ-R2", line: 0, field: "", message: `${message}; write it again` });
  }
  for (const problem of rules.whole?.() ?? []) found.add(problem);
  return found.all();
}

function* groupProblems({ row_groups }: FileMetaData): Generator<LineProblem> {
  for (const [index, { total_byte_size: bytes }] of row_groups.entries())
    if (bytes > mostGroupBytes)
      yield {
        rule: "PQ-R4",
        field: "",
        message: `Expected row groups of at most ${mostGroupBytes} bytes, got ${bytes} in ${index}; write it with smaller ones`,
      };
}
