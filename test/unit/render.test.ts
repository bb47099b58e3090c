import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Renderer } from "../../src/contracts.ts";
import { UsageError } from "../../src/domain/errors.ts";
import type { Conversation, ExampleMessage } from "../../src/domain/example.ts";
import { openRenderer } from "../../src/exports/render/open.ts";
import { renderProblems } from "../../src/exports/render/problems.ts";
import { trainedTokens } from "../../src/exports/render/tokens.ts";
import { smallTokenizer, templatePath } from "../kit/small-tokenizer.ts";
import { callingExample, pythonTool, say, scratchFolder } from "./export-fixtures.ts";

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let tokenizer: string;
beforeAll(async () => {
  folder = await scratchFolder();
  tokenizer = await smallTokenizer(folder.at("model"));
});
afterAll(() => folder[Symbol.asyncDispose]());

const open = (template: string) => openRenderer({ tokenizer, template: templatePath(template) });
const textOf = (passages: ReturnType<Renderer["render"]>) => passages.map(({ text }) => text).join("");
const trainedText = (passages: ReturnType<Renderer["render"]>) =>
  passages.filter(({ trained }) => trained).map(({ text }) => text);
const rulesOf = (conversation: Conversation, renderer: Renderer, more = {}) =>
  renderProblems(conversation, { renderer, ...more }).map(({ rule }) => rule);

const observation = "The table has 891 rows and 12 columns, and none of its ages is missing.";
const tags: Conversation = {
  messages: [
    say("system", "You count."),
    say("user", "How many rows?"),
    say("assistant", "<python>\nlen(fd)\n</python>", false),
    say("user", `<information>${observation}</information>`),
    say("assistant", "<answer>891</answer>", true),
  ],
};
const thinking = (role: "tool" | "user"): Conversation => ({
  messages: [
    say("system", "You count."),
    say("user", "How many rows?"),
    { ...say("assistant", "I look.", true), reasoning: "Look at the length first." },
    role === "tool" ? { ...say("tool", observation), toolCallId: "call_1" } : say("user", observation),
    { ...say("assistant", "<answer>891</answer>", true), reasoning: "It says 891." },
  ],
});

describe.each(["marked", "plain"])("with the template `%s`", (name) => {
  test("loss falls on what the assistant said and nothing else, its closing token with it", async () => {
    const renderer = await open(name);
    const passages = renderer.render(tags);
    expect(trainedText(passages)).toEqual(["<answer>891</answer><|im_end|>"]);
    expect(passages.filter(({ trained }) => !trained).some(({ text }) => text.includes(observation))).toBe(true);
    const last = passages.find(({ trained }) => trained);
    expect(last?.message).toBe(4);
    expect(textOf(passages).endsWith("<|im_start|>assistant\n<answer>891</answer><|im_end|>\n")).toBe(true);
  });

  test("calls, thinking and their answers stand in it, and no rule is broken", async () => {
    const renderer = await open(name);
    const { messages, tools } = callingExample(1, "print('a \"b\"\\n')");
    const conversation = {
      tools: tools ?? [],
      messages: messages.map((message, index) =>
        index === 2 ? { ...message, reasoning: "First I load it." } : message,
      ),
    };
    const [first, second] = trainedText(renderer.render(conversation));
    expect(first).toMatch(
      /^<think>\nFirst I load it\.\n<\/think>\n\n[\s\S]*<tool_call>[\s\S]*print[\s\S]*<\/tool_call><\|im_end\|>$/,
    );
    expect(second).toBe("So <answer>344</answer><|im_end|>");
    expect(rulesOf(conversation, renderer, { prefixes: "NM-R5" })).toEqual([]);
  });
});

test("labels are the tokens of what is trained, and the numbers those of the whole text", async () => {
  const renderer = await open("marked");
  const { inputIds, attentionMask, labels } = renderer.tokenise(tags);
  const files = ["tokenizer.json", "tokenizer_config.json"].map((name) => readFile(join(tokenizer, name), "utf8"));
  const [json = "", config = ""] = await Promise.all(files);
  const theirs = new Tokenizer(JSON.parse(json), JSON.parse(config));
  expect(inputIds).toEqual(theirs.encode(textOf(renderer.render(tags)), { add_special_tokens: false }).ids);
  expect(attentionMask).toEqual(inputIds.map(() => 1));
  expect(labels).toHaveLength(inputIds.length);
  for (const [index, label] of labels.entries()) expect([-100, inputIds[index]]).toContain(label);
  const trained = labels.filter((label) => label !== -100);
  expect(theirs.decode(trained, { skip_special_tokens: false })).toBe("<answer>891</answer><|im_end|>");
  expect(renderer.count(tags)).toBe(inputIds.length);
});

test("any text: passages are the whole, and labels decode to what is trained", async () => {
  const renderer = await open("marked");
  const text = fc
    .string({ unit: "binary", minLength: 1, maxLength: 30 })
    .map((value) => value.replaceAll(/\0|\p{Surrogate}/gu, "?"));
  const files = ["tokenizer.json", "tokenizer_config.json"].map((name) => readFile(join(tokenizer, name), "utf8"));
  const [json = "", config = ""] = await Promise.all(files);
  const theirs = new Tokenizer(JSON.parse(json), JSON.parse(config));
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text, fc.boolean()), { minLength: 1, maxLength: 4 }), (exchanges) => {
      const messages = exchanges.flatMap(([asked, said, train]) => [say("user", asked), say("assistant", said, train)]);
      const passages = renderer.render({ messages });
      const { inputIds, labels } = renderer.tokenise({ messages });
      expect(trainedText(passages)).toEqual(
        messages.filter(({ train }) => train).map(({ content }) => `${content}<|im_end|>`),
      );
      // The library decodes nothing of nothing with an error.
      const decoded = (ids: readonly number[]) =>
        ids.length === 0 ? "" : theirs.decode([...ids], { skip_special_tokens: false });
      expect(decoded(inputIds)).toBe(textOf(passages));
      expect(decoded(labels.filter((label) => label !== -100))).toBe(trainedText(passages).join(""));
    }),
    { numRuns: 60 },
  );
});

test("private-use characters in the data are not taken for the marks of the mask", async () => {
  const renderer = await open("marked");
  const messages = [say("user", "\uE000 and \uE001"), say("assistant", "a \uE001 b \uE000", true)];
  expect(trainedText(renderer.render({ messages }))).toEqual(["a \uE001 b \uE000<|im_end|>"]);
});

test("a template that drops earlier thinking is stable with tool answers and not with user ones", async () => {
  const renderer = await open("stripping");
  expect(renderer.unstableMessage?.(thinking("tool"))).toBe(null);
  expect(rulesOf(thinking("tool"), renderer, { prefixes: "NM-R5" })).toEqual([]);
  expect(renderer.unstableMessage?.(thinking("user"))).toBe(3);
  expect(() => renderer.render(thinking("user"))).toThrow(/messages\[2\].*drops earlier thinking/);
  const found = rulesOf(thinking("user"), renderer, { prefixes: "VE-R3" });
  expect(found).toContain("VE-R3");
  expect(found).toContain("CT-R1");
  // One row a step has no earlier thinking to drop.
  const [, , first] = thinking("user").messages as [ExampleMessage, ExampleMessage, ExampleMessage];
  expect(rulesOf({ messages: [say("user", "How many rows?"), first] }, renderer)).toEqual([]);
});

describe("a template that opens the last answer otherwise than the same one later on (Qwen3's)", () => {
  const said = (conversation: Conversation) =>
    conversation.messages.map((message) =>
      message.role === "assistant" ? { ...message, train: true, reasoning: undefined } : message,
    ) as ExampleMessage[];

  test.each([
    ["tags", tags],
    ["calls", callingExample(1)],
  ])("loss falls on each answer as it stands in the whole: %s", async (name, conversation) => {
    const renderer = await open("opening");
    const messages = said(conversation);
    const row = { messages, ...(conversation.tools === undefined ? {} : { tools: conversation.tools }) };
    const passages = renderer.render(row);
    const trained = trainedText(passages);
    expect(trained).toHaveLength(2);
    expect(trained[0]).toMatch(
      name === "tags" ? /^<python>[^<]*<\/python><\|im_end\|>$/ : /^<tool_call>[\s\S]*<\/tool_call><\|im_end\|>$/,
    );
    expect(trained[1]).toMatch(/^<think>\n\n<\/think>\n\n.*<\/answer><\|im_end\|>$/);
    expect(passages.filter((passage) => passage.trained).map(({ message }) => message)).toEqual(
      messages.flatMap(({ role }, index) => (role === "assistant" ? [index] : [])),
    );
    expect(rulesOf(row, renderer)).toEqual([]);
  });

  test("thinking that is gone once more follows is refused, and so is a closing token within an answer", async () => {
    const renderer = await open("opening");
    expect(() => renderer.render(thinking("user"))).toThrow(/messages\[2\]/);
    const doubled = said(tags).map((message) => ({
      ...message,
      content: message.content.replace("len", "<|im_end|>"),
    }));
    expect(() => renderer.render({ messages: doubled })).toThrow(/messages\[2\]/);
  });
});

test("CT-R1 tells arguments that are encoded twice, and calls that are dropped", async () => {
  const calling = { messages: callingExample(1).messages, tools: [pythonTool] };
  const doubled = renderProblems(calling, { renderer: await open("doubling") });
  expect(doubled.map(({ rule, message }) => [rule, /twice/.test(message)])).toEqual([["CT-R1", true]]);
  const dropped = renderProblems(calling, { renderer: await open("dropping") });
  expect(dropped.map(({ rule, message }) => [rule, /nowhere/.test(message)])).toContainEqual(["CT-R1", true]);
});

test("CT-R2 tells thinking that the template drops, of trained messages alone", async () => {
  const renderer = await open("dropping");
  expect(rulesOf(thinking("user"), renderer)).toEqual(["CT-R2", "CT-R2"]);
  const masked = thinking("user").messages.map((message, index) =>
    index === 2 ? { ...message, train: false } : message,
  );
  expect(rulesOf({ messages: masked }, renderer)).toEqual(["CT-R2"]);
});

test("CT-R3 warns of arguments as text that are not spaced as templates space objects", async () => {
  const renderer = await open("plain");
  const spaced = (given: string): Conversation => ({
    tools: [pythonTool],
    messages: callingExample(1).messages.map((message) =>
      message.toolCalls === undefined
        ? message
        : { ...message, toolCalls: [{ id: "call_1", name: "python", arguments: given }] },
    ),
  });
  const found = (given: string) =>
    renderProblems(spaced(given), { renderer, argumentsAsText: true }).map(({ rule, severity }) => [rule, severity]);
  expect(found('{"code": "len(df)"}')).toEqual([]);
  expect(found('{"code": "a:b , \\"c\\":1", "most": 1.0, "of": [1, 2e3], "none": {}}')).toEqual([]);
  for (const other of ['{"code":"len(df)"}', '{"code": "len(df)" }', '{"code": "\\u00e9"}', '{"code": [1,2]}'])
    expect(found(other)).toEqual([["CT-R3", "warning"]]);
});

test("CT-R4: a system message comes first or not at all, and somebody asks", async () => {
  const renderer = await open("plain");
  const late = [say("user", "a"), say("assistant", "b", true), say("system", "c"), say("assistant", "d", true)];
  expect(rulesOf({ messages: late }, renderer)).toContain("CT-R4");
  expect(rulesOf({ messages: [say("system", "c"), say("assistant", "d", true)] }, renderer)).toContain("CT-R4");
  const strict = await open("strict");
  const found = renderProblems({ messages: [say("user", "a"), say("assistant", "b", true)] }, { renderer: strict });
  expect(found[0]?.message).toMatch(/refuses this conversation: a system message has to come first/);
});

test("a row without a token to train on is told, and UN-R1 where loss falls on an observation", async () => {
  const renderer = await open("plain");
  const masked = tags.messages.map((message) => ({ ...message, train: false }));
  expect(rulesOf({ messages: masked }, renderer)).toEqual(["C7"]);
  const leaky: Renderer = {
    ...renderer,
    render: (conversation) => renderer.render(conversation).map((passage) => ({ ...passage, trained: true })),
  };
  expect(rulesOf(tags, leaky)).toContain("UN-R1");
  expect(rulesOf(tags, renderer)).toEqual([]);
});

test("generation blocks that are not one for each answer are refused", async () => {
  const renderer = await open("everything");
  expect(() => renderer.render(tags)).toThrow(/one `\{% generation %\}` block for each of the 2 assistant messages/);
});

test("length is told under the target's number, with the limit of the user before that of the target", async () => {
  const renderer = await open("plain");
  const tokens = renderer.count(tags);
  const length = { rule: "FW-R5", most: 32_768 };
  expect(rulesOf(tags, renderer, { length, maxTokens: tokens })).toEqual([]);
  expect(rulesOf(tags, renderer, { length, maxTokens: tokens - 1 })).toEqual(["FW-R5"]);
  expect(rulesOf(tags, renderer, { length: { rule: "FW-R5", most: tokens - 1 } })).toEqual(["FW-R5"]);
});

describe("what is opened", () => {
  test("an encoding counts and says what it cannot do", async () => {
    const renderer = await openRenderer({ tokenizer: "o200k_base" });
    expect(renderer.exact).toBe(false);
    expect(
      renderer.count({ messages: [say("user", "Hello <|endoftext|>"), say("assistant", "Hi", true)] }),
    ).toBeGreaterThan(8);
    expect(() => renderer.render(tags)).toThrow(/encoding `o200k_base`, which counts tokens and renders nothing/);
    await expect(openRenderer({ tokenizer: "o200k_base", template: templatePath("plain") })).rejects.toThrow(
      UsageError,
    );
  });

  test("the folder's own template is used: beside it, in its config, or the default of several", async () => {
    const beside = await smallTokenizer(folder.at("beside"), "plain");
    expect(textOf((await openRenderer({ tokenizer: beside })).render(tags))).toContain(
      "<|im_start|>user\nHow many rows?",
    );
    const within = await smallTokenizer(folder.at("within"));
    const template = await readFile(templatePath("dropping"), "utf8");
    const listed = [
      { name: "tool_use", template: await readFile(templatePath("plain"), "utf8") },
      { name: "default", template },
    ];
    const identities: unknown[] = [];
    for (const chat_template of [template, listed]) {
      await writeFile(join(within, "tokenizer_config.json"), JSON.stringify({ chat_template }));
      const renderer = await openRenderer({ tokenizer: within });
      expect(textOf(renderer.render(tags))).toContain("<|start_header_id|>user");
      identities.push(renderer.identity);
    }
    expect(identities[0]).not.toEqual(identities[1]);
    // Where a model keeps one for conversations with functions, that one is used for them.
    const { messages, tools = [] } = callingExample(1);
    const calling = textOf((await openRenderer({ tokenizer: within })).render({ messages, tools }));
    expect(calling).toContain("<tool_call>");
    expect(calling).not.toContain("<|start_header_id|>");
    const unnamed = JSON.stringify({ chat_template: [{ name: "rag", template }] });
    await writeFile(join(within, "tokenizer_config.json"), unnamed);
    await expect(openRenderer({ tokenizer: within })).rejects.toThrow(/named `default` in .*, got `rag`/);
  });

  test("a template beside the tokenizer that cannot be read is not passed over; special tokens are handed to the template", async () => {
    const model = await smallTokenizer(folder.at("tokens"));
    const config = { chat_template: "{{ sep_token }}{{ bos_token }}", bos_token: { content: "<b>" }, sep_token: "<s>" };
    await writeFile(join(model, "tokenizer_config.json"), JSON.stringify(config));
    expect(textOf((await openRenderer({ tokenizer: model })).render({ messages: [] }))).toBe("<s><b>");
    await mkdir(join(model, "chat_template.jinja"));
    await expect(openRenderer({ tokenizer: model })).rejects.toThrow(/chat_template\.jinja`, got: EISDIR/);
  });

  test.each([
    [
      "nothing there",
      { tokenizer: "/nowhere/at/all" },
      /found nothing at `\/nowhere\/at\/all`\. Nothing is downloaded/,
    ],
    ["no template", { tokenizer: "MODEL" }, /Expected a chat template in .*name one as `template`/],
    [
      "a template that is not there",
      { tokenizer: "MODEL", template: "/nowhere.jinja" },
      /Expected the file `\/nowhere\.jinja` for `template`/,
    ],
    ["no JSON", { tokenizer: "BROKEN" }, /Expected JSON in `.*tokenizer\.json` \(`tokenizer`\)/],
    ["a folder without a tokenizer", { tokenizer: "EMPTY" }, /Expected the file `.*tokenizer\.json` for `tokenizer`/],
  ])("%s is told", async (_what, options, message) => {
    await mkdir(folder.at("empty"), { recursive: true });
    await mkdir(folder.at("broken"), { recursive: true });
    await writeFile(folder.at("broken/tokenizer.json"), "{");
    const places: Record<string, string> = { MODEL: tokenizer, BROKEN: folder.at("broken"), EMPTY: folder.at("empty") };
    const named = { ...options, tokenizer: places[options.tokenizer] ?? options.tokenizer };
    await expect(openRenderer(named)).rejects.toThrow(message);
    await expect(openRenderer(named)).rejects.toThrow(UsageError);
  });

  test("a template that is no Jinja is told with its file", async () => {
    await writeFile(folder.at("bad.jinja"), "{% for %}");
    await expect(openRenderer({ tokenizer, template: folder.at("bad.jinja") })).rejects.toThrow(
      /Jinja chat template in `.*bad\.jinja`/,
    );
  });

  test.skipIf(process.env.TRACEMILL_TOKENIZER_DIR === undefined)(
    "a real model's tokenizer (TRACEMILL_TOKENIZER_DIR names its folder) renders, masks and counts",
    async () => {
      const renderer = await openRenderer({ tokenizer: process.env.TRACEMILL_TOKENIZER_DIR ?? "" });
      const tokens = renderer.tokenise(tags);
      expect(trainedTokens(tokens)).toBeGreaterThan(0);
      expect(trainedText(renderer.render(tags)).join("")).toContain("<answer>891</answer>");
    },
  );
});
