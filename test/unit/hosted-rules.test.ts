import { readdirSync, readFileSync } from "node:fs";
import { truncate, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { graderFieldsOf } from "../../src/exports/hosted/reinforcement-rules.ts";
import { togetherExporter } from "../../src/exports/hosted/together.ts";
import { checkRows, countingTo, type RuleFile, targetNamed } from "../kit/rule-file.ts";
import { scratchFolder } from "./export-fixtures.ts";

const system = { role: "system", content: "You count." };
const user = { role: "user", content: "How many rows?" };
const said = { role: "assistant", content: "891" };
const answer = { ...said, weight: 1 };
const masked = { ...said, weight: 0 };
const thought = { ...answer, reasoning_content: "Count them." };
const tools = [{ type: "function", function: { name: "python", parameters: { type: "object", properties: {} } } }];
const call = (id: string, changes: object = {}) => ({
  id,
  type: "function",
  function: { name: "python", arguments: '{"code":"len(df)"}', ...changes },
});
const asks = (id = "call_1", changes: object = {}) => ({
  role: "assistant",
  content: "",
  tool_calls: [call(id, changes)],
});
const reply = (id = "call_1") => ({ role: "tool", content: "891", tool_call_id: id });
const short = "aB3dE6gH9";
const mistralAsks = (id = short, changes: object = {}) => ({
  role: "assistant",
  tool_calls: [call(id, changes)],
});
const chat = (...messages: object[]) => ({ messages });
const calling = (...messages: object[]) => ({ messages, tools });
const pairOf = (changes: object) => ({
  input: { messages: [user] },
  preferred_output: [said],
  non_preferred_output: [said],
  ...changes,
});
const picture = (url = "data:image/png;base64,AAAA") => ({ type: "image_url", image_url: { url } });
const sees = (...parts: object[]) => chat({ role: "user", content: parts }, answer);
const asked = (changes: object, body: object = {}) => ({
  custom_id: "one",
  url: "/v1/chat/completions",
  body: { model: "small", ...body },
  ...changes,
});

interface Case {
  readonly rule: string;
  readonly target: string;
  readonly what: string;
  readonly bad: RuleFile;
  /** Keeps every rule of the target. */
  readonly fine: RuleFile;
  /** Where the last row's problem is said to be; the row's own number and this field. Not given: the whole file. */
  readonly field?: string;
  readonly severity?: "warning";
}

/** A rule of a row: what breaks it and at which field, and the nearest row that keeps it. */
function row(
  [rule, target, field, what]: readonly [rule: string, target: string, field: string, what: string],
  bad: object | string | Uint8Array,
  fine: object | string = {},
  more: Pick<RuleFile, "options"> & Pick<Case, "severity"> = {},
): Case {
  const { severity, ...file } = more;
  const same = Object.keys(fine).length === 0;
  return {
    ...{ rule, target, field, what },
    ...(severity === undefined ? {} : { severity }),
    bad: { rows: [bad], ...file },
    fine: { rows: same ? [] : [fine], ...file },
  };
}

/** A rule of the whole file. */
function whole(
  [rule, target, what]: readonly [rule: string, target: string, what: string],
  bad: RuleFile,
  fine: RuleFile = { rows: [] },
  severity?: "warning",
): Case {
  return { rule, target, what, bad, fine, ...(severity === undefined ? {} : { severity }) };
}

const framed = [
  ["OA-R1", "openai"],
  ["OA-R1", "openai-dpo"],
  ["OA-R1", "openai-rft"],
  ["OA-R1", "azure"],
  ["TG-R1", "together"],
  ["TG-R1", "together-instruction"],
  ["TG-R1", "together-preference"],
  ["FW-R1", "fireworks"],
  ["FW-R1", "fireworks-dpo"],
  ["MI-R1", "mistral"],
  ["BA-R2", "batch"],
] as const;

const cases: Case[] = [
  ...framed.flatMap(([rule, target]) => [
    row([rule, target, "", "a line that is no JSON"], "{messages}"),
    row([rule, target, "", "a list instead of an object"], "[]"),
    row([rule, target, "", "a blank line"], ""),
    row([rule, target, "", "bytes that are not UTF-8"], Buffer.from([0x22, 0xff, 0x22])),
    whole([rule, target, "another extension"], { rows: [], name: "rows.json" }),
  ]),
  whole(["OA-R1", "openai", "a byte order mark"], { rows: [], bom: true }),
  whole(["AZ-R1", "azure", "no byte order mark"], { rows: [], bom: false }),
  whole(["AZ-R1", "azure-dpo", "no byte order mark"], { rows: [], bom: false }),
  ...(["openai", "openai-dpo", "openai-rft"] as const).flatMap((target) => [
    whole(["OA-R2", target, "nine lines"], { rows: [], padding: 9 }),
    whole(["OA-R2", target, "49 lines"], { rows: [], padding: 49 }, { rows: [] }, "warning"),
  ]),
  whole(["AZ-R3", "azure", "nine lines"], { rows: [], padding: 9 }),
  whole(["AZ-R3", "azure-dpo", "nine lines"], { rows: [], padding: 9 }),
  whole(["TG-R2", "together", "no line"], { rows: [], padding: 0 }, { rows: [], padding: 1 }),
  whole(["FW-R1", "fireworks", "two lines"], { rows: [], padding: 2 }, { rows: [], padding: 3 }),
  whole(["FW-R9", "fireworks-dpo", "two pairs"], { rows: [], padding: 2 }, { rows: [], padding: 3 }),
  whole(["MI-R1", "mistral", "no line"], { rows: [], padding: 0 }, { rows: [], padding: 1 }),
  whole(["BA-R2", "batch", "50,001 requests"], { rows: [], padding: 50_001 }, { rows: [], padding: 50_000 }),

  row(["OA-R4", "openai", "functions", "the deprecated functions"], { ...chat(user, answer), functions: [] }),
  row(["OA-R4", "openai", "id", "an extra column"], { ...chat(user, answer), id: "1" }, calling(user, answer)),
  row(["OA-R4", "openai-dpo", "tools", "functions outside the input"], pairOf({ tools })),
  row(["OA-R5", "openai", "messages", "no messages"], chat()),
  row(
    ["OA-R5", "openai", "messages[0].role", "the role developer"],
    chat({ ...system, role: "developer" }, user, answer),
    chat(system, user, answer),
  ),
  row(["OA-R5", "openai", "messages[1].train", "an unknown key"], chat(user, { ...answer, train: true })),
  row(["OA-R5", "openai", "messages", "nothing trained"], chat(user, masked)),
  row(
    ["OA-R6", "openai", "messages[1].content", "content in parts"],
    chat(user, { ...answer, content: [{ type: "text", text: "891" }] }),
  ),
  row(["OA-R6", "openai", "messages[0].content", "no content"], chat({ role: "user" }, answer)),
  row(["OA-R7", "openai", "messages[0].weight", "weight on a question"], chat({ ...user, weight: 1 }, answer)),
  row(
    ["OA-R7", "openai", "messages[1].weight", "weight 0.5"],
    chat(user, { ...answer, weight: 0.5 }),
    chat(user, masked, user, answer),
  ),
  row(
    ["OA-R8", "openai", "messages[1].tool_calls[0].function.arguments", "arguments as an object"],
    calling(user, asks("call_1", { arguments: {} }), reply(), answer),
    calling(user, asks(), reply(), answer),
  ),
  row(
    ["OA-R8", "openai", "messages[1].tool_calls[0].function.name", "a function that is not listed"],
    chat(user, asks(), reply(), answer),
  ),
  row(
    ["OA-R9", "openai", "messages[2].tool_call_id", "an answer to no call"],
    calling(user, asks(), reply("call_2"), answer),
  ),
  row(["OA-R9", "openai", "messages[2]", "a call without an answer"], calling(user, asks(), answer)),
  row(["OA-R10", "openai", "messages", "65,537 tokens"], chat(user, answer), {}, { options: counts(65_537) }),
  row(["OA-R11", "openai-dpo", "preferred_output", "two messages"], pairOf({ preferred_output: [said, said] })),
  row(
    ["OA-R11", "openai-dpo", "non_preferred_output[0].tool_calls", "a call"],
    pairOf({ non_preferred_output: [{ ...said, tool_calls: [call("call_1")] }] }),
  ),
  row(
    ["OA-R11", "openai-dpo", "input.messages[1].role", "an input that ends with an answer"],
    pairOf({ input: { messages: [user, said] } }),
    pairOf({ input: { messages: [user, said, user] } }),
  ),
  row(["OA-R12", "openai-rft", "messages[0].role", "the role system"], chat(system, user)),
  row(
    ["OA-R12", "openai-rft", "messages[1].role", "an answer last"],
    chat(user, said),
    chat({ ...system, role: "developer" }, user),
  ),
  row(
    ["OA-R12", "openai-rft", "reference_answer", "a field of the grader that is not there"],
    chat(user),
    { ...chat(user), reference_answer: "1" },
    { options: { graderFields: graderFieldsOf('{"reference":"{{ item.reference_answer }}"}') } },
  ),
  row(
    ["OA-R13", "openai", "messages[0].content[0]", "sound"],
    sees({ type: "input_audio", input_audio: {} }),
    sees({ type: "text", text: "How many?" }, picture()),
  ),

  row(["AZ-R5", "azure", "messages", "a question last"], chat(user, answer, user)),
  row(["AZ-R5", "azure", "messages", "an empty answer last"], chat(user, answer, user, { ...said, content: "" })),
  row(["AZ-R6", "azure-dpo", "preferred_output[0].role", "a question as output"], pairOf({ preferred_output: [user] })),
  row(
    ["AZ-R6", "azure-dpo", "preferred_output", "no assistant message"],
    pairOf({ preferred_output: [reply()] }),
    pairOf({ preferred_output: [asks(), reply(), said] }),
  ),

  row(
    ["TG-R4", "together", "text", "two formats on one line"],
    { ...chat(user, answer), text: "a" },
    calling(user, answer),
  ),
  row(["TG-R4", "together", "messages", "another format"], { prompt: "a", completion: "b" }),
  row(["TG-R4", "together-instruction", "id", "an extra column"], { prompt: "a", completion: "b", id: 1 }),
  row(["TG-R4", "together-instruction", "completion", "no completion"], { prompt: "a" }),
  row(["TG-R4", "together-preference", "non_preferred_output", "one output"], {
    input: { messages: [user] },
    preferred_output: [said],
  }),
  row(["TG-R5", "together", "messages[0].role", "the role developer"], chat({ ...system, role: "developer" }, answer)),
  row(["TG-R5", "together", "messages[1].content", "content null"], chat(user, { ...answer, content: null })),
  row(["TG-R6", "together", "messages[1].role", "two questions in a row"], chat(user, user, answer)),
  row(["TG-R7", "together", "messages", "no assistant message"], chat(user)),
  row(["TG-R8", "together", "messages[1].weight", "weight 2"], chat(user, { ...answer, weight: 2 })),
  row(
    ["TG-R8", "together", "weight", "weight written 1.0"],
    JSON.stringify(chat(user, answer)).replace('"weight":1', '"weight":1.0'),
    chat({ ...user, content: '{"weight": 1.0}' }, answer),
  ),
  whole(
    ["TG-R8", "together", "a message's weight written 1.0 beside the example's own"],
    { rows: [`{"weight":0.5,${JSON.stringify(chat(user, answer)).slice(1).replace('"weight":1', '"weight" : 1e0')}`] },
    {
      rows: [
        `{"weight":0.5,${JSON.stringify(calling({ ...user, content: '"weight":1.0 {[\\' }, answer))
          .slice(1)
          .replace('"properties":{}', '"properties":{"weight":1.5}')}`,
      ],
    },
  ),
  row(
    ["TG-R9", "together", "weight", "a weight below 0"],
    { ...chat(user, answer), weight: -1 },
    { ...chat(user, answer), weight: 0.5 },
  ),
  row(
    ["TG-R10", "together-preference", "preferred_output", "two messages"],
    pairOf({ preferred_output: [said, said] }),
  ),
  row(
    ["TG-R10", "together-preference", "input.messages[1].role", "an input that ends with an answer"],
    pairOf({ input: { messages: [user, said] } }),
    pairOf({ input: { messages: [user], tools } }),
  ),
  whole(
    ["TG-R11", "together", "eleven pictures"],
    { rows: [sees(...Array.from({ length: 11 }, () => picture()))], padding: 0 },
    { rows: [sees(picture())], padding: 0 },
  ),
  whole(
    ["TG-R11", "together", "a GIF"],
    { rows: [sees(picture("data:image/gif;base64,AAAA"))], padding: 0 },
    { rows: [sees(picture("data:image/webp;base64,AAAA"))], padding: 0 },
  ),
  whole(
    ["TG-R11", "together", "pictures on some lines"],
    { rows: [sees(picture())] },
    { rows: [sees(picture()), sees(picture())], padding: 0 },
  ),
  whole(
    ["TG-R13", "together", "loss before the last answer of a model that reasons"],
    { rows: [chat(user, thought, user, thought)], padding: 0, options: { reasoning: true } },
    { rows: [chat(user, { ...thought, weight: 0 }, user, thought)], padding: 0, options: { reasoning: true } },
  ),
  whole(
    ["TG-R13", "together", "no thinking"],
    { rows: [], options: { reasoning: true } },
    { rows: [chat(user, thought)], padding: 0, options: { reasoning: true } },
    "warning",
  ),

  row(["FW-R2", "fireworks", "messages[0].role", "the role function"], chat({ ...user, role: "function" }, answer)),
  row(
    ["FW-R2", "fireworks", "messages[1].role", "a system prompt behind the question"],
    chat(user, system, answer),
    chat(system, user, answer),
  ),
  row(["FW-R3", "fireworks", "messages[1].weight", "weight 0.5"], chat(user, { ...answer, weight: 0.5 })),
  row(["FW-R4", "fireworks", "weight", "a weight on some lines"], { ...chat(user, answer), weight: 1.5 }),
  whole(
    ["FW-R4", "fireworks", "a weight that is text"],
    { rows: Array.from({ length: 3 }, () => ({ ...chat(user, answer), weight: "1" })), padding: 0 },
    { rows: Array.from({ length: 3 }, () => ({ ...chat(user, answer), weight: 1.5 })), padding: 0 },
  ),
  row(["FW-R5", "fireworks", "messages", "32,769 tokens"], chat(user, answer), {}, { options: counts(32_769) }),
  whole(
    ["FW-R6", "fireworks", "thinking in two turns"],
    { rows: [chat(user, thought, user, thought)], options: { reasoning: true } },
    { rows: [chat(user, thought)], options: { reasoning: true } },
    "warning",
  ),
  row(
    ["FW-R9", "fireworks-dpo", "preferred_output", "two messages"],
    pairOf({ preferred_output: [said, said] }),
    pairOf({}),
  ),
  row(
    ["FW-R2", "fireworks-dpo", "input.messages[1].role", "a late system prompt"],
    pairOf({ input: { messages: [user, system] } }),
  ),

  row(["MI-R1", "mistral", "id", "an extra column"], { ...chat(user, answer), id: 1 }, { text: "raw" }),
  row(
    ["MI-R2", "mistral", "messages[1].tool_calls[0].id", "a call's id of six characters"],
    calling(user, mistralAsks("call_1"), reply("call_1"), answer),
    calling(user, mistralAsks(), reply(short), answer),
  ),
  row(
    ["MI-R3", "mistral", "messages[2].tool_call_id", "an answer to no call"],
    calling(user, mistralAsks(), reply("000000000"), answer),
  ),
  row(["MI-R3", "mistral", "messages[2]", "a call without an answer"], calling(user, mistralAsks(), answer)),
  row(["MI-R4", "mistral", "messages", "a question last"], chat(user, answer, user)),
  row(
    ["MI-R5", "mistral", "messages[1]", "text beside a call"],
    calling(user, { ...mistralAsks(), content: "Let me see." }, reply(short), answer),
  ),
  row(
    ["MI-R5", "mistral", "messages[1].tool_calls[0].function.arguments", "arguments as an object"],
    calling(user, mistralAsks(short, { arguments: {} }), reply(short), answer),
  ),
  row(
    ["MI-R6", "mistral", "messages[1].weight", "weight true"],
    chat(user, { ...answer, weight: true }),
    chat(user, masked, user, answer),
  ),

  row(["BA-R1", "batch", "custom_id", "an id that was there"], asked({ custom_id: "task-0" }), asked({})),
  row(
    ["BA-R1", "batch", "custom_id", "an id of 65 characters"],
    asked({ custom_id: "x".repeat(65) }),
    asked({ custom_id: "x".repeat(64) }),
  ),
  row(["BA-R3", "batch", "url", "another url"], asked({ url: "/v1/embeddings" })),
  row(["BA-R3", "batch", "body.model", "another model"], asked({}, { model: "large" })),
  row(["BA-R3", "batch", "body", "no request"], { custom_id: "one", url: "/v1/chat/completions" }),
  row(["BA-R4", "batch", "body.stream", "streaming"], asked({}, { stream: true }), asked({}, { stream: false })),
];

function counts(tokens: number): RuleFile["options"] & object {
  return { renderer: countingTo(tokens), maxTokens: tokens - 1 };
}

test.each(cases.map((one) => [one.rule, one.target, one.what, one] as const))(
  "%s (%s): %s is told, with line and field",
  async (rule, target, _what, { bad, fine, field, severity = "error" }) => {
    await using folder = await scratchFolder();
    const found = (await checkRows(target, bad, folder.path)).filter((problem) => problem.rule === rule);
    expect(found.map((problem) => problem.severity)).toContain(severity);
    if (field !== undefined) expect(found.map((problem) => [problem.line, problem.field])).toContainEqual([51, field]);
    for (const { message } of found) expect(message).toMatch(/^(?:Expected .+(?:got|:|;|none)|Conversations with)/s);
    // Counting is what this very case is about: the same row passes where it is shorter.
    const options = fine.options?.renderer === undefined ? fine.options : { renderer: countingTo(10) };
    const kept = { ...fine, ...(options === undefined ? {} : { options }) };
    expect(await checkRows(target, kept, folder.path)).toEqual([]);
  },
);

test("the published limit of tokens holds where none is given", async () => {
  await using folder = await scratchFolder();
  const rules = async (target: string, tokens: number) =>
    (await checkRows(target, { rows: [], options: { renderer: countingTo(tokens) } }, folder.path)).map(
      ({ rule }) => rule,
    );
  expect(await rules("openai", 65_536)).toEqual([]);
  expect(new Set(await rules("openai", 65_537))).toEqual(new Set(["OA-R10"]));
  expect(await rules("fireworks", 32_768)).toEqual([]);
  expect(new Set(await rules("fireworks", 32_769))).toEqual(new Set(["FW-R5"]));
});

const sizes: [
  rule: string,
  most: number,
  check: (path: string) => ReturnType<ReturnType<typeof targetNamed>["check"]>,
][] = [
  ["OA-R3", 512 * 1024 * 1024, (path) => targetNamed("openai").check(path)],
  ["AZ-R2", 512 * 1024 * 1024, (path) => targetNamed("azure").check(path)],
  ["TG-R3", 1_000_000, (path) => togetherExporter({ mostBytes: 1_000_000 }).check(path)],
  ["BA-R2", 100_000_000, (path) => targetNamed("batch").check(path)],
];

test.each(sizes)("%s: a file of %d bytes and one more is too large", async (rule, most, check) => {
  await using folder = await scratchFolder();
  const path = folder.at("large.jsonl");
  await writeFile(path, "");
  const told = async () =>
    (await check(path)).some((found) => found.rule === rule && found.message.includes(`${most} bytes`));
  // Holes: nothing is written to the disk.
  // Half a gigabyte is read once only.
  if (most < 200_000_000) {
    await truncate(path, most);
    expect(await told()).toBe(false);
  }
  await truncate(path, most + 1);
  expect(await told()).toBe(true);
});

test("every rule that the hosted targets can tell has a case here", () => {
  const folder = fileURLToPath(new URL("../../src/exports/hosted", import.meta.url));
  const names = readdirSync(folder);
  const code = names.map((name) => readFileSync(`${folder}/${name}`, "utf8"));
  const told = code.flatMap((text) => [...text.matchAll(/"((?:OA|AZ|TG|FW|MI|BA)-[A-Z0-9]+)"/g)].map(([, id]) => id));
  const tested = new Set([cases.map(({ rule }) => rule), sizes.map(([rule]) => rule)].flat());
  expect(told.length).toBeGreaterThan(50);
  expect([...new Set(told)].filter((rule) => rule === undefined || !tested.has(rule))).toEqual([]);
});
