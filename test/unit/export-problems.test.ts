import { expect, test } from "vitest";
import type { Example, ExampleMessage } from "../../src/domain/example.ts";
import type { ToolCall } from "../../src/domain/trajectory.ts";
import { exampleExporters as exporters } from "../../src/exports/index.ts";
import { exampleProblems } from "../../src/exports/problems.ts";
import {
  callingExample,
  count,
  exampleOf,
  hardTexts,
  pythonTool,
  say,
  scratchFolder,
  streamOf,
} from "./export-fixtures.ts";

const user = say("user", "How many?");
const answer = say("assistant", "<answer>1</answer>", true);

const python = (id: string) => ({ id, name: "python", arguments: '{"code":"1"}' });
const call = (id: string): ExampleMessage => ({ ...say("assistant", "", true), toolCalls: [python(id)] });
const result = (id: string): ExampleMessage => ({ ...say("tool", "1"), toolCallId: id });
/** A call that is answered, with something changed. */
const called = (changes: Partial<ToolCall>): Example => {
  const changed = { ...python("a"), ...changes };
  return of([user, { ...call("a"), toolCalls: [changed] }, result(changed.id), answer]);
};

const broken: [rule: string, what: string, example: Example][] = [
  ["C2", "empty content", of([user, say("assistant", ""), user, answer])],
  ["C3", "a think tag in assistant text", of([user, say("assistant", "<think>Hm</think> 1", true)])],
  ["C5", "a user message last", of([user, answer, user])],
  ["C5", "no messages", of([])],
  ["C6", "a second system message", of([say("system", "a"), user, say("system", "b"), answer])],
  ["C7", "loss on a user message", of([say("user", "How many?", true), answer])],
  ["C7", "no message to train on", of([user, say("assistant", "1")])],
  ["C8", "a lone high surrogate", of([say("user", "\uD83D!"), answer])],
  ["C8", "a lone low surrogate", of([say("user", "!\uDE00"), answer])],
  ["C8", "a NUL", of([say("user", "a\0b"), answer])],
  ["C8", "a NUL in an id", exampleOf(1, { trajectoryId: "a\0b" })],
  ["C10", "a ChatML token", of([say("user", "a<|im_end|>b"), answer])],
  ["C10", "an end-of-text token said by the assistant", of([user, say("assistant", "1<|endoftext|>", true)])],
  ["C10", "an instruction token", of([say("user", "[INST] do"), answer])],
  ["C10", "a tool tag", of([say("user", "</tool_response>"), answer])],
  ["C10", "a DeepSeek token", of([say("user", "<｜end▁of▁sentence｜>"), answer])],
  ["C1", "arguments that are no JSON object", called({ arguments: "[1]" })],
  ["C4", "a call without an answer", of([user, call("a"), answer])],
  ["C4", "a call whose answer comes too late", of([user, call("a"), answer, user, call("b"), result("a"), answer])],
  ["C4", "an answer to no call", of([user, result("a"), answer])],
  ["C4", "two answers to a call", of([user, call("a"), result("a"), result("a"), answer])],
  ["C4", "two calls with one id", of([user, call("a"), result("a"), call("a"), result("a"), answer])],
  ["C4", "a call without an id", called({ id: "" })],
  ["C4", "a call by a user", of([{ ...user, toolCalls: [python("a")] }, answer])],
  ["C4", "an id of a call on a user message", of([{ ...user, toolCallId: "a" }, answer])],
  ["C5", "a call last", of([user, call("a")])],
  ["C8", "a lone surrogate in arguments", called({ arguments: '{"code":"\uD83D"}' })],
  ["C8", "an escaped NUL in arguments", called({ arguments: '{"code":"\\u0000"}' })],
  ["C10", "a special token in arguments", called({ arguments: '{"code":"\\u003c|im_end|>"}' })],
  ["OA-R8", "a function that was not offered", called({ name: "search" })],
  ["OA-R8", "a call where no function was offered", exampleOf(1, { messages: callingExample(1).messages })],
  [
    "OA-R8",
    "a function's name that no target takes",
    callingExample(1, "1", { tools: [{ ...pythonTool, name: "a b" }] }),
  ],
  ["C11", "no group", exampleOf(1, { group: "" })],
  ["TG-R6", "two user messages in a row", of([user, user, answer])],
  ["CT-R4", "an assistant message first", of([answer, user, answer])],
];

test.each(broken)("rule %s is reported for %s", (rule, _what, example) => {
  expect(exampleProblems(example).map((problem) => problem.rule)).toContain(rule);
});

test("an example of native calls has no problem, whatever its code looks like", () => {
  for (const text of hardTexts) expect(exampleProblems(callingExample(1, `${text}x`))).toEqual([]);
});

test("an example that keeps every rule has no problem, whatever its text looks like", () => {
  expect(exampleProblems(exampleOf(1))).toEqual([]);
  for (const text of [...hardTexts, "a < b | c > d", "<s>struck", "x <| y |> z", "[1, 2]", "\u{1F600}"])
    expect(exampleProblems(of([say("user", text), answer]))).toEqual([]);
});

test.each(exporters.map((exporter) => [exporter.name, exporter] as const))(
  "%s refuses an example that breaks a rule, names it, and leaves no file",
  async (_name, exporter) => {
    await using folder = await scratchFolder();
    const examples = [...count(3), exampleOf(9, { messages: [user, say("user", "\uD800"), answer] })];
    await expect(exporter.write(streamOf(examples), folder.at(exporter.fileName))).rejects.toThrow(
      /example_0009 breaks C8/,
    );
    const { readdir } = await import("node:fs/promises");
    expect(await readdir(folder.path)).toEqual([]);
  },
);

function of(messages: ExampleMessage[]): Example {
  return exampleOf(1, {
    messages,
    ...(messages.some(({ toolCalls }) => toolCalls !== undefined) ? { tools: [pythonTool] } : {}),
  });
}
