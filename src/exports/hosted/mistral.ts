import type { Exporter } from "../../contracts.ts";
import type { Example } from "../../domain/example.ts";
import { sha256 } from "../../domain/hash.ts";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown, weightProblems, wireTools } from "../chat-line.ts";
import { exampleFormat } from "../jsonl-format.ts";
import { chatMessage, readChat } from "./chat-rows.ts";

const roles = new Set<unknown>(["system", "user", "assistant", "tool"]);
const idLength = 9;

/**
 * The format of mistral-finetune (MI-R1..R6). An assistant message carries content or calls, never both: an example that has both in one message
 * has no row here.
 */
export function mistralExporter(): Exporter {
  return exampleFormat({
    name: "mistral",
    about: "mistral-finetune: chat lines with nine-character call ids; format only, the service is closed",
    fileName: "mistral.jsonl",
    rows: mistralRows,
    rules: () => ({ lines: "MI-R1", rows: { rule: "MI-R1", fewest: 1 }, line: mistralProblems }),
    conversation: readChat,
  });
}

function* mistralRows(example: Example): Generator<JsonObject> {
  if (example.messages.some(({ content, toolCalls }) => content !== "" && toolCalls !== undefined)) return;
  const ids = new Map<string, string>();
  for (const { toolCalls = [] } of example.messages)
    for (const { id } of toolCalls) ids.set(id, shortId(example.id, ids.size));
  const tools = wireTools(example);
  yield {
    messages: example.messages.map((message) => {
      const renamed = {
        ...message,
        ...(message.toolCalls === undefined
          ? {}
          : { toolCalls: message.toolCalls.map((call) => ({ ...call, id: ids.get(call.id) ?? call.id })) }),
        ...(message.toolCallId === undefined ? {} : { toolCallId: ids.get(message.toolCallId) ?? message.toolCallId }),
      };
      const row = chatMessage(renamed, { weight: true, reasoning: null });
      if (message.toolCalls === undefined) return row;
      const { content: _, ...rest } = row;
      return rest;
    }),
    ...(tools === null ? {} : { tools }),
  };
}

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Nine characters of base 62, the same for the same example and call. */
function shortId(exampleId: string, call: number): string {
  let left = BigInt(`0x${sha256(`${exampleId} ${call}`)}`);
  let id = "";
  while (id.length < idLength) {
    id += digits[Number(left % 62n)];
    left /= 62n;
  }
  return id;
}

function mistralProblems(line: JsonObject): LineProblem[] {
  const problems: LineProblem[] = [];
  const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });
  for (const key of Object.keys(line))
    if (!["messages", "tools", "text"].includes(key))
      report("MI-R1", key, `Expected text, or messages and tools, got \`${key}\`; remove it`);
  if (typeof line.text === "string" && line.messages === undefined) return problems;
  if (!Array.isArray(line.messages) || line.messages.length === 0) {
    report("MI-R1", "messages", `Expected text, or a list of messages, got ${shown(line.messages)}`);
    return problems;
  }
  const messages = line.messages as unknown[];
  const unanswered = new Set<unknown>();
  const unansweredAt = (field: string) => {
    for (const id of unanswered)
      report("MI-R3", field, `Expected an answer to the call ${shown(id)} before this, got none`);
    unanswered.clear();
  };
  for (const [index, message] of messages.entries()) {
    const field = `messages[${index}]`;
    if (!isObject(message) || !roles.has(message.role)) {
      report("MI-R1", `${field}.role`, `Expected system, user, assistant or tool, got ${shown(message)}`);
      continue;
    }
    problems.push(...weightProblems("MI-R6", message, field));
    if (message.role !== "tool") unansweredAt(field);
    const calls = Array.isArray(message.tool_calls) ? (message.tool_calls as unknown[]) : [];
    if (message.role === "assistant" && Boolean(message.content) === calls.length > 0)
      report("MI-R5", field, "Expected content or calls in an assistant message, and not both; leave one out");
    for (const [at, call] of calls.entries()) {
      const id = isObject(call) ? call.id : undefined;
      unanswered.add(id);
      for (const problem of callProblems(call, `${field}.tool_calls[${at}]`)) problems.push(problem);
    }
    if (message.role === "tool" && !unanswered.delete(message.tool_call_id))
      report(
        "MI-R3",
        `${field}.tool_call_id`,
        `Expected the id of an earlier call without an answer, got ${shown(message.tool_call_id)}`,
      );
  }
  unansweredAt("messages");
  const last = messages.at(-1);
  if (!isObject(last) || last.role !== "assistant")
    report("MI-R4", "messages", `Expected an assistant message last, got ${shown(isObject(last) ? last.role : last)}`);
  return problems;
}

function* callProblems(call: unknown, field: string): Generator<LineProblem> {
  const id = isObject(call) ? call.id : undefined;
  if (typeof id !== "string" || !/^[A-Za-z0-9]{9}$/.test(id))
    yield { rule: "MI-R2", field: `${field}.id`, message: `Expected 9 letters and digits, got ${shown(id)}` };
  const text = isObject(call) && isObject(call.function) ? call.function.arguments : undefined;
  if (typeof text !== "string" || !isObject(parseJson(text)))
    yield {
      rule: "MI-R5",
      field: `${field}.function.arguments`,
      message: `Expected a string holding a JSON object, got ${shown(text)}`,
    };
}
