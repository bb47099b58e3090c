import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ErrorInBody, readAnswer } from "../../src/models/answer.ts";
import { TransientError } from "../../src/models/retry.ts";
import { startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { startModelLab } from "../kit/model-lab.ts";

function body(message: Record<string, unknown>, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    choices: [{ message, finish_reason: "stop" }],
    usage: { prompt_tokens: 3, completion_tokens: 2 },
    ...more,
  });
}

describe("text and reasoning come apart, wherever the endpoint puts the reasoning", () => {
  test.each([
    ["plain text", { content: "the text" }, "the text", null],
    ["reasoning_content", { content: "the text", reasoning_content: "thought" }, "the text", "thought"],
    ["reasoning", { content: "the text", reasoning: "thought" }, "the text", "thought"],
    ["an empty reasoning_content", { content: "the text", reasoning_content: "" }, "the text", null],
    ["a <think> block", { content: "<think>\nthought\n</think>\n\nthe text" }, "the text", "thought"],
    ["a <think> block whose opening is in the prompt", { content: "thought</think>the text" }, "the text", "thought"],
    ["a <think> block that was cut", { content: "<think>thou" }, "", "thou"],
    ["an empty <think> block", { content: "<think></think>the text" }, "the text", ""],
    ["<think> quoted in the text", { content: "say <think>x</think> here" }, "say <think>x</think> here", null],
    [
      "content in parts",
      {
        content: [
          { type: "text", text: "the " },
          { type: "text", text: "text" },
        ],
      },
      "the text",
      null,
    ],
    [
      "a part of another type",
      { content: [{ type: "thinking" }, { type: "text", text: "the text" }] },
      "the text",
      null,
    ],
    ["no content", { content: null, tool_calls: [] }, "", null],
    ["reasoning alone", { content: null, reasoning: "thought" }, "", "thought"],
    ["a <thought> block", { content: "<thought>thought</thought>the text" }, "the text", "thought"],
    ["a <thought> block that was cut", { content: "<thought>thou" }, "", "thou"],
    ["</thought> alone, which no template leaves", { content: "a</thought>b" }, "a</thought>b", null],
    ["a [THINK] block", { content: "[THINK]thought[/THINK]the text" }, "the text", "thought"],
    ["reasoning as an object", { content: "the text", reasoning: { effort: "high" } }, "the text", null],
    ["a `thinking` field", { content: "the text", thinking: "thought" }, "the text", "thought"],
    ["reasoning_details that are encrypted", { content: "a", reasoning_details: [{ data: "x" }] }, "a", null],
    [
      "a part of type reasoning",
      {
        content: [
          { type: "reasoning", text: "thought" },
          { type: "text", text: "the text" },
        ],
      },
      "the text",
      "thought",
    ],
    [
      "a part of type thinking in pieces",
      {
        content: [
          { type: "thinking", thinking: [{ text: "thou" }, { text: "ght" }] },
          { type: "text", text: "the text" },
        ],
      },
      "the text",
      "thought",
    ],
    [
      "leaked channels",
      { content: "<|channel|>analysis<|message|>thought<|end|><|start|>assistant<|channel|>final<|message|>the text" },
      "the text",
      "thought",
    ],
    ["a leaked channel that was cut", { content: "<|channel|>analysis<|message|>thou" }, "", "thou"],
    [
      "two thoughts and a preamble",
      {
        content:
          "<|start|>assistant<|channel|>analysis<|message|>one<|end|><|channel|>commentary<|message|>I look.<|end|><|channel|>analysis<|message|>two<|end|>",
      },
      "I look.",
      "one\n\ntwo",
    ],
    [
      "channels that are only talked about",
      { content: "gpt-oss writes <|channel|>final<|message|>" },
      "gpt-oss writes <|channel|>final<|message|>",
      null,
    ],
  ])("%s", (_name, message, text, reasoning) => {
    expect(readAnswer(body(message))).toMatchObject({ text, reasoning });
  });
});

test("a refusal in its own field is a refusal whatever the finish_reason", () => {
  expect(readAnswer(body({ content: null, refusal: "no" }))).toMatchObject({
    finishReason: "refusal",
    refusal: "no",
  });
});

test("a refusal in a part of the content is one too", () => {
  const content = [{ type: "refusal", refusal: "no" }];
  expect(readAnswer(body({ content }))).toMatchObject({ finishReason: "refusal", refusal: "no", text: "" });
});

test("a call leaked in channels is a call", () => {
  const content =
    '<|channel|>analysis<|message|>count<|end|><|start|>assistant to=functions.python<|channel|>commentary json<|message|>{"code":"1"}<|call|>';
  expect(readAnswer(body({ content }))).toMatchObject({
    text: "",
    reasoning: "count",
    toolCalls: [{ name: "python", arguments: '{"code":"1"}' }],
  });
});

test.each([
  ["with words", { code: 429, message: "gone" }, "cut short by the provider (gone)"],
  ["of another shape", "gone", 'cut short by the provider (`"gone"`)'],
])("an error %s inside a choice is no answer, and nobody knows what it cost", (_name, error, says) => {
  const text = JSON.stringify({ choices: [{ message: { content: "half" }, finish_reason: "stop", error }] });
  expect(() => readAnswer(text)).toThrow(says);
  expect(() => readAnswer(text)).toThrow(expect.objectContaining({ name: "TransientError", status: null }));
});

describe("usage", () => {
  test.each([
    ["missing", undefined],
    ["null", null],
    ["negative", { prompt_tokens: -1, completion_tokens: 2 }],
    ["half there", { prompt_tokens: 1 }],
    ["a text", { prompt_tokens: "7", completion_tokens: 2 }],
    ["a total alone", { total_tokens: 9 }],
  ])("that is %s has to be estimated", (_name, usage) => {
    const read = readAnswer(body({ content: "ééé" }, { usage }));
    expect(read.usage).toEqual({
      inputTokens: 0,
      cachedInputTokens: 0,
      outputTokens: 0,
      reasoningTokens: 0,
      estimated: true,
    });
  });

  test("details of another type are left out, the counts stand", () => {
    const usage = { prompt_tokens: 5, completion_tokens: 4, prompt_tokens_details: "none", prompt_cache_hit_tokens: 2 };
    expect(readAnswer(body({ content: "a" }, { usage })).usage).toMatchObject({
      inputTokens: 5,
      cachedInputTokens: 2,
      outputTokens: 4,
      estimated: false,
    });
  });
});

test.each([
  ["an HTML page", "<html></html>", "HTML page"],
  ["nothing", "", "not JSON"],
  ["half a body", body({ content: "a" }).slice(0, 30), "not JSON"],
  ["a list", "[]", "not a chat completion"],
  ["a message without choices", "{}", "`choices`"],
  ["content of another type", body({ content: 3 }), "`choices.0.message.content`"],
])("%s is no answer, and worth another try", (_name, text, says) => {
  expect(() => readAnswer(text)).toThrow(TransientError);
  expect(() => readAnswer(text)).toThrow(says);
});

test("an error object with status 200 is told apart from a broken answer", () => {
  expect(() => readAnswer('{"error":{"message":"busy","code":503}}')).toThrow(ErrorInBody);
});

const recordings = new URL("../../../shared/recordings/", import.meta.url);

describe.skipIf(!existsSync(recordings))("recorded responses (skipped where ../shared/recordings is absent)", () => {
  test.each(["react.jsonl", "proposals.jsonl", "verdicts.jsonl"])(
    "every assistant text of %s arrives byte for byte",
    async (file) => {
      const texts = readFileSync(new URL(file, recordings), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { messages: { role: string; content: string }[]; response?: string })
        .flatMap(({ messages, response }) => [
          ...messages.filter(({ role }) => role === "assistant").map(({ content }) => content),
          ...(response === undefined ? [] : [response]),
        ]);
      expect(texts.length).toBeGreaterThan(5);
      await using endpoint = await startFaultyEndpoint({ answer: ({ seed = 0 }) => texts[seed] ?? "" });
      await using lab = await startModelLab();
      const { teacher } = await lab.open({
        teacher: { provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "recorded", sendsSeed: true },
      });
      const { signal } = new AbortController();
      for (const [sample, text] of texts.entries()) {
        const request = { messages: [{ role: "user" as const, content: "go on" }] };
        expect((await teacher?.complete(request, { sample, signal }))?.text).toBe(text);
      }
    },
  );
});

describe("usage is read as OpenAI counts it: all that is billed as output is output", () => {
  const details = (reasoning_tokens: number) => ({ completion_tokens_details: { reasoning_tokens } });
  test.each([
    // [what, usage as sent, [input, cached, output, reasoning]]
    [
      "reasoning within the output",
      { prompt_tokens: 10, completion_tokens: 9, total_tokens: 19, ...details(5) },
      [10, 0, 9, 5],
    ],
    [
      "reasoning beside the output (xAI)",
      { prompt_tokens: 12, completion_tokens: 1, total_tokens: 399, ...details(386) },
      [12, 0, 387, 386],
    ],
    [
      "thinking in the total alone (Gemini)",
      { prompt_tokens: 16, completion_tokens: 9, total_tokens: 61 },
      [16, 0, 45, 36],
    ],
    ["no count of output, but a total", { prompt_tokens: 16, total_tokens: 61 }, [16, 0, 45, 0]],
    [
      "a cache counted beside the input",
      { prompt_tokens: 4, completion_tokens: 3, total_tokens: 107, prompt_tokens_details: { cached_tokens: 100 } },
      [104, 100, 3, 0],
    ],
    ["a total below its parts", { prompt_tokens: 10, completion_tokens: 9, total_tokens: 3 }, [10, 0, 9, 0]],
  ])("%s", (_what, usage, [inputTokens, cachedInputTokens, outputTokens, reasoningTokens]) => {
    const read = readAnswer(body({ content: "a" }, { usage })).usage;
    expect(read).toEqual({ inputTokens, cachedInputTokens, outputTokens, reasoningTokens, estimated: false });
  });
});
