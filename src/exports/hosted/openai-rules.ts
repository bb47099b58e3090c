import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown, weightProblems } from "../chat-line.ts";

const lineKeys = new Set(["messages", "tools", "parallel_tool_calls"]);
const roles = new Set<unknown>(["system", "user", "assistant", "tool", "function"]);
const messageKeys = new Set([
  "role",
  "content",
  "name",
  "weight",
  "tool_calls",
  "tool_call_id",
  "function_call",
  "refusal",
]);
const toolName = /^[A-Za-z0-9_-]{1,64}$/;

/** What one line breaks of OA-R4 to OA-R9 (OpenAI supervised fine-tuning). */
export function openaiProblems(line: JsonObject): LineProblem[] {
  const problems: LineProblem[] = [];
  const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });

  for (const key of Object.keys(line))
    if (!lineKeys.has(key)) {
      const wayOut = key === "functions" ? "`functions` is deprecated: use tools" : "remove it";
      report("OA-R4", key, `Expected only messages, tools and parallel_tool_calls, got \`${key}\`; ${wayOut}`);
    }

  problems.push(...openaiMessageProblems(line, { at: "messages", trained: true }));
  return problems;
}

/** What the messages of a line break of OA-R5 to OA-R9 and OA-R13; `at` is their field, `trained` whether there has to be loss on one of them. */
export function openaiMessageProblems(
  line: { readonly messages?: unknown; readonly tools?: unknown },
  { at, trained }: { readonly at: string; readonly trained: boolean },
): LineProblem[] {
  const problems: LineProblem[] = [];
  const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });
  const { messages } = line;
  if (!Array.isArray(messages) || messages.length === 0) {
    report("OA-R5", at, `Expected a list of at least one message, got ${shown(messages)}`);
    return problems;
  }
  const tools = toolNames(line.tools);
  const unanswered = new Set<unknown>();
  const unansweredAt = (field: string) => {
    for (const id of unanswered)
      report("OA-R9", field, `Expected an answer to the call ${shown(id)} before this, got none`);
    unanswered.clear();
  };
  for (const [index, message] of (messages as unknown[]).entries()) {
    const field = `${at}[${index}]`;
    if (!isObject(message)) {
      report("OA-R5", field, `Expected an object, got ${shown(message)}`);
      continue;
    }
    if (!roles.has(message.role)) {
      const wayOut = message.role === "developer" ? "; write system instead" : "";
      report("OA-R5", `${field}.role`, `Expected system, user, assistant or tool, got ${shown(message.role)}${wayOut}`);
    }
    for (const key of Object.keys(message))
      if (!messageKeys.has(key))
        report("OA-R5", `${field}.${key}`, `Expected no key \`${key}\` in a message; remove it`);
    if (message.role === "user" && Array.isArray(message.content))
      problems.push(...partProblems(message.content, field));
    else if (typeof message.content !== "string")
      report("OA-R6", `${field}.content`, `Expected a string, got ${shown(message.content)}`);
    problems.push(...weightProblems("OA-R7", message, field));
    if (message.role !== "tool") unansweredAt(field);
    if (message.tool_calls !== undefined)
      for (const problem of callProblems(message.tool_calls, `${field}.tool_calls`, tools)) problems.push(problem);
    for (const id of callIds(message.tool_calls)) unanswered.add(id);
    if (message.role === "tool" && !unanswered.delete(message.tool_call_id))
      report(
        "OA-R9",
        `${field}.tool_call_id`,
        `Expected the id of an earlier call without an answer, got ${shown(message.tool_call_id)}`,
      );
  }
  // The last message may call: then the call is what is learnt.
  if (trained && !(messages as unknown[]).some(isTrained))
    report("OA-R5", at, "Expected at least one assistant message with content and a weight other than 0, got none");
  return problems;
}

/** OA-R13: parts of a user message are text or pictures. */
function partProblems(parts: readonly unknown[], field: string): LineProblem[] {
  return parts.flatMap((part, index) => {
    const type = isObject(part) ? part.type : undefined;
    if (type === "text" || type === "image_url") return [];
    const message = `Expected a part of type text or image_url, got ${shown(type)}; others cannot be trained on`;
    return [{ rule: "OA-R13", field: `${field}.content[${index}]`, message }];
  });
}

function isTrained(message: unknown): boolean {
  if (!isObject(message) || message.role !== "assistant" || message.weight === 0) return false;
  const { content } = message;
  return (content !== undefined && content !== null && content !== "") || callIds(message.tool_calls).length > 0;
}

function callIds(calls: unknown): unknown[] {
  return Array.isArray(calls) ? calls.filter(isObject).map((call) => call.id) : [];
}

function toolNames(tools: unknown): Set<unknown> {
  if (!Array.isArray(tools)) return new Set();
  return new Set(tools.map((tool: unknown) => (isObject(tool) && isObject(tool.function) ? tool.function.name : null)));
}

function* callProblems(calls: unknown, field: string, tools: ReadonlySet<unknown>): Generator<LineProblem> {
  if (!Array.isArray(calls)) {
    yield { rule: "OA-R8", field, message: `Expected a list of calls, got ${shown(calls)}` };
    return;
  }
  for (const [index, call] of (calls as unknown[]).entries()) {
    const at = `${field}[${index}]`;
    if (!isObject(call) || typeof call.id !== "string" || call.type !== "function" || !isObject(call.function)) {
      yield { rule: "OA-R8", field: at, message: `Expected {id, type: "function", function}, got ${shown(call)}` };
      continue;
    }
    const { name, arguments: text } = call.function;
    if (typeof name !== "string" || !toolName.test(name))
      yield { rule: "OA-R8", field: `${at}.function.name`, message: `Expected ${toolName.source}, got ${shown(name)}` };
    else if (!tools.has(name))
      yield {
        rule: "OA-R8",
        field: `${at}.function.name`,
        message: `Expected a name listed in tools, got \`${name}\``,
      };
    if (!isObjectText(text))
      yield {
        rule: "OA-R8",
        field: `${at}.function.arguments`,
        message: `Expected a string holding a JSON object, got ${shown(text)}`,
      };
  }
}

function isObjectText(text: unknown): boolean {
  return typeof text === "string" && isObject(parseJson(text));
}
