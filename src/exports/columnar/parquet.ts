import type { Exporter } from "../../contracts.ts";
import type { Example, ExampleMessage } from "../../domain/example.ts";
import { jsonOf, wireCalls, wireTools } from "../chat-line.ts";
import { refusingBroken } from "../problems.ts";
import { type BatchLimits, batchLimits, charactersOf, type Traits, traitsOf, weightOf } from "./batches.ts";
import { messageOfRow, rowProblems } from "./columnar-rows.ts";
import { checkParquet, parquetRows } from "./parquet-check.ts";
import { writeParquet } from "./parquet-file.ts";
import { type Column, integer, list, schemaOf, text } from "./parquet-schema.ts";
import { writeWithParquetjs } from "./parquetjs.ts";

const plain: Traits = { calls: false, reasoning: false };

/** The columns of the profile `parquet-struct`. */
export function structColumns({ calls, reasoning }: Traits): readonly Column<Example>[] {
  return [
    { elements: [text("id")], value: ({ id }) => id },
    {
      elements: list("messages", [
        { name: "element", repetition_type: "OPTIONAL", num_children: 3 + (calls ? 2 : 0) + (reasoning ? 1 : 0) },
        text("role"),
        text("content"),
        integer("weight"),
        ...(calls ? [text("tool_calls"), text("tool_call_id")] : []),
        ...(reasoning ? [text("reasoning_content")] : []),
      ]),
      value: ({ messages }) => messages.map((message) => structMessage(message, { calls, reasoning })),
      // A minimum and maximum of whole texts help nobody, and the writer would keep them until the file is finished.
      statistics: false,
    },
    { elements: [text("group")], value: ({ group }) => group },
    { elements: [text("task_id")], value: ({ taskId }) => taskId },
    { elements: [text("query_id")], value: ({ queryId }) => queryId },
    { elements: [text("trajectory_id")], value: ({ trajectoryId }) => trajectoryId },
    { elements: list("transforms", [text("element")]), value: ({ transforms }) => transforms, statistics: false },
    ...(calls
      ? [
          {
            elements: [text("tools")],
            value: (example: Example) => jsonOf(wireTools(example)),
            statistics: false,
          } as const,
        ]
      : []),
  ];
}

function structMessage(message: ExampleMessage, { calls, reasoning }: Traits): object {
  return {
    role: message.role,
    content: message.content,
    weight: weightOf(message),
    ...(calls ? { tool_calls: jsonOf(wireCalls(message)), tool_call_id: message.toolCallId ?? null } : {}),
    ...(reasoning ? { reasoning_content: message.reasoning ?? null } : {}),
  };
}

const flags = [false, true];
const schemas = flags.flatMap((calls) => flags.map((reasoning) => schemaOf(structColumns({ calls, reasoning }))));

/**
 * Parquet with physical types that pandas, verl, DuckDB and `datasets` read as they are (profile `parquet-struct`): messages are
 * list<struct{role, content, weight}>; where functions were offered with tool_calls and tool_call_id, and a column `tools`, calls and functions as
 * JSON; where models showed thinking with reasoning_content. Snappy; a row group holds one batch.
 */
export function parquetExporter(limits: BatchLimits = batchLimits): Exporter {
  return {
    name: "parquet",
    about: "Parquet that pandas, DuckDB, datasets and trainers read as it is",
    fileName: "chat.parquet",
    write(examples, path, options = {}) {
      if (options.parquetEngine === "parquetjs-lite") return writeWithParquetjs(examples, path, { limits, ...options });
      let traits: Traits | null = null;
      return writeParquet<Example>(refusingBroken(examples), path, {
        ...options,
        rows: (example) => [example],
        layout: {
          name: "parquet",
          charactersOf,
          limits,
          columns(batch) {
            traits = batch.length === 0 ? (traits ?? plain) : traitsOf(batch, traits);
            return structColumns(traits);
          },
        },
      });
    },
    check: (path) => checkParquet(path, { schemas, row: (row) => rowProblems(row, "PQ-R2") }),
    async *conversations(path) {
      for await (const row of parquetRows(path)) yield messageOfRow(row);
    },
  };
}
