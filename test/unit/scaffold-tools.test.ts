import { describe, expect, test } from "vitest";
import { tools } from "../../src/agents/tools.ts";
import type { Said } from "../../src/contracts.ts";
import type { FinishReason } from "../../src/domain/trajectory.ts";
import { longLines } from "../kit/long-lines.ts";

const code = "import pandas as pd\nprint(pd.read_csv('/data/a.csv').shape)";

function call(
  args: string,
  { name = "python", id = "call_a", finishReason = "tool_calls" as FinishReason, text = "" } = {},
) {
  return tools.parse({ text, finishReason, toolCalls: [{ id, name, arguments: args }] });
}

function say(text: string, finishReason: FinishReason = "stop", said: Partial<Said> = {}) {
  return tools.parse({ text, finishReason, ...said });
}

describe("a native call", () => {
  test("is code, with the text before it as its reasoning, and stays as it was sent", () => {
    const sent = `{ "code": ${JSON.stringify(code)} }`;
    expect(call(sent, { text: "I look." })).toEqual({
      action: { kind: "code", reasoning: "I look.", code },
      message: {
        role: "assistant",
        content: "I look.",
        toolCalls: [{ id: "call_a", name: "python", arguments: sent }],
      },
      transforms: [],
    });
  });

  const j = JSON.stringify;
  test.each<[what: string, sent: string, transform: string | null, run?: string]>([
    ["the code itself", code, "wrap_arguments"],
    ["the code itself, one word", "df", "wrap_arguments", "df"],
    ["the code itself, a number", "42", "wrap_arguments", "42"],
    ["a set comprehension", "{row for row in rows}", "wrap_arguments", "{row for row in rows}"],
    ["the code in a fence", `\`\`\`python\n${code}\n\`\`\``, "wrap_arguments"],
    ["the code in a JSON string", j(code), "wrap_arguments"],
    ["lines", j(code.split("\n")), "wrap_arguments"],
    ["lines under code", j({ code: code.split("\n") }), "wrap_arguments"],
    ["JSON in JSON", j(j({ code })), "unwrap_arguments"],
    ["a call in a call", j({ name: "python", arguments: { code } }), "unwrap_arguments"],
    ["a call whose arguments are text", j({ name: "python", arguments: j({ code }) }), "unwrap_arguments"],
    ["a list of one", j([{ code }]), "unwrap_arguments"],
    ...["source", "input", "cmd", "command", "script", "python_code"].map((key): [string, string, string] => [
      `the key ${key}`,
      j({ [key]: code }),
      "name_argument",
    ]),
    ["another key beside others", j({ language: "python", source: code }), "name_argument"],
    ["the only text under any key", j({ whatever: code }), "name_argument"],
    ["line breaks as they are", `{"code": "${code}"}`, "repair_arguments"],
    ["quotes as they are", '{"code": "print("hi")"}', "repair_arguments", 'print("hi")'],
    [
      "line breaks as they are, with Python's own \\n",
      '{"code": "a = 1\nprint(\\"a\\\\n\\")"}',
      "repair_arguments",
      'a = 1\nprint("a\\\\n")',
    ],
    [
      "quotes as they are around more of them",
      '{"code": "d = {"a": 1}\nprint(d)"}',
      "repair_arguments",
      'd = {"a": 1}\nprint(d)',
    ],
    ["a comma too many behind another member", `{"code": ${j(code)}, "timeout": 5,}`, "repair_arguments"],
    ["Python's quotes", `{'code': 'print(1)\\nprint(2)'}`, "repair_arguments", "print(1)\nprint(2)"],
    ["three quotes", `{"code": """\n${code}"""}`, "repair_arguments"],
    ["a comma too many", `{"code": ${j(code)},}`, "repair_arguments"],
    ["a fence under code", j({ code: `\`\`\`python\n${code}\n\`\`\`` }), null],
    ["other arguments beside it", j({ code, timeout: 10 }), null],
  ])("whose arguments are %s is run", (_, sent, transform, run = code) => {
    const parsed = call(sent);
    expect(parsed.action).toMatchObject({ kind: "code", code: run });
    expect(parsed.transforms).toEqual(transform === null ? [] : [transform]);
    const [said] = parsed.message.toolCalls ?? [];
    if (transform === null) expect(said?.arguments).toBe(sent);
    expect(JSON.parse(said?.arguments ?? "")).toHaveProperty("code");
  });

  test.each<[what: string, sent: string, finishReason: FinishReason, why: RegExp]>([
    ["cut by the token limit", '{"code": "import pandas as', "length", /cut off/],
    ["the code itself, cut by the token limit", "import pandas as", "length", /cut off/],
    ["not finished", '{"code": "import pandas as', "tool_calls", /not finished/],
    ["quotes that end it early", '{"code": "d = {"a": "x", "b": 2}"}', "tool_calls", /no JSON object/],
    ["empty", "", "tool_calls", /no code/],
    ["an empty object", "{}", "tool_calls", /no code/],
    ["null", "null", "tool_calls", /no code/],
    ["no text", '{"code": 1}', "tool_calls", /no code/],
    ["blank code", '{"code": "  "}', "tool_calls", /no code/],
    ["two texts, neither of them code", '{"a": "x", "b": "y"}', "tool_calls", /no code/],
  ])("whose arguments are %s is not run, and answered under its id", (_, sent, finishReason, why) => {
    const parsed = call(sent, { finishReason });
    expect(parsed.action).toMatchObject({ kind: "invalid", why: expect.stringMatching(why) });
    expect(JSON.parse(parsed.message.toolCalls?.[0]?.arguments ?? "")).toBeTypeOf("object");
    expect(tools.nudge("Why.", 3, parsed.message)).toEqual({
      role: "tool",
      toolCallId: "call_a",
      content: expect.stringMatching(/^Why\. Nothing was run\. .*\[3 messages left\]$/s),
    });
  });

  test("finished before the token limit is run", () => {
    expect(call('{"code": "1"}', { finishReason: "length" }).action.kind).toBe("code");
  });

  test.each(["Python", "functions.python", "code_interpreter", "execute_python", "python<|channel|>commentary"])(
    "under the name %s means python, and says so",
    (name) => {
      const parsed = call('{"code": "1"}', { name });
      expect(parsed).toMatchObject({ action: { kind: "code" }, transforms: ["rename_tool"] });
      expect(parsed.message.toolCalls?.[0]?.name).toBe("python");
    },
  );

  test("of another function is not run, and goes on under a name that endpoints take", () => {
    const parsed = call('{"query": "mean"}', { name: "web.search" });
    expect(parsed.action).toMatchObject({ kind: "invalid", why: expect.stringContaining("`web.search`") });
    expect(parsed.message.toolCalls).toEqual([{ id: "call_a", name: "web_search", arguments: '{"query": "mean"}' }]);
    expect(parsed.transforms).toEqual(["rename_tool"]);
  });

  test("is the only one: of several the first is kept", () => {
    const sent = (id: string) => ({ id, name: "python", arguments: `{"code":"${id}"}` });
    const parsed = tools.parse({ text: "", finishReason: "tool_calls", toolCalls: [sent("a"), sent("b"), sent("c")] });
    expect(parsed.action).toMatchObject({ kind: "code", code: "a" });
    expect(parsed.message.toolCalls).toEqual([sent("a")]);
    expect(parsed.transforms).toEqual(["first_call_only"]);
  });

  test("with an answer beside it is run, and the answer, given before the output, is cut", () => {
    const parsed = call('{"code":"1"}', { text: "It is 4.\n<answer>4</answer>" });
    expect(parsed).toMatchObject({
      action: { kind: "code", code: "1" },
      message: { content: "It is 4." },
      transforms: ["cut_answer_beside_call"],
    });
    expect(call('{"code":"1"}', { text: "The <answer> comes later." }).transforms).toEqual([]);
  });

  test("keeps the endpoint's own reasoning beside the text, which is the turn's where it says nothing else", () => {
    const parsed = tools.parse({
      text: "",
      reasoning: "count them",
      finishReason: "tool_calls",
      toolCalls: [{ id: "a", name: "python", arguments: '{"code":"1"}' }],
    });
    expect(parsed.message).toMatchObject({ content: "", reasoning: "count them" });
    expect(parsed.action.reasoning).toBe("count them");
  });
});

describe("a call that a server left in the text", () => {
  const json = JSON.stringify({ name: "python", arguments: { code } });
  test.each([
    ["Hermes", `<tool_call>\n${json}\n</tool_call>`],
    [
      "Hermes with line breaks in the code",
      `<tool_call>\n{"name": "python", "arguments": {"code": "${code}"}}\n</tool_call>`,
    ],
    ["Hermes without its end", `<tool_call>\n${json}`],
    ["Llama 3.1", `<function=python>${JSON.stringify({ code })}</function>`],
    [
      "Qwen3-Coder",
      `<tool_call>\n<function=python>\n<parameter=code>\n${code}\n</parameter>\n</function>\n</tool_call>`,
    ],
    ["GLM", `<tool_call>python\n<arg_key>code</arg_key>\n<arg_value>${code}</arg_value>\n</tool_call>`],
    [
      "invoke",
      `<function_calls>\n<invoke name="python">\n<parameter name="code">${code}</parameter>\n</invoke>\n</function_calls>`,
    ],
    ["Mistral", `[TOOL_CALLS] [${json}]`],
    ["Mistral, newer", `[TOOL_CALLS]python[ARGS]${JSON.stringify({ code })}`],
    [
      "DeepSeek",
      `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>python\n\`\`\`json\n${JSON.stringify({ code })}\n\`\`\`<｜tool▁call▁end｜>`,
    ],
    [
      "DeepSeek 3.1",
      `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>python<｜tool▁sep｜>${JSON.stringify({ code })}<｜tool▁call▁end｜>`,
    ],
    ["Llama's interpreter", `<|python_tag|>${code}`],
    ["JSON alone", json],
    ["JSON with parameters", JSON.stringify({ name: "python", parameters: { code } })],
    [
      "OpenAI's form",
      JSON.stringify({ type: "function", function: { name: "python", arguments: JSON.stringify({ code }) } }),
    ],
    ["JSON and prose behind it", `${json}\n\nThis prints the shape.`],
    ["JSON in a fence", `\`\`\`json\n${json}\n\`\`\``],
  ])("is one in the form of %s, by name", (_, written) => {
    const parsed = say(`I look.\n\n${written}`);
    expect(parsed.action).toEqual({ kind: "code", reasoning: "I look.", code });
    expect(parsed.message.content).toBe("I look.");
    expect(parsed.message.toolCalls).toMatchObject([{ name: "python" }]);
    expect(parsed.transforms[0]).toBe("read_written_call");
  });

  test("cut by the token limit is not run", () => {
    for (const cut of [
      `<tool_call>\n{"name": "python", "arguments": {"code": "impo`,
      "<function=python>\n<parameter=code>\nimpo",
    ]) {
      expect(say(cut, "length").action).toMatchObject({ kind: "invalid", why: expect.stringContaining("cut off") });
    }
  });

  test("comes first or not at all: an answer before it is the answer, one behind it is cut", () => {
    const written = `<tool_call>${json}</tool_call>`;
    expect(say(`<answer>4</answer>\n${written}`)).toMatchObject({
      action: { kind: "answer", answer: "4" },
      message: { content: "<answer>4</answer>" },
      transforms: ["cut_after_action"],
    });
    expect(say(`${written}\n<answer>4</answer>`)).toMatchObject({ action: { kind: "code", code } });
  });

  test("of another function stays text", () => {
    const parsed = say('<tool_call>{"name": "search", "arguments": {}}</tool_call>');
    expect(parsed).toMatchObject({
      action: { kind: "invalid", why: expect.stringContaining("`search`") },
      transforms: [],
    });
    expect(parsed.message.toolCalls).toBeUndefined();
    expect(tools.nudge("Why.", 3, parsed.message).role).toBe("user");
  });
});

describe("a message without a call", () => {
  test("with an answer in its tag is the answer", () => {
    expect(say("It follows.\n<answer>\n@a[1]\n</answer>")).toEqual({
      action: { kind: "answer", reasoning: "It follows.", answer: "@a[1]" },
      message: { role: "assistant", content: "It follows.\n<answer>\n@a[1]\n</answer>" },
      transforms: [],
    });
  });

  test.each<[text: string, answer: string, transforms: readonly string[]]>([
    ["<answer>42", "42", ["close_tag"]],
    ["<answer>42</answer> I hope.", "42", ["cut_after_action"]],
    ["```\n<answer>42</answer>\n```", "42", []],
    ["```\n<answer>42", "42", ["close_tag"]],
    ["<answer>\n```json\n[1]\n```\n</answer>", "[1]", []],
    ["I will write `<answer>` now: <answer>42</answer>", "42", []],
    ["The <answer> tag holds it. <answer>42</answer>", "42", []],
    ["```python\nprint('<answer>1</answer>')\n```\nso <answer>42</answer>", "42", []],
  ])("%j gives %j", (text, answer, transforms) => {
    expect(say(text)).toMatchObject({ action: { kind: "answer", answer }, transforms });
  });

  test.each<[text: string, finishReason: FinishReason, why: string]>([
    ["", "stop", "empty"],
    ["Let me think.", "stop", "neither"],
    ["```python\nprint(1)\n```", "stop", "argument of a call"],
    ["```python\nprint('<answer>1</answer>')\n```", "stop", "talked about"],
    ["<answer>4", "length", "cut off"],
    ["<answer>4", "other", "not closed"],
    ["Let me", "length", "cut off"],
    ["<tool_response>7</tool_response>\n<answer>7</answer>", "stop", "wrote the result"],
  ])("%j (%s) is invalid, and the agent is told why", (text, finishReason, why) => {
    const { action } = say(text, finishReason);
    expect(action).toMatchObject({ kind: "invalid", why: expect.stringContaining(why) });
  });

  test("that is thinking alone says so, and keeps it", () => {
    const cut = say("", "length", { reasoning: "on and on" });
    expect(cut).toMatchObject({
      action: { kind: "invalid", why: expect.stringMatching(/thinking was cut off/) },
      message: { content: "(empty message)", reasoning: "on and on" },
      transforms: ["mark_empty"],
    });
    expect(say("", "stop", { reasoning: "done" }).action).toMatchObject({ why: expect.stringMatching(/no action/) });
  });
});

test("an observation is the result of the call, with the messages left behind it", () => {
  const { message } = call('{"code":"1"}');
  expect(tools.observe("(344, 7)", 5, message)).toEqual({
    role: "tool",
    toolCallId: "call_a",
    content: "(344, 7)\n\n[5 messages left]",
  });
  expect(tools.observe("1", 1, message).content).toMatch(/last message.*without a call.*Code will not be run\.\]$/);
});

test("a megabyte of openings is read without delay", () => {
  for (const piece of [
    "<tool_call>",
    "<answer>",
    '{"name":',
    "[TOOL_CALLS]",
    "```\n",
    "`",
    "<function=",
    '{"code":',
    "</answer>",
  ]) {
    const text = piece.repeat(1_000_000 / piece.length);
    expect(say(text).action.kind).not.toBe("code");
    call(text);
  }
  for (const text of longLines) {
    say(text);
    call(text);
    call(text, { finishReason: "length" });
  }
});
