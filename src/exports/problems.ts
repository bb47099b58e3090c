// The canonical rules every example obeys before any format sees it; the ids are those of specs/finetune-targets.md.

import type { Example, ExampleMessage } from "../domain/example.ts";
import { parseJson } from "../domain/reply-json.ts";
import { isObject } from "./chat-line.ts";

/** One broken rule of an example: its id (`C8`, `TG-R6` …) and what was found where. */
export interface ExampleProblem {
  readonly rule: string;
  readonly message: string;
}

// Control tokens of the chat templates in use: a tokenizer turns them into one special token wherever they stand.
const specialToken =
  /<\|[a-z][a-z0-9_]{2,}\|>|<｜[^｜\n]{1,40}｜>|\[\/?INST\]|<\/s>|<\/?tool_call>|<\/?tool_response>|<(?:start|end)_of_turn>/;
const thinkTag = /<\/?think>/;
// With the u flag a surrogate matches only when it has no partner.
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Every canonical rule an example breaks, in message order; empty when it can be exported. Pure.
 * Rules: C1 arguments, C2 content, C3 no `<think>`, C4 calls and their answers, C5 end, C6 system, C7 loss flags, C8 text, C10 special tokens,
 * C11 group, OA-R8 names of functions, TG-R6 alternation, CT-R4 a user speaks first.
 */
export function exampleProblems(example: Example): ExampleProblem[] {
  const problems: ExampleProblem[] = [];
  const report = (rule: string, message: string) => problems.push({ rule, message });

  for (const [index, message] of example.messages.entries()) {
    const where = `messages[${index}]`;
    const previous = example.messages[index - 1];
    // Beside a call a message may say nothing.
    if (message.content === "" && message.toolCalls === undefined)
      report("C2", `Expected text in ${where}.content, got an empty string`);
    if (message.role === "assistant" && thinkTag.test(message.content))
      report("C3", `Expected ${where}.content without think tags, got \`${thinkTag.exec(message.content)?.[0]}\``);
    if (message.role === "system" && index !== 0)
      report("C6", `Expected at most one system message, and that first, got one at ${where}`);
    if (message.train && message.role !== "assistant")
      report("C7", `Expected train only on assistant messages, got it on ${where} (${message.role})`);
    for (const [field, text] of textsOf(message)) {
      for (const problem of textProblems(text)) report("C8", `Expected ${where}.${field} without ${problem}`);
      const token = specialToken.exec(text);
      if (token)
        report("C10", `Expected ${where}.${field} without model special tokens, got \`${token[0]}\` at ${token.index}`);
    }
    // Two calls of one message have two answers; scaffolds make one call a message.
    if (previous?.role === message.role)
      report("TG-R6", `Expected the roles to alternate, got ${message.role} after ${previous.role} at ${where}`);
  }

  for (const { rule, message } of callProblems(example)) report(rule, message);

  const opening = example.messages.find((message) => message.role !== "system");
  if (opening?.role !== "user")
    report("CT-R4", `Expected a user message first (after the system message), got \`${opening?.role ?? "nothing"}\``);
  const last = example.messages.at(-1);
  if (last?.role !== "assistant")
    report("C5", `Expected an assistant message last, got \`${last?.role ?? "nothing"}\``);
  else if (last.toolCalls !== undefined && !endsInStep(example))
    report("C5", "Expected the last message to answer, got one that calls a function");
  if (!example.messages.some((message) => message.role === "assistant" && message.train))
    report("C7", "Expected at least one assistant message with train: true, got none");

  if (example.group === "") report("C11", "Expected a group (the source dataset's id), got an empty string");
  const names = [example.id, example.group, example.taskId, example.queryId, example.trajectoryId];
  for (const name of [...names, ...example.transforms])
    for (const text of textProblems(name)) report("C8", `Expected ids without ${text}, got ${JSON.stringify(name)}`);
  return problems;
}

/** Hands the examples on, and stops with an error at the first one that breaks a rule: that is a bug upstream. */
export async function* refusingBroken(examples: AsyncIterable<Example>): AsyncGenerator<Example, void, undefined> {
  for await (const example of examples) {
    const [problem] = exampleProblems(example);
    if (problem) throw new Error(`Example ${example.id} breaks ${problem.rule}: ${problem.message}`);
    yield example;
  }
}

/** One row a step: it may end in a call, which nothing answers there. */
function endsInStep({ transforms }: Example): boolean {
  return transforms.includes("per_step");
}

const functionName = /^[A-Za-z0-9_-]{1,64}$/;

/** What is wrong with the calls of an example: each has an id of its own, an object, a function that was offered, and its answer next. */
function* callProblems(example: Example): Generator<ExampleProblem> {
  const { messages, tools = [] } = example;
  const offered = new Set(tools.map(({ name }) => name));
  for (const name of offered)
    if (!functionName.test(name))
      yield { rule: "OA-R8", message: `Expected a function's name to fit ${functionName.source}, got \`${name}\`` };
  if (offered.size < tools.length) yield { rule: "OA-R8", message: "Expected each function once in tools" };
  const seen = new Set<string>();
  let pending = new Set<string>();
  const unanswered = function* (where: string): Generator<ExampleProblem> {
    for (const id of pending) yield { rule: "C4", message: `Expected an answer to the call \`${id}\` before ${where}` };
    pending = new Set();
  };
  for (const [index, { role, toolCalls, toolCallId }] of messages.entries()) {
    const where = `messages[${index}]`;
    if ((role === "tool") !== (toolCallId !== undefined))
      yield { rule: "C4", message: `Expected toolCallId on tool messages and no others, got ${role} at ${where}` };
    if (toolCallId !== undefined && !pending.delete(toolCallId))
      yield { rule: "C4", message: `Expected ${where} to answer a call just before it, got \`${toolCallId}\`` };
    if (role !== "tool") yield* unanswered(where);
    if (toolCalls === undefined) continue;
    if (role !== "assistant" || toolCalls.length === 0)
      yield { rule: "C4", message: `Expected calls on assistant messages only, and none for none, at ${where}` };
    for (const { id, name, arguments: text } of toolCalls) {
      if (id === "" || seen.has(id))
        yield { rule: "C4", message: `Expected an id of its own for each call, got \`${id}\` at ${where}` };
      if (!offered.has(name))
        yield { rule: "OA-R8", message: `Expected a call of a function that is offered, got \`${name}\` at ${where}` };
      if (!isObject(parseJson(text))) yield { rule: "C1", message: `Expected a JSON object as arguments at ${where}` };
      seen.add(id);
      pending.add(id);
    }
  }
  if (!endsInStep(example)) yield* unanswered("the end");
}

/** Every text of a message that a trainer reads, under the name of its field. */
function* textsOf({ content, toolCalls = [] }: ExampleMessage): Generator<readonly [field: string, text: string]> {
  yield ["content", content];
  for (const call of toolCalls) {
    yield ["toolCalls.arguments", call.arguments];
    yield ["toolCalls.id", call.id];
    const read = parseJson(call.arguments);
    // Escaped in the JSON, but there once a trainer has parsed it.
    for (const text of isObject(read) ? Object.values(read) : [])
      if (typeof text === "string") yield ["toolCalls.arguments", text];
  }
}

function* textProblems(text: string): Generator<string> {
  if (text.includes("\0")) yield "NUL characters";
  if (loneSurrogate.test(text)) yield "lone surrogates";
}
