import { afterEach, describe, expect, test } from "vitest";
import type { ChatRequest, Completion } from "../../src/contracts.ts";
import { UsageError } from "../../src/domain/errors.ts";
import type { Message } from "../../src/domain/trajectory.ts";
import { type FaultyEndpoint, type Reply, startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { ask, type ModelLab, startModelLab } from "../kit/model-lab.ts";

const open: AsyncDisposable[] = [];
const { signal } = new AbortController();

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** An endpoint that gives this reply, a model of it with these options, and what was sent. */
async function served(reply: Reply, options: Record<string, unknown> = {}) {
  const endpoint: FaultyEndpoint = await startFaultyEndpoint({ answer: [reply] });
  const lab: ModelLab = await startModelLab();
  open.push(endpoint, lab);
  const { teacher } = await lab.open({
    teacher: { provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "model", ...options },
  });
  if (teacher === undefined) throw new Error("Expected a teacher");
  return {
    model: teacher,
    complete: (request: ChatRequest): Promise<Completion> => teacher.complete(request, { sample: 0, signal }),
    sent: () => endpoint.requests.map(({ body }) => body),
  };
}

const python = {
  name: "python",
  description: "Runs code",
  parameters: { type: "object", properties: { code: { type: "string" } }, required: ["code"] },
};
const conversation: Message[] = [
  { role: "user", content: "how many rows?" },
  {
    role: "assistant",
    content: "",
    reasoning: "count them",
    toolCalls: [{ id: "call_1", name: "python", arguments: '{"code": "len(df)"}' }],
  },
  { role: "tool", content: "406", toolCallId: "call_1" },
];

describe("a plain text request is what it was before there were tool calls", () => {
  test("its payload, byte for byte", async () => {
    const { complete, sent } = await served("ok", { temperature: 0.8, topP: 0.9, maxTokens: 64, sendsSeed: true });
    await complete({ messages: [{ role: "system", content: "s" }, ...ask("é").messages], stop: ["</python>"] });
    expect(JSON.stringify(sent()[0])).toBe(
      '{"model":"model","temperature":0.8,"top_p":0.9,"max_tokens":64,"messages":[{"role":"system","content":"s"},' +
        '{"role":"user","content":"é"}],"stop":["</python>"],"seed":0}',
    );
  });

  test("its key in the store, which holds answers that were paid for", async () => {
    const { complete } = await served("ok", { temperature: 0.8, maxTokens: 64, rememberAs: "golden" });
    const { key } = await complete({
      messages: [
        { role: "system", content: "s" },
        { role: "user", content: "u" },
        { role: "assistant", content: "<python>1</python>" },
        { role: "user", content: "<information>1</information>" },
      ],
      stop: ["</python>", "</answer>"],
    });
    expect(key).toBe("completion/5c5193b7f2095a2e340786c4a7a493365813d5193b4501dc2ddc019454f74342");
  });

  test("its key where the model refuses stop strings", async () => {
    const { complete } = await served("ok", { rememberAs: "golden", refuses: ["stop"] });
    expect((await complete({ ...ask("u"), stop: ["</answer>"] })).key).toBe(
      "completion/c6c4d82879898e18f39c8f365a6738fcc5bf4c305dbe1ac7d96a4836f7eb495f",
    );
  });
});

describe("tool calls", () => {
  test("messages and tools go out as chat completions write them, and reasoning stays here", async () => {
    const { complete, sent } = await served("ok");
    await complete({ messages: conversation, tools: [python] });
    expect(sent()).toEqual([
      {
        model: "model",
        messages: [
          { role: "user", content: "how many rows?" },
          {
            role: "assistant",
            content: null,
            tool_calls: [
              { id: "call_1", type: "function", function: { name: "python", arguments: '{"code": "len(df)"}' } },
            ],
          },
          { role: "tool", content: "406", tool_call_id: "call_1" },
        ],
        tools: [{ type: "function", function: python }],
      },
    ]);
  });

  test("calls of an answer without text come back in order, and again from the store", async () => {
    const tool_calls = [
      { id: "call_1", type: "function", function: { name: "python", arguments: '{"code":"1"}' } },
      { id: "call_2", type: "function", function: { name: "python", arguments: "not JSON" } },
    ];
    const { complete } = await served({ text: null, message: { tool_calls }, finishReason: "tool_calls" });
    const first = await complete({ ...ask("a"), tools: [python] });
    expect(first).toMatchObject({
      text: "",
      finishReason: "tool_calls",
      toolCalls: [
        { id: "call_1", name: "python", arguments: '{"code":"1"}' },
        { id: "call_2", name: "python", arguments: "not JSON" },
      ],
    });
    expect(await complete({ ...ask("a"), tools: [python] })).toEqual({ ...first, remembered: true });
  });

  test("arguments that come as an object are written as Python writes JSON, and a missing id is made", async () => {
    const given = { code: "print('é')\n", deep: { list: [1, 2.5, null, true], "a b": {} } };
    const { complete } = await served({
      text: "",
      message: {
        tool_calls: [{ function: { name: "python", arguments: given } }, { id: "", function: { name: "x" } }],
      },
    });
    const { toolCalls = [] } = await complete({ ...ask("a"), tools: [python] });
    expect(toolCalls.map(({ name, arguments: text }) => [name, text])).toEqual([
      ["python", '{"code": "print(\'é\')\\n", "deep": {"list": [1, 2.5, null, true], "a b": {}}}'],
      ["x", "{}"],
    ]);
    const ids = toolCalls.map(({ id }) => id);
    expect(ids.every((id) => /^[a-z0-9]{9}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(2);
    const again = await complete({ ...ask("a"), tools: [python] });
    expect(again.toolCalls?.map(({ id }) => id)).toEqual(ids);
  });

  test("the older `function_call` is one tool call", async () => {
    const function_call = { name: "python", arguments: '{"code":"1"}' };
    const { complete } = await served({ text: null, message: { function_call }, finishReason: "function_call" });
    expect(await complete({ ...ask("a"), tools: [python] })).toMatchObject({
      finishReason: "tool_calls",
      toolCalls: [{ name: "python", arguments: '{"code":"1"}' }],
    });
  });

  test("a completion without calls says nothing of them", async () => {
    const { complete } = await served({ text: "a", message: { tool_calls: [] } });
    expect(await complete(ask("a"))).not.toHaveProperty("toolCalls");
  });

  test("a model without tools is told before anything is sent", async () => {
    const { complete, sent } = await served("ok", { tools: false });
    const error = await complete({ ...ask("a"), tools: [python] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(/`models\.teacher\.tools`.*text/);
    expect(sent()).toEqual([]);
  });
});

describe("JSON as one forced call", () => {
  const jsonSchema = { name: "review", schema: { type: "object" } };
  const call = (name: string) => ({ id: "c", type: "function", function: { name, arguments: '{"score": 1}' } });

  test("the schema goes out as the call's parameters, the arguments come back as the text", async () => {
    const { complete, sent } = await served(
      { text: null, message: { tool_calls: [call("review")] }, finishReason: "tool_calls" },
      { structuredOutput: "tool" },
    );
    const completion = await complete({ ...ask("a"), jsonSchema });
    expect(sent()[0]).toMatchObject({
      tools: [{ type: "function", function: { name: "review", parameters: { type: "object" } } }],
      tool_choice: { type: "function", function: { name: "review" } },
    });
    expect(sent()[0]).not.toHaveProperty("response_format");
    expect(completion).toMatchObject({ text: '{"score": 1}', finishReason: "stop" });
    expect(completion).not.toHaveProperty("toolCalls");
  });

  test("arguments cut at the token limit say so", async () => {
    const { complete } = await served(
      { text: null, message: { tool_calls: [call("review")] }, finishReason: "length" },
      { structuredOutput: "tool" },
    );
    expect(await complete({ ...ask("a"), jsonSchema })).toMatchObject({ text: '{"score": 1}', finishReason: "length" });
  });

  test("a model that wrote text instead is heard", async () => {
    const { complete } = await served('{"score": 0}', { structuredOutput: "tool" });
    expect(await complete({ ...ask("a"), jsonSchema })).toMatchObject({ text: '{"score": 0}', finishReason: "stop" });
  });
});

describe("what a model refuses or needs is said by its options", () => {
  test("refused fields are left out", async () => {
    const { complete, sent } = await served("ok", {
      temperature: 0.8,
      topP: 0.9,
      sendsSeed: true,
      structuredOutput: "tool",
      refuses: ["temperature", "top_p", "stop", "seed", "tool_choice"],
    });
    await complete({ ...ask("a"), stop: ["x"], jsonSchema: { name: "n", schema: {} } });
    expect(Object.keys(sent()[0] ?? {}).toSorted()).toEqual(["messages", "model", "tools"]);
  });

  test("a request's own token limit replaces the config's, in the field the model knows, and is another request", async () => {
    const { model, complete, sent } = await served("ok", {
      maxTokens: 100,
      maxTokensMost: 300,
      maxTokensField: "max_completion_tokens",
      contextTokens: 8_000,
    });
    expect(model.tokenLimit).toEqual({ usual: 100, most: 300 });
    expect(model.contextTokens).toBe(8_000);
    await complete(ask("a"));
    expect((await complete({ ...ask("a"), maxTokens: 300 })).remembered).toBe(false);
    expect(sent().map(({ max_completion_tokens }) => max_completion_tokens)).toEqual([100, 300]);
    await expect(complete({ ...ask("a"), maxTokens: 301 })).rejects.toThrow("at most 300");
  });

  test("the limit may be raised fourfold unless said, and there is none where the config sets none", async () => {
    expect((await served("ok", { maxTokens: 100 })).model.tokenLimit).toEqual({ usual: 100, most: 400 });
    expect((await served("ok")).model.tokenLimit).toBeNull();
    expect((await served("ok")).model.contextTokens).toBeNull();
  });

  const thought = { role: "assistant" as const, content: "said", reasoning: "thought" };
  test.each([
    ["none", { role: "assistant", content: "said" }],
    ["reasoning_content", { role: "assistant", content: "said", reasoning_content: "thought" }],
    ["reasoning", { role: "assistant", content: "said", reasoning: "thought" }],
    ["think_tags", { role: "assistant", content: "<think>\nthought\n</think>\n\nsaid" }],
    [
      "thinking_parts",
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: [{ type: "text", text: "thought" }] },
          { type: "text", text: "said" },
        ],
      },
    ],
  ])("earlier reasoning goes back as `sendsReasoning: %s` says", async (sendsReasoning, message) => {
    const { complete, sent } = await served("ok", { sendsReasoning });
    await complete({ messages: [thought] });
    expect(sent()[0]?.messages).toEqual([message]);
  });
});
