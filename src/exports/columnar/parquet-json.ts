import type { Exporter } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import type { Conversation, Example, ExampleMessage } from "../../domain/example.ts";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown, wireTools } from "../chat-line.ts";
import { refusingBroken } from "../problems.ts";
import { type BatchLimits, charactersOf, weightOf } from "./batches.ts";
import { parquetFormat } from "./parquet-format.ts";
import { type JsonRow, jsonConversation, jsonRowProblems } from "./parquet-json-rows.ts";
import { checkParquet } from "./parquet-read.ts";
import { type Column, json, list, type Node, physical, text } from "./schema.ts";

const statistics = false;
const columns: readonly Column[] = [
  { elements: text("id") },
  { elements: list("messages", json("element")), statistics },
  { elements: list("tools", json("element")), statistics },
  ...["group", "task_id", "query_id", "trajectory_id"].map((name) => ({ elements: text(name) })),
  { elements: list("transforms", text("element")), statistics },
];

/**
 * Parquet for `datasets` 4.7 and newer and for TRL (profile `parquet-json`): `messages` and `tools` are LIST<JSON>, so that each message has
 * the keys it needs and no nulls, and arguments are objects.
 */
export function parquetJsonExporter(limits?: BatchLimits): Exporter {
  return parquetFormat<Example>({
    name: "parquet-json",
    about: "Parquet with messages as JSON, for TRL and datasets 4.7 and newer",
    fileName: "parquet-json.parquet",
    limits,
    weigh: ({ messages }) => charactersOf(messages),
    guard: refusingBroken,
    layout: () => ({
      columns,
      row: (example): JsonRow => ({
        id: example.id,
        messages: example.messages.map((message) => jsonMessage(message, example.id)),
        tools: wireTools(example),
        group: example.group,
        task_id: example.taskId,
        query_id: example.queryId,
        trajectory_id: example.trajectoryId,
        transforms: example.transforms,
      }),
    }),
    check: (path) => checkParquet(path, { schema: schemaProblems, row: jsonRowProblems }),
    conversation: (row): Conversation | null => jsonConversation(row),
  });
}

function jsonMessage(message: ExampleMessage, id: string): JsonObject {
  const weight = weightOf(message);
  return {
    role: message.role,
    content: message.content,
    ...(message.reasoning === undefined ? {} : { reasoning_content: message.reasoning }),
    ...(message.toolCalls === undefined
      ? {}
      : {
          tool_calls: message.toolCalls.map((call) => ({
            id: call.id,
            type: "function",
            function: { name: call.name, arguments: argumentsOf(call.arguments, id) },
          })),
        }),
    ...(message.toolCallId === undefined ? {} : { tool_call_id: message.toolCallId }),
    ...(weight === null ? {} : { weight }),
  };
}

/** Arguments as an object. @throws {UsageError} where a number in them has more digits than JavaScript keeps. */
export function argumentsOf(written: string, id: string): JsonObject {
  for (const [token] of written.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g))
    if (/^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)))
      throw new UsageError(
        `Expected arguments whose numbers fit in 53 bits, got \`${token.slice(0, 40)}\` in ${id}: a format that holds arguments as objects would change it; write \`parquet\`, which keeps the text`,
      );
  const read = parseJson(written);
  // `refusingBroken` lets nothing else through (C1).
  if (!isObject(read)) throw new Error(`Expected an object as arguments in ${id}, got ${shown(written)}`);
  return read;
}

/** PQ-R1: `messages` and `tools` are LIST<JSON>, `id` and the other names texts. Columns beside them are let be. */
function* schemaProblems(found: ReadonlyMap<string, Node>): Generator<LineProblem> {
  for (const name of ["messages", "tools"]) {
    const node = found.get(name);
    const got = node === undefined ? "nothing" : physical(node);
    if (got === "list<JSON>" || (name === "tools" && node === undefined)) continue;
    const way = got.startsWith("list<struct")
      ? "check it as `parquet` (the struct profile), or write it as `parquet-json`"
      : "a string without the JSON mark stays a string in `datasets`: write it as `parquet-json`";
    yield { rule: "PQ-R1", field: name, message: `Expected ${name} as list<JSON>, got ${got}; ${way}` };
  }
}
