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
  ])("%s", (_name, message, text, reasoning) => {
    expect(readAnswer(body(message), 10)).toMatchObject({ text, reasoning });
  });
});

test.each([
  ["stop", "stop"],
  ["eos", "stop"],
  ["length", "length"],
  ["content_filter", "content_filter"],
  ["tool_calls", "tool_calls"],
  ["SAFETY", "content_filter"],
  ["constructor", "other"],
])("finish_reason %s is read as %s", (said, read) => {
  const text = JSON.stringify({ choices: [{ message: { content: "a" }, finish_reason: said }] });
  expect(readAnswer(text, 10).finishReason).toBe(read);
});

test("a refusal in its own field is a refusal whatever the finish_reason", () => {
  expect(readAnswer(body({ content: null, refusal: "no" }), 10)).toMatchObject({
    finishReason: "refusal",
    refusal: "no",
  });
});

describe("usage", () => {
  test.each([
    ["missing", undefined],
    ["null", null],
    ["negative", { prompt_tokens: -1, completion_tokens: 2 }],
    ["half there", { prompt_tokens: 1 }],
  ])("that is %s is estimated at one token for four bytes", (_name, usage) => {
    const read = readAnswer(body({ content: "ééé" }, { usage }), 9);
    expect(read.usage).toEqual({
      inputTokens: 3,
      cachedInputTokens: 0,
      outputTokens: 2,
      reasoningTokens: 0,
      estimated: true,
    });
  });

  test("details of another type are left out, the counts stand", () => {
    const usage = { prompt_tokens: 5, completion_tokens: 4, prompt_tokens_details: "none", prompt_cache_hit_tokens: 2 };
    expect(readAnswer(body({ content: "a" }, { usage }), 9).usage).toMatchObject({
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
  expect(() => readAnswer(text, 10)).toThrow(TransientError);
  expect(() => readAnswer(text, 10)).toThrow(says);
});

test("an error object with status 200 is told apart from a broken answer", () => {
  expect(() => readAnswer('{"error":{"message":"busy","code":503}}', 10)).toThrow(ErrorInBody);
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
