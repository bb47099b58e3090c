import type { SchemaElement } from "hyparquet";
import type { CheckOptions, Exporter } from "../../contracts.ts";
import type { Example, ExampleMessage } from "../../domain/example.ts";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import { refusingBroken } from "../problems.ts";
import { pythonJson, renderProblems } from "../render/problems.ts";
import { conversationOf, readMessages, readToolsOrText, toolsText, trainsWhole } from "../trainers/rows.ts";
import { charactersOf, type Traits, traitsOf } from "./batches.ts";
import { checkParquet, parquetRows } from "./parquet-check.ts";
import { writeParquet } from "./parquet-file.ts";
import { type Column, flag, list, struct, text } from "./parquet-schema.ts";

function columnsOf({ calls, reasoning }: Traits): readonly Column<Example>[] {
  const call = struct("element", [text("id")], [text("type")], struct("function", [text("name")], [text("arguments")]));
  return [
    {
      elements: list(
        "messages",
        struct(
          "element",
          [text("role")],
          [text("content")],
          ...(calls ? [list("tool_calls", call), [text("tool_call_id")], [text("name")]] : []),
          ...(reasoning ? [[text("reasoning_content")]] : []),
        ),
      ),
      value: ({ messages }) => messageValues(messages, { calls, reasoning }),
      statistics: false,
    },
    ...(calls
      ? [{ elements: [text("tools")], value: ({ tools }: Example) => toolsText(tools), statistics: false } as const]
      : []),
    ...(reasoning ? [{ elements: [flag("enable_thinking")], value: () => true, statistics: false } as const] : []),
  ];
}

function messageValues(messages: readonly ExampleMessage[], { calls, reasoning }: Traits): object[] {
  const names = new Map<string, string>();
  return messages.map((message) => {
    for (const { id, name } of message.toolCalls ?? []) names.set(id, name);
    const { role, content, toolCalls, toolCallId } = message;
    return {
      role,
      content,
      ...(calls
        ? {
            tool_calls:
              toolCalls?.map((call) => ({
                id: call.id,
                type: "function",
                // As a template writes the object itself (CT-R3): this column is printed as it is.
                function: { name: call.name, arguments: pythonJson(parseJson(call.arguments) ?? {}) },
              })) ?? null,
            tool_call_id: toolCallId ?? null,
            name: toolCallId === undefined ? null : (names.get(toolCallId) ?? null),
          }
        : {}),
      ...(reasoning ? { reasoning_content: message.reasoning ?? null } : {}),
    };
  });
}

/** Rows longer than this verl refuses at its own default; the configs that we write set the real one. */
const mostTokens = 32_768;

/**
 * verl's multi-turn SFT format (VE-R1..R4): `messages` as a physical list of structs, with arguments as text, `tools` and `enable_thinking` where
 * there are any. verl trains every assistant message: an example with a masked one has no row here (`tokenised` carries its mask exactly).
 */
export function verlSftExporter(): Exporter {
  return {
    name: "verl-sft",
    about: "verl multi-turn SFT: examples whose every assistant message is trained",
    fileName: "verl-sft.parquet",
    write(examples, path, options = {}) {
      let traits: Traits | null = null;
      return writeParquet<Example>(refusingBroken(examples), path, {
        ...options,
        rows: (example) => (trainsWhole(example) ? [example] : []),
        layout: {
          name: "verl-sft",
          charactersOf,
          columns(batch) {
            traits = batch.length === 0 ? (traits ?? { calls: false, reasoning: false }) : traitsOf(batch, traits);
            return columnsOf(traits);
          },
        },
      });
    },
    check: (path, options = {}) =>
      checkParquet(path, { schema: messageSchemaProblems, row: (row) => rowProblems(row, options) }),
    async *conversations(path) {
      for await (const row of parquetRows(path)) yield readRow(row);
    },
  };
}

function readRow(row: JsonObject) {
  return conversationOf(readMessages(withoutNulls(row.messages)), readToolsOrText(row.tools ?? undefined));
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null && inner !== undefined)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}

/** VE-R1: `messages` is a list of structs in the file itself; text that holds JSON is a text to pandas. */
function messageSchemaProblems(elements: readonly SchemaElement[]): LineProblem[] {
  const at = elements.findIndex(({ name }) => name === "messages");
  const [top, , element] = elements.slice(at);
  if (at === -1) return [{ rule: "VE-R1", field: "messages", message: "Expected a column `messages`, got none" }];
  const isList = top?.num_children === 1 && top.type === undefined;
  const isStruct = (element?.num_children ?? 0) > 0;
  if (isList && isStruct) return [];
  const got = top?.type === undefined ? "a list of texts" : `a column of ${top.converted_type ?? top.type}`;
  return [
    {
      rule: "VE-R1",
      field: "messages",
      message: `Expected a list of structs { role, content }, got ${got}: pandas reads it as text; write the format \`verl-sft\``,
    },
  ];
}

function rowProblems(row: JsonObject, { renderer, maxTokens }: CheckOptions): LineProblem[] {
  const problems: LineProblem[] = [];
  const messages: unknown[] = Array.isArray(row.messages) ? row.messages : [];
  if (messages.length === 0)
    problems.push({
      rule: "VE-R1",
      field: "messages",
      message: `Expected a list of messages, got ${shown(row.messages)}`,
    });
  for (const [index, message] of messages.entries())
    for (const name of ["weight", "train", "loss"])
      if (isObject(message) && (message[name] === 0 || message[name] === false))
        problems.push({
          rule: "VE-R4",
          field: `messages[${index}].${name}`,
          message: `Expected every assistant message to be trained, got \`${name}: ${String(message[name])}\`: verl ignores it; leave the row out, or write \`tokenised\``,
        });
  const conversation = renderer === undefined ? null : readRow(row);
  if (renderer === undefined || conversation === null) return problems;
  const length = { rule: "VE-R2", most: mostTokens };
  return [...problems, ...renderProblems(conversation, { renderer, length, maxTokens, prefixes: "VE-R3" })];
}
