import type { CheckOptions } from "../../contracts.ts";
import type { Conversation, ExampleMessage } from "../../domain/example.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import { renderProblems } from "../render/problems.ts";
import { jsonCell } from "./json-columns.ts";
import type { Row } from "./parquet-format.ts";
import type { ParquetRules } from "./parquet-read.ts";
import { itemOf, type Node, physical } from "./schema.ts";

const verlMaxTokens = 1024;
const masks = ["train", "weight", "loss", "trainable"];

/** VE-R1, VE-R4, and with a renderer VE-R2, VE-R3 and the CT rules. `obeysTrainable`: the copy of verl masks messages with `trainable: false`. */
export function verlSftRules(options: CheckOptions, obeysTrainable: boolean): ParquetRules {
  return { schema: schemaProblems, row: (row) => rowProblems(row, options, obeysTrainable) };
}

function* schemaProblems(columns: ReadonlyMap<string, Node>): Generator<LineProblem> {
  const way = "pandas gives verl a text there; write it as `verl-sft`, or convert it to a list of structs";
  const messages = columns.get("messages");
  const item = messages === undefined ? null : itemOf(messages);
  const field = (name: string) => item?.children.find((child) => child.name === name);
  const textual = ["role", "content"].every((name) => {
    const node = field(name);
    return node !== undefined && physical(node) === "string";
  });
  if (!textual) {
    const got = messages === undefined ? "nothing" : physical(messages);
    yield {
      ...{ rule: "VE-R1", field: "messages" },
      message: `Expected messages as list<struct{role: string, content: string, …}>, got ${got}; ${way}`,
    };
  }
  const lists: [string, Node | undefined][] = [
    ["tools", columns.get("tools")],
    ["messages.tool_calls", field("tool_calls")],
  ];
  for (const [name, node] of lists)
    if (node !== undefined && (itemOf(node)?.children.length ?? 0) === 0)
      yield { rule: "VE-R1", field: name, message: `Expected ${name} as list<struct>, got ${physical(node)}; ${way}` };
  const thinking = columns.get("enable_thinking");
  if (thinking !== undefined && physical(thinking) !== "boolean")
    yield {
      ...{ rule: "VE-R1", field: "enable_thinking" },
      message: `Expected enable_thinking as boolean, got ${physical(thinking)}; convert it`,
    };
}

function* rowProblems(row: Row, { renderer, maxTokens }: CheckOptions, obeys: boolean): Generator<LineProblem> {
  const conversation = verlConversation(row);
  if (conversation === null) {
    yield {
      ...{ rule: "VE-R1", field: "messages" },
      message:
        "Expected messages with a role (system, user, assistant, tool) and text, got a row of another shape; mend it",
    };
    return;
  }
  if (!conversation.messages.some(({ role }) => role === "assistant"))
    yield { rule: "VE-R4", field: "messages", message: "Expected an assistant message to train on; drop the row" };
  for (const [index, message] of (row.messages as JsonObject[]).entries())
    if (message.role === "assistant") yield* maskProblems(message, `messages[${index}]`, obeys);
  if (renderer === undefined) return;
  // A longer row stops verl with a ValueError; its own default is what a config that says nothing has.
  const length = { rule: "VE-R2", most: verlMaxTokens };
  for (const problem of renderProblems(conversation, { renderer, length, maxTokens, prefixes: "VE-R3" }))
    yield problem.rule === "VE-R2" && maxTokens === undefined ? { ...problem, severity: "warning" } : problem;
}

/** Masks that verl does not obey: it would train a message that is not to be trained. */
function* maskProblems(message: JsonObject, field: string, obeys: boolean): Generator<LineProblem> {
  for (const name of masks) {
    const value = message[name];
    if (value !== false && value !== 0 && value !== 0n) continue;
    if (name === "trainable" && obeys) continue;
    const only = name === "trainable" ? ", but for newer copies (check those as `verl-sft-trainable`)" : "";
    yield {
      ...{ rule: "VE-R4", field: `${field}.${name}` },
      message: `Expected no masked assistant message, got ${name} ${value}: verl trains it all the same${only}; leave the row out`,
    };
  }
}

/** A row as verl's reader takes it; an assistant message trains unless `trainable` says no. Null for one of another shape. */
export function verlConversation(row: Row): Conversation | null {
  if (!Array.isArray(row.messages) || row.messages.length === 0) return null;
  const messages = row.messages.map(messageOf);
  if (!messages.every((message) => message !== null)) return null;
  const tools = Array.isArray(row.tools) ? row.tools.map(jsonCell) : [];
  const functions = tools.flatMap((tool) => (isObject(tool) && isObject(tool.function) ? [tool.function] : []));
  return {
    messages,
    ...(functions.length === 0
      ? {}
      : {
          tools: functions.map(({ name, description, parameters }) => ({
            ...{ name: String(name), description: String(description ?? "") },
            parameters: isObject(parameters) ? { ...parameters } : {},
          })),
        }),
  };
}

function messageOf(value: unknown): ExampleMessage | null {
  if (!isObject(value)) return null;
  const { role, content, reasoning_content: reasoning, tool_calls: calls, tool_call_id: answered } = value;
  if (role !== "system" && role !== "user" && role !== "assistant" && role !== "tool") return null;
  if (typeof content !== "string") return null;
  const made = Array.isArray(calls) ? calls.map(callOf) : [];
  if (!made.every((call) => call !== null)) return null;
  return {
    ...{ role, content, train: role === "assistant" && value.trainable !== false },
    ...(typeof reasoning === "string" ? { reasoning } : {}),
    ...(made.length === 0 ? {} : { toolCalls: made }),
    ...(typeof answered === "string" ? { toolCallId: answered } : {}),
  };
}

function callOf(value: unknown) {
  if (!isObject(value) || !isObject(value.function)) return null;
  const { name, arguments: given } = value.function;
  const text = typeof given === "string" ? given : JSON.stringify(jsonCell(given ?? {}));
  return { id: String(value.id ?? ""), name: typeof name === "string" ? name : shown(name), arguments: text };
}
