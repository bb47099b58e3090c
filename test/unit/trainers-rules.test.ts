import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkRows, countingTo, targetNamed } from "../kit/rule-file.ts";
import { scratchFolder } from "./export-fixtures.ts";

const user = { role: "user", content: "How many rows?" };
const said = { role: "assistant", content: "891" };
const call = (given: unknown = { code: "len(df)" }) => ({
  role: "assistant",
  content: "",
  tool_calls: [{ id: "call_1", type: "function", function: { name: "python", arguments: given } }],
});
const reply = { role: "tool", name: "python", tool_call_id: "call_1", content: "891" };
const functions = [{ type: "function", function: { name: "python", description: "", parameters: { type: "object" } } }];
const tools = JSON.stringify(functions);
const human = { from: "human", value: "How many rows?" };
const gpt = { from: "gpt", value: "891" };
const made = (value: string) => ({ from: "function_call", value });
const observed = { from: "observation", value: "891" };
const flagged = (message: object, train: unknown) => ({ ...message, train });
const swiftCall = (content: string, loss?: boolean) => ({
  ...{ role: "tool_call", content },
  ...(loss === undefined ? {} : { loss }),
});
const rightCall = '{"name": "python", "arguments": {"code": "len(df)"}}';
const manyTokens = { renderer: countingTo(300), maxTokens: 200 };

// [rule, target, what is wrong, the field that is named, the row, what a row that keeps the rule looks like]
const cases: [string, string, string, string, object, object, object?][] = [
  ["TR-R1", "trl", "two forms on a line", "", { messages: [user, said], text: "a" }, { messages: [user, said] }],
  ["TR-R1", "trl", "no messages", "messages", { messages: [] }, { messages: [user, said] }],
  [
    "TR-R1",
    "trl-kto",
    "a label that is text",
    "label",
    { prompt: [user], completion: [said], label: "yes" },
    { prompt: [user], completion: [said], label: true },
  ],
  [
    "TR-R1",
    "trl-stepwise",
    "a label too few",
    "labels",
    { prompt: "a", completions: ["b", "c"], labels: [true] },
    { prompt: "a", completions: ["b", "c"], labels: [true, false] },
  ],
  [
    "TR-R1",
    "trl-preference",
    "no rejected try",
    "rejected",
    { prompt: [user], chosen: [said] },
    { prompt: [user], chosen: [said], rejected: [said] },
  ],
  [
    "TR-R2",
    "trl",
    "arguments as text",
    "messages[1].tool_calls[0].function.arguments",
    { messages: [user, call('{"code":"1"}'), reply, said], tools },
    { messages: [user, call(), reply, said], tools },
  ],
  [
    "TR-R2",
    "trl",
    "tools that are no list",
    "tools",
    { messages: [user, said], tools: "{}" },
    { messages: [user, said], tools: "[]" },
  ],
  [
    "TR-R3",
    "trl-steps",
    "tools as a list",
    "tools",
    { prompt: [user], completion: [said], tools: functions },
    { prompt: [user], completion: [said], tools },
  ],
  [
    "TR-R1",
    "trl-steps",
    "a prompt as text and a completion as messages",
    "completion",
    { prompt: "How many rows?", completion: [said] },
    { prompt: "How many rows?", completion: "891" },
  ],
  [
    "TR-R1",
    "trl-steps",
    "a column of another form",
    "",
    { prompt: [user], completion: [said], messages: [user, said] },
    { prompt: [user], completion: [said], id: "example_1" },
  ],
  [
    "TR-R3",
    "trl",
    "null for what the template is given",
    "chat_template_kwargs",
    { messages: [user, said], chat_template_kwargs: null },
    { messages: [user, said], chat_template_kwargs: { enable_thinking: true } },
  ],
  ["TR-R5", "trl", "nobody who answers", "messages", { messages: [user] }, { messages: [user, said] }],
  [
    "TR-R6",
    "trl-steps",
    "an observation in the completion",
    "completion[1].role",
    { prompt: [user], completion: [call(), reply, said] },
    { prompt: [user, call(), reply], completion: [said] },
  ],
  [
    "TR-R6",
    "trl-preference",
    "an observation in what is compared",
    "rejected[1].role",
    { prompt: [user], chosen: [said], rejected: [call(), reply] },
    { prompt: [user], chosen: [said], rejected: [call()] },
  ],
  ["TR-R4", "trl", "a row too long", "messages", { messages: [user, said] }, { messages: [user, said] }, manyTokens],
  [
    "TR-R6",
    "trl-steps",
    "a completion of the user's",
    "completion[0].role",
    { prompt: [user], completion: [user] },
    { prompt: [user], completion: [said] },
  ],
  [
    "TR-R7",
    "trl",
    "a loss flag",
    "messages[1].weight",
    { messages: [user, { ...said, weight: 0 }] },
    { messages: [user, said] },
  ],
  [
    "LF-R2",
    "llama-factory",
    "two questions in a row",
    "conversations[1].from",
    { conversations: [human, human] },
    { conversations: [human, gpt] },
  ],
  [
    "LF-R2",
    "llama-factory-steps",
    "an odd number of turns",
    "conversations",
    { conversations: [human, gpt, human] },
    { conversations: [human, gpt] },
  ],
  [
    "LF-R2",
    "llama-factory-preference",
    "an answer in the conversation",
    "conversations",
    { conversations: [human, gpt], chosen: gpt, rejected: gpt },
    { conversations: [human], chosen: gpt, rejected: gpt },
  ],
  [
    "LF-R2",
    "llama-factory-kto",
    "a label that is a number",
    "label",
    { conversations: [human, gpt], label: 1 },
    { conversations: [human, gpt], label: false },
  ],
  [
    "LF-R3",
    "llama-factory",
    "arguments as text in a call",
    "conversations[1].value",
    { conversations: [human, made('{"name":"python","arguments":"{}"}'), observed, gpt] },
    { conversations: [human, made(`<think>\nso\n</think>\n\n${rightCall}`), observed, gpt] },
  ],
  [
    "LF-R4",
    "llama-factory",
    "tools as a list",
    "tools",
    { conversations: [human, gpt], tools: [] },
    { conversations: [human, gpt], tools: "[]" },
  ],
  [
    "LF-R5",
    "llama-factory",
    "a row too long",
    "messages",
    { conversations: [human, gpt] },
    { conversations: [human, gpt] },
    manyTokens,
  ],
  [
    "AX-R1",
    "axolotl",
    "a message without its flag",
    "messages[0].train",
    { messages: [user, flagged(said, true)] },
    { messages: [flagged(user, false), flagged(said, true)] },
  ],
  [
    "AX-R1",
    "axolotl",
    "loss on nothing",
    "messages",
    { messages: [flagged(user, false), flagged(said, false)] },
    { messages: [flagged(user, false), flagged(said, true)] },
  ],
  [
    "AX-R2",
    "axolotl",
    "arguments that are no object",
    "messages[1].tool_calls[0].function.arguments",
    { messages: [flagged(user, false), flagged(call("[]"), true), flagged(reply, false), flagged(said, true)] },
    {
      messages: [flagged(user, false), flagged(call('{"code":"1"}'), true), flagged(reply, false), flagged(said, true)],
    },
  ],
  [
    "AX-R5",
    "axolotl",
    "a part with another flag",
    "messages[1].content[0]",
    {
      messages: [
        flagged(user, false),
        flagged({ role: "assistant", content: [{ type: "text", text: "a", train: "no" }] }, true),
      ],
    },
    {
      messages: [
        flagged(user, false),
        flagged({ role: "assistant", content: [{ type: "text", text: "a", train: false }] }, true),
      ],
    },
  ],
  [
    "SW-R1",
    "ms-swift",
    "loss on a question",
    "messages[0].loss",
    { messages: [{ ...user, loss: true }, said] },
    { messages: [user, { ...said, loss: true }] },
  ],
  [
    "SW-R1",
    "ms-swift",
    "two flags on calls in a row",
    "messages[2].loss",
    { messages: [user, swiftCall(rightCall, true), swiftCall(rightCall, false), said] },
    { messages: [user, swiftCall(rightCall, true), swiftCall(rightCall, true), said] },
  ],
  [
    "SW-R2",
    "ms-swift",
    "tools as a list",
    "tools",
    { messages: [user, said], tools: [] },
    { messages: [user, said], tools: "[]" },
  ],
  [
    "SW-R2",
    "ms-swift",
    "a call that is no JSON",
    "messages[1].content",
    { messages: [user, swiftCall("len(df)"), said] },
    { messages: [user, swiftCall(rightCall), said] },
  ],
  [
    "SW-R3",
    "ms-swift",
    "a loss scale that is text",
    "messages[1].loss_scale",
    { messages: [user, { ...said, loss_scale: "2" }] },
    { messages: [user, said] },
  ],
  [
    "SW-R4",
    "ms-swift",
    "a row too long",
    "messages",
    { messages: [user, said] },
    { messages: [user, said] },
    manyTokens,
  ],
  [
    "SW-R5",
    "ms-swift-preference",
    "no rejected try",
    "rejected_messages",
    { messages: [user, said] },
    { messages: [user, said], rejected_messages: [user, said] },
  ],
  ["SW-R5", "ms-swift-kto", "no label", "label", { messages: [user, said] }, { messages: [user, said], label: true }],
  ["NM-R1", "nemo-rl", "messages that are text", "messages", { messages: "hi" }, { messages: [user, said] }],
  ["NM-R2", "nemo-rl", "a question last", "messages[0].role", { messages: [user] }, { messages: [user, said] }],
  [
    "NM-R3",
    "nemo-rl",
    "arguments as text",
    "messages[1].tool_calls[0].function.arguments",
    { messages: [user, call("{}"), reply, said] },
    { messages: [user, call(), reply, said] },
  ],
  [
    "NM-R4",
    "nemo-rl-steps",
    "a row too long",
    "messages",
    { messages: [user, said] },
    { messages: [user, said] },
    manyTokens,
  ],
];

test.each(cases)("%s: %s tells %s", async (rule, target, _what, field, bad, fine, options = {}) => {
  await using folder = await scratchFolder();
  const found = await checkRows(target, { rows: [bad], padding: 0, options }, folder.path);
  expect(found.map((problem) => [problem.rule, problem.line, problem.field])).toContainEqual([rule, 1, field]);
  for (const { message } of found) expect(message).toMatch(/^Expected .+(?:got|:|;)|needs ms-swift/s);
  const kept = rule.endsWith("R4") || rule === "LF-R5" ? {} : options;
  expect(await checkRows(target, { rows: [fine], padding: 0, options: kept }, folder.path)).toEqual([]);
});

test("AX-R2: the type of an argument may not change over the lines of a file", async () => {
  await using folder = await scratchFolder();
  const row = (given: object) => ({
    messages: [flagged(user, false), flagged(call(given), true), flagged(reply, false), flagged(said, true)],
  });
  const rows = [row({ limit: 1 }), row({ limit: "1" })];
  const found = await checkRows("axolotl", { rows, padding: 0 }, folder.path);
  expect(found.map(({ rule, line, field }) => [rule, line, field])).toEqual([
    ["AX-R2", 2, "messages[1].tool_calls[0].function.arguments.limit"],
  ]);
  expect(await checkRows("axolotl", { rows: [row({ limit: 1 }), row({ limit: 2 })], padding: 0 }, folder.path)).toEqual(
    [],
  );
});

test("TR-R3: lines that differ in tools as lists, or in having template arguments, are told", async () => {
  await using folder = await scratchFolder();
  const row = (more: object) => ({ messages: [user, said], ...more });
  const other = [{ type: "function", function: { ...functions[0]?.function, name: "sql" } }];
  const find = async (...rows: object[]) =>
    (await checkRows("trl", { rows, padding: 0 }, folder.path)).map(({ line, field, severity }) => [
      line,
      field,
      severity,
    ]);
  expect(await find(row({ tools: functions }), row({ tools: other }))).toEqual([
    [1, "tools", "warning"],
    [2, "tools", "error"],
  ]);
  const thinking = { chat_template_kwargs: { enable_thinking: true } };
  expect(await find(row(thinking), row({}))).toEqual([[2, "chat_template_kwargs", "error"]]);
  expect(await find(row({}), row(thinking))).toEqual([[2, "chat_template_kwargs", "error"]]);
  expect(await find(row({}), row({}))).toEqual([]);
});

test("LF-R1: dataset_info.json beside a file has to name all of it", async () => {
  await using folder = await scratchFolder();
  const check = async (info: object, more: object = {}) => {
    await writeFile(folder.at("rows.jsonl"), `${JSON.stringify({ conversations: [human, gpt], ...more })}\n`);
    await writeFile(folder.at("dataset_info.json"), JSON.stringify(info));
    return (await targetNamed("llama-factory").check(folder.at("rows.jsonl"))).map(({ rule, field }) => [rule, field]);
  };
  const tags = Object.fromEntries(
    ["role", "content", "user", "assistant", "observation", "function", "system"].map((name) => [`${name}_tag`, name]),
  );
  const whole = { file_name: "rows.jsonl", formatting: "sharegpt", tags, columns: { messages: "conversations" } };
  expect(await check({ rows: whole })).toEqual([]);
  expect(await check({ rows: { ...whole, tags: { ...tags, system_tag: undefined } } })).toEqual([
    ["LF-R1", "rows.tags.system_tag"],
  ]);
  expect(await check({ other: { ...whole, file_name: "other.jsonl" } })).toEqual([["LF-R1", "dataset_info.json"]]);
  expect(await check({ rows: { ...whole, formatting: "openai" } })).toEqual([["LF-R1", "rows.formatting"]]);
  expect(await check({ rows: { ...whole, ranking: true } })).toEqual([["LF-R1", "rows.ranking"]]);
  expect(await check({ rows: { ...whole, columns: {} } })).toEqual([["LF-R1", "rows.columns"]]);
  // A column that no line has stops the trainer; one that is not named is not read.
  const system = { messages: "conversations", system: "system" };
  expect(await check({ rows: { ...whole, columns: system } })).toEqual([["LF-R1", "rows.columns.system"]]);
  expect(await check({ rows: { ...whole, columns: system } }, { system: "" })).toEqual([]);
  expect(await check({ rows: whole }, { system: "You count." })).toEqual([["LF-R1", "rows.columns"]]);
});

test("LF-R2: a system message may stand first among the turns", async () => {
  await using folder = await scratchFolder();
  const rows = [{ conversations: [{ from: "system", value: "You count." }, human, gpt] }];
  expect(await checkRows("llama-factory", { rows, padding: 0 }, folder.path)).toEqual([]);
  const late = [{ conversations: [human, { from: "system", value: "You count." }] }];
  expect((await checkRows("llama-factory", { rows: late, padding: 0 }, folder.path)).map(({ rule }) => rule)).toEqual([
    "LF-R2",
  ]);
});

test("every rule that the trainers' formats can tell has a case here, or is told by rendering", () => {
  const folder = fileURLToPath(new URL("../../src/exports/trainers", import.meta.url));
  // Those of settings have their cases in trainers-settings.test.ts.
  const names = readdirSync(folder).filter((name) => name !== "settings-rules.ts");
  const code = names.map((name) => readFileSync(`${folder}/${name}`, "utf8"));
  const told = code.flatMap((text) => [...text.matchAll(/"((?:TR|LF|AX|SW|NM)-R\d+)"/g)].map(([, id]) => id ?? ""));
  // NM-R5 needs a template: test/unit/render.test.ts.
  const tested = new Set([...cases.map(([rule]) => rule), "LF-R1", "NM-R5"]);
  expect(told.length).toBeGreaterThan(30);
  expect([...new Set(told)].filter((rule) => !tested.has(rule))).toEqual([]);
});
