import type { Exporter } from "../../contracts.ts";
import type { Example } from "../../domain/example.ts";
import { jsonOf, wireCalls, wireTools } from "../chat-line.ts";
import { refusingBroken } from "../problems.ts";
import { type BatchLimits, charactersOf, type Parts, partsOf, weightOf } from "./batches.ts";
import { conversationOf, rowProblems } from "./columnar-rows.ts";
import { type Layout, parquetFormat } from "./parquet-format.ts";
import { checkParquet } from "./parquet-read.ts";
import { type Column, columnsOf, int32, list, physical, schemaOf, struct, text } from "./schema.ts";

// A minimum and maximum of whole texts help nobody, and the writer would keep them until the file is finished.
const statistics = false;

const structColumns = ({ calls, reasoning }: Parts): Column[] => [
  { elements: text("id") },
  {
    elements: list(
      "messages",
      struct(
        "element",
        ...[text("role"), text("content"), int32("weight")],
        ...(reasoning ? [text("reasoning")] : []),
        ...(calls ? [text("tool_calls"), text("tool_call_id")] : []),
      ),
    ),
    statistics,
  },
  ...["group", "task_id", "query_id", "trajectory_id"].map((name) => ({ elements: text(name) })),
  { elements: list("transforms", text("element")), statistics },
  ...(calls ? [{ elements: text("tools"), statistics } as const] : []),
];

/**
 * Parquet with physical types that pandas, verl, DuckDB and `datasets` read as they are (profile `parquet-struct`): messages are
 * list<struct{role, content, weight}>, with `reasoning` where an endpoint showed any, and where functions were offered with `tool_calls`,
 * `tool_call_id` and a column `tools`, calls and functions as JSON text. Snappy; a row group holds one batch.
 */
export function parquetExporter(limits?: BatchLimits): Exporter {
  return parquetFormat<Example>({
    name: "parquet",
    about: "Parquet that pandas, DuckDB, datasets and trainers read as it is",
    fileName: "chat.parquet",
    limits,
    weigh: ({ messages }) => charactersOf(messages),
    guard: refusingBroken,
    layout: structLayout,
    check: (path) =>
      checkParquet(path, {
        schema: (columns) => {
          const shapes = everyParts.map((parts) => shapeOf(columnsOf(schemaOf(structColumns(parts)))));
          const got = shapeOf(columns);
          if (shapes.includes(got)) return [];
          const message = `Expected the parquet-struct columns ${shapes[0]} (or with reasoning, tool_calls and tool_call_id in messages, and tools), got ${got}; convert it, or check it for the target it is meant for`;
          return [{ rule: "PQ-R1", field: "", message }];
        },
        row: (value) => rowProblems(value, "PQ-R2"),
      }),
    conversation: conversationOf,
  });
}

const everyParts: readonly Parts[] = [false, true].flatMap((calls) =>
  [false, true].map((reasoning) => ({ calls, reasoning })),
);

function shapeOf(columns: ReturnType<typeof columnsOf>): string {
  return [...columns.values()].map((node) => `${node.name} ${physical(node)}`).join(", ");
}

type StructLayout = Layout<Example> & { readonly parts: Parts };

function structLayout(batch: readonly Example[], before: Layout<Example> | null): StructLayout {
  const parts = partsOf(batch, before === null ? null : (before as StructLayout).parts);
  const { calls, reasoning } = parts;
  return {
    parts,
    columns: structColumns(parts),
    row: (example) => ({
      id: example.id,
      messages: example.messages.map((message) => ({
        ...{ role: message.role, content: message.content, weight: weightOf(message) },
        ...(reasoning ? { reasoning: message.reasoning ?? null } : {}),
        ...(calls ? { tool_calls: jsonOf(wireCalls(message)), tool_call_id: message.toolCallId ?? null } : {}),
      })),
      group: example.group,
      task_id: example.taskId,
      query_id: example.queryId,
      trajectory_id: example.trajectoryId,
      transforms: example.transforms,
      ...(calls ? { tools: jsonOf(wireTools(example)) } : {}),
    }),
  };
}
