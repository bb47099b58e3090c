// The canonical rules every example obeys before any format sees it; the ids are those of specs/finetune-targets.md.
import type { Example } from "../domain/example.ts";

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
 * Rules: C2 content, C3 no `<think>`, C5 end, C6 system, C7 loss flags, C8 text, C10 special tokens, C11 group,
 * TG-R6 alternation, CT-R4 a user speaks first.
 */
export function exampleProblems(example: Example): ExampleProblem[] {
  const problems: ExampleProblem[] = [];
  const report = (rule: string, message: string) => problems.push({ rule, message });

  for (const [index, message] of example.messages.entries()) {
    const where = `messages[${index}]`;
    const previous = example.messages[index - 1];
    if (message.content === "") report("C2", `Expected text in ${where}.content, got an empty string`);
    if (message.role === "assistant" && thinkTag.test(message.content))
      report("C3", `Expected ${where}.content without think tags, got \`${thinkTag.exec(message.content)?.[0]}\``);
    if (message.role === "system" && index !== 0)
      report("C6", `Expected at most one system message, and that first, got one at ${where}`);
    if (message.train && message.role !== "assistant")
      report("C7", `Expected train only on assistant messages, got it on ${where} (${message.role})`);
    for (const text of textProblems(message.content)) report("C8", `Expected ${where}.content without ${text}`);
    const token = specialToken.exec(message.content);
    if (token)
      report("C10", `Expected ${where}.content without model special tokens, got \`${token[0]}\` at ${token.index}`);
    if (previous?.role === message.role)
      report("TG-R6", `Expected the roles to alternate, got ${message.role} after ${previous.role} at ${where}`);
  }

  const opening = example.messages.find((message) => message.role !== "system");
  if (opening?.role !== "user")
    report("CT-R4", `Expected a user message first (after the system message), got \`${opening?.role ?? "nothing"}\``);
  const last = example.messages.at(-1);
  if (last?.role !== "assistant")
    report("C5", `Expected an assistant message last, got \`${last?.role ?? "nothing"}\``);
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

function* textProblems(text: string): Generator<string> {
  if (text.includes("\0")) yield "NUL characters";
  if (loneSurrogate.test(text)) yield "lone surrogates";
}
