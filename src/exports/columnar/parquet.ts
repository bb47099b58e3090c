import type { SchemaElement } from "hyparquet";
import type { ColumnSource } from "hyparquet-writer";
import type { Exporter, ExportProblem } from "../../contracts.ts";
import type { Example } from "../../domain/example.ts";
import { openAtomicFile } from "../atomic-file.ts";
import { type BatchLimits, batchLimits, inBatches, weightOf, withCalls } from "./batches.ts";
import { jsonOf, wireCalls, wireTools } from "../chat-line.ts";
import { rowProblems } from "./columnar-rows.ts";
import { exportedBytes } from "../exported-bytes.ts";
import { problemList } from "../problem-list.ts";
import { refusingBroken } from "../problems.ts";

const text = (name: string): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  logical_type: { type: "STRING" },
  repetition_type: "OPTIONAL",
});
const list = (name: string, element: readonly SchemaElement[]): SchemaElement[] => [
  { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  ...element,
];

function schemaOf(calls: boolean): SchemaElement[] {
  const columns = columnsOf(calls);
  return [{ name: "root", num_children: columns.length }, ...columns.flat()];
}

const columnsOf = (calls: boolean): readonly (readonly SchemaElement[])[] => [
  [text("id")],
  list("messages", [
    { name: "element", repetition_type: "OPTIONAL", num_children: calls ? 5 : 3 },
    text("role"),
    text("content"),
    { name: "weight", type: "INT32", repetition_type: "OPTIONAL" },
    ...(calls ? [text("tool_calls"), text("tool_call_id")] : []),
  ]),
  [text("group")],
  [text("task_id")],
  [text("query_id")],
  [text("trajectory_id")],
  list("transforms", [text("element")]),
  ...(calls ? [[text("tools")]] : []),
];

/**
 * Parquet with physical types that pandas, verl, DuckDB and `datasets` read as they are (profile `parquet-struct`): messages are
 * list<struct{role, content, weight}>, and where functions were offered list<struct{role, content, weight, tool_calls, tool_call_id}> with a
 * column `tools`, calls and functions as JSON. Snappy; a row group holds one batch.
 */
export function parquetExporter(limits: BatchLimits = batchLimits): Exporter {
  return {
    name: "parquet",
    about: "Parquet that pandas, DuckDB, datasets and trainers read as it is",
    fileName: "chat.parquet",
    async write(examples, path) {
      const { ByteWriter, ParquetWriter } = await import("hyparquet-writer");
      await using file = await openAtomicFile(path);
      const bytes = new ByteWriter();
      let calls: boolean | null = null;
      let parquet: InstanceType<typeof ParquetWriter> | null = null;
      const drain = async () => {
        await file.write(bytes.getBytes());
        bytes.index = 0;
      };
      let rows = 0;
      for await (const batch of inBatches(refusingBroken(examples), limits)) {
        calls = withCalls(batch, calls);
        parquet ??= new ParquetWriter({ writer: bytes, schema: schemaOf(calls) });
        await parquet.write({ columnData: columnData(batch, calls), rowGroupSize: batch.length });
        await drain();
        rows += batch.length;
      }
      parquet ??= new ParquetWriter({ writer: bytes, schema: schemaOf(false) });
      await parquet.finish();
      await drain();
      return await file.commit(rows);
    },
    check: checkParquet,
  };
}

function columnData(batch: readonly Example[], calls: boolean): ColumnSource[] {
  return [
    { name: "id", data: batch.map((example) => example.id) },
    {
      name: "messages",
      data: batch.map(({ messages }) =>
        messages.map((message) => ({
          role: message.role,
          content: message.content,
          weight: weightOf(message),
          ...(calls ? { tool_calls: jsonOf(wireCalls(message)), tool_call_id: message.toolCallId ?? null } : {}),
        })),
      ),
      // A minimum and maximum of whole texts help nobody, and the writer would keep them until the file is finished.
      statistics: false,
    },
    { name: "group", data: batch.map((example) => example.group) },
    { name: "task_id", data: batch.map((example) => example.taskId) },
    { name: "query_id", data: batch.map((example) => example.queryId) },
    { name: "trajectory_id", data: batch.map((example) => example.trajectoryId) },
    { name: "transforms", data: batch.map((example) => example.transforms), statistics: false },
    ...(calls ? [{ name: "tools", data: batch.map((example) => jsonOf(wireTools(example))), statistics: false }] : []),
  ];
}

const mostGroupBytes = 100 * 1000 ** 2;

/** PQ-R1 schema, PQ-R2 every row comes back whole and keeps the canonical rules, PQ-R4 row groups of at most 100 MB. */
async function checkParquet(path: string): Promise<ExportProblem[]> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import("hyparquet");
  await exportedBytes(path);
  const found = problemList();
  const whole = (rule: string, message: string) => found.add({ rule, line: 0, field: "", message });
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const [plain, calling, got] = [shape(schemaOf(false)), shape(schemaOf(true)), shape(metadata.schema)];
    if (plain !== got && calling !== got) {
      whole("PQ-R1", `Expected the parquet-struct columns ${plain}, or ${calling}, got ${got}`);
      return found.all();
    }
    let row = 0;
    for (const [index, group] of metadata.row_groups.entries()) {
      if (group.total_byte_size > mostGroupBytes)
        whole(
          "PQ-R4",
          `Expected row groups of at most ${mostGroupBytes} bytes, got ${group.total_byte_size} in ${index}`,
        );
      const rowEnd = row + Number(group.num_rows);
      const rows = await parquetReadObjects({ file, metadata, rowStart: row, rowEnd });
      if (rows.length !== rowEnd - row)
        whole("PQ-R2", `Expected ${rowEnd - row} rows in group ${index}, got ${rows.length}`);
      for (const [offset, value] of rows.entries())
        for (const problem of rowProblems(value, "PQ-R2")) found.add({ ...problem, line: row + offset + 1 });
      row = rowEnd;
    }
  } catch (error) {
    // Whatever the reader trips over is the answer to the question this check asks.
    whole(
      "PQ-R2",
      `Expected a Parquet file that reads to its end, got: ${error instanceof Error ? error.message : error}`,
    );
  }
  return found.all();
}

function shape(elements: readonly SchemaElement[]): string {
  return elements
    .slice(1)
    .map(({ name, type, num_children, converted_type }) => {
      // A plain INT32 and one annotated as INT_32 are the same column.
      const kind = converted_type === "INT_32" ? undefined : converted_type;
      return [name, type ?? `(${num_children})`, kind].filter((part) => part !== undefined).join(" ");
    })
    .join(", ");
}
