import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { ExportProblem } from "../../src/contracts.ts";
import { UsageError } from "../../src/domain/errors.ts";
import { chatJsonlExporter } from "../../src/exports/chat-jsonl.ts";
import { scratchFolder } from "./export-fixtures.ts";

const user = { role: "user", content: "How many rows?" };
const answer = { role: "assistant", content: "891", weight: 1 };
const tools = [{ type: "function", function: { name: "python", parameters: { type: "object", properties: {} } } }];
const call = { id: "call_1", type: "function", function: { name: "python", arguments: '{"code":"len(df)"}' } };
const asks = (changes: object) => ({ role: "assistant", content: "", tool_calls: [{ ...call, ...changes }] });
const reply = { role: "tool", tool_call_id: "call_1", content: "891" };
const good = line({ messages: [user, answer] });

// [rules that must report the line, what is wrong, the line, what a line that keeps the rule looks like]
const lineRules: [rules: string[], what: string, bad: string | Buffer, fine?: string][] = [
  [["OA-R1", "TG-R1"], "no JSON", "{messages}"],
  [["OA-R1", "TG-R1"], "a list instead of an object", "[]"],
  [["OA-R1", "TG-R1"], "a blank line", ""],
  [["OA-R1", "TG-R1"], "bytes that are not UTF-8", Buffer.from([0x22, 0xff, 0x22])],
  [["OA-R1"], "a CRLF line end", `${good}\r`],
  [["OA-R4", "TG-R4"], "the deprecated key functions", line({ messages: [user, answer], functions: [] })],
  [
    ["OA-R4", "TG-R4"],
    "an extra column",
    line({ messages: [user, answer], id: "1" }),
    line({ messages: [user, answer], tools }),
  ],
  [["OA-R4", "OA-R5", "TG-R4"], "another format", line({ prompt: "a", completion: "b" })],
  [["OA-R4", "TG-R4"], "two formats on one line", line({ messages: [user, answer], text: "a" })],
  [["OA-R5", "TG-R5"], "no messages", line({ messages: [] })],
  [["OA-R5", "TG-R5"], "a message that is text", line({ messages: ["hi", answer] })],
  [
    ["OA-R5", "TG-R5"],
    "an unknown role",
    line({ messages: [{ role: "developer", content: "a" }, user, answer] }),
    line({ messages: [{ role: "system", content: "a" }, user, answer] }),
  ],
  [["OA-R5"], "an unknown message key", line({ messages: [user, { ...answer, train: true }] })],
  [["OA-R5"], "nothing trained", line({ messages: [user, { ...answer, weight: 0 }] })],
  [["OA-R5", "TG-R7"], "no assistant message", line({ messages: [user] })],
  [
    ["OA-R6", "TG-R5"],
    "content that is a list of parts",
    line({ messages: [user, { role: "assistant", content: [{ type: "text", text: "891" }] }] }),
  ],
  [["OA-R6", "TG-R5"], "content null", line({ messages: [{ role: "system", content: null }, user, answer] })],
  [["OA-R7", "TG-R8"], "weight on a user message", line({ messages: [{ ...user, weight: 1 }, answer] })],
  [
    ["OA-R7", "TG-R8"],
    "weight 2",
    line({ messages: [user, { ...answer, weight: 2 }] }),
    line({ messages: [user, { ...answer, weight: 0 }, user, answer] }),
  ],
  [["OA-R7", "TG-R8"], "weight true", line({ messages: [user, { ...answer, weight: true }] })],
  [
    ["OA-R7", "TG-R8"],
    "weight written 1.0",
    good.replace('"weight":1', '"weight":1.0'),
    line({ messages: [{ role: "user", content: '{"weight": 1.0}' }, answer] }),
  ],
  [
    ["OA-R8"],
    "arguments as an object",
    line({ messages: [user, asks({ function: { name: "python", arguments: {} } }), reply, answer], tools }),
    line({ messages: [user, asks({}), reply, answer], tools }),
  ],
  [
    ["OA-R8"],
    "arguments that hold a list",
    line({ messages: [user, asks({ function: { name: "python", arguments: "[]" } }), reply, answer], tools }),
  ],
  [
    ["OA-R8"],
    "arguments that are no JSON",
    line({ messages: [user, asks({ function: { name: "python", arguments: "{" } }), reply, answer], tools }),
  ],
  [["OA-R8"], "a tool that is not listed", line({ messages: [user, asks({}), reply, answer] })],
  [
    ["OA-R8"],
    "a tool name with a space",
    line({ messages: [user, asks({ function: { name: "a b", arguments: "{}" } }), reply, answer], tools }),
  ],
  [["OA-R8"], "a call without a type", line({ messages: [user, asks({ type: undefined }), reply, answer], tools })],
  [
    ["OA-R9"],
    "a tool answer without its call",
    line({ messages: [user, asks({ id: "call_2" }), reply, answer], tools }),
  ],
  [
    ["OA-R9"],
    "a call answered twice",
    line({ messages: [user, asks({}), reply, asks({ id: "call_3" }), reply, answer], tools }),
  ],
  [["OA-R9"], "a call that nothing answers", line({ messages: [user, asks({}), user, answer], tools })],
  [
    ["TG-R6"],
    "two messages of one role",
    line({ messages: [user, user, answer] }),
    line({ messages: [user, answer, user, answer] }),
  ],
];

test.each(lineRules)("%j is reported, with its line, for %s", async (rules, _what, bad, fine) => {
  const problems = await checked([...lines(10), bad, ...lines(2)]);
  const errors = problems.filter((problem) => problem.severity === "error");
  expect([...new Set(errors.map((problem) => problem.rule))].sort()).toEqual([...rules].sort());
  expect(new Set(errors.map((problem) => problem.line))).toEqual(new Set([11]));
  if (fine !== undefined)
    expect((await checked([...lines(10), fine])).filter((problem) => problem.severity === "error")).toEqual([]);
});

test("fifty good lines pass without a word", async () => {
  expect(await checked(lines(50))).toEqual([]);
});

test("OA-R1 wants no byte order mark, and TG-R1 does not mind", async () => {
  const problems = await checked([`\uFEFF${good}`, ...lines(49)]);
  expect(problems.map(({ rule, line }) => [rule, line])).toEqual([["OA-R1", 1]]);
});

test("OA-R1 and TG-R1 want the name to end in .jsonl", async () => {
  const problems = await checked(lines(50), { name: "chat.json" });
  expect(problems.map(({ rule, line }) => [rule, line])).toEqual([
    ["OA-R1", 0],
    ["TG-R1", 0],
  ]);
});

test("OA-R2 is an error below ten lines and a warning below fifty", async () => {
  const found = async (rows: number) => (await checked(lines(rows))).map(({ rule, severity }) => [rule, severity]);
  expect(await found(9)).toEqual([["OA-R2", "error"]]);
  expect(await found(10)).toEqual([["OA-R2", "warning"]]);
  expect(await found(49)).toEqual([["OA-R2", "warning"]]);
  expect(await found(50)).toEqual([]);
});

test("TG-R2 wants one example at least", async () => {
  expect((await checked([])).map((problem) => problem.rule)).toEqual(["OA-R2", "TG-R2"]);
  expect((await checked([good])).map((problem) => problem.rule)).not.toContain("TG-R2");
});

test("OA-R3 and TG-R3 bound the size of a file", async () => {
  const size = 50 * (good.length + 1);
  const found = async (openaiMaxBytes: number, togetherMaxBytes: number) =>
    (await checked(lines(50), { limits: { openaiMaxBytes, togetherMaxBytes } })).map((problem) => problem.rule);
  expect(await found(size, size)).toEqual([]);
  expect(await found(size - 1, size - 1)).toEqual(["OA-R3", "TG-R3"]);
});

test("a line too long to be an example is reported and the next is read", async () => {
  const problems = await checked([...lines(10), "x".repeat(3_000_000), "{}"], { limits: { maxLineBytes: 1_000_000 } });
  expect(problems.filter((problem) => problem.line === 11).map((problem) => problem.rule)).toEqual(["OA-R1", "TG-R1"]);
  expect(problems.some((problem) => problem.line === 12)).toBe(true);
});

test("a hopeless file ends in a count instead of a problem a line", async () => {
  const problems = await checked(Array.from({ length: 5_000 }, () => "{}"));
  expect(problems).toHaveLength(1_001);
  expect(problems.at(-1)?.message).toMatch(/^\d+ more problems/);
});

test("each message says what was expected, what came and where", async () => {
  const [problem] = await checked([line({ messages: [user, { ...answer, weight: 2 }] }), ...lines(49)]);
  expect(problem).toEqual({
    rule: "OA-R7",
    line: 1,
    field: "messages[1].weight",
    message: "Expected the integer 0 or 1, got `2`",
    severity: "error",
  });
});

test("checking a file that is not there is the caller's mistake", async () => {
  await expect(chatJsonlExporter().check("/nowhere/chat.jsonl")).rejects.toThrow(UsageError);
});

function line(value: object): string {
  return JSON.stringify(value);
}

function lines(rows: number): string[] {
  return Array.from({ length: rows }, () => good);
}

async function checked(
  content: readonly (string | Buffer)[],
  options: { readonly name?: string; readonly limits?: Parameters<typeof chatJsonlExporter>[0] } = {},
): Promise<ExportProblem[]> {
  await using folder = await scratchFolder();
  const path = folder.at(options.name ?? "chat.jsonl");
  await writeFile(path, Buffer.concat(content.map((row) => Buffer.concat([Buffer.from(row), Buffer.from("\n")]))));
  return await chatJsonlExporter(options.limits).check(path);
}
