import type { FamilyResponses } from "./shape.ts";

const head = { id: "b4d1", object: "chat.completion", created: 1_750_000_000, model: "Qwen/Qwen3-8B" };
const usage = {
  prompt_tokens: 24,
  total_tokens: 56,
  completion_tokens: 32,
  prompt_tokens_details: { cached_tokens: 8 },
  reasoning_tokens: 20,
};
const tokens = [24, 8, 32, 20] as const;
const message = { role: "assistant", content: "406 rows", reasoning_content: null, tool_calls: null };
const ended = { index: 0, logprobs: null, finish_reason: "stop", matched_stop: 151_645 };

export const sglang: FamilyResponses = {
  pages: [
    "https://docs.sglang.io/docs/basic_usage/openai_api_completions",
    "https://github.com/sgl-project/sglang (python/sglang/srt/entrypoints/openai/protocol.py)",
  ],
  cases: [
    {
      kind: "text",
      what: "a text, its reasoning tokens counted beside the details",
      body: { ...head, choices: [{ ...ended, message }], usage, metadata: { weight_version: "default" } },
      gives: { text: "406 rows", finishReason: "stop", tokens },
    },
    {
      kind: "tool_call",
      what: "a tool call",
      body: {
        ...head,
        choices: [
          {
            ...ended,
            message: {
              ...message,
              content: null,
              tool_calls: [
                { id: "call_9f", index: 0, type: "function", function: { name: "python", arguments: '{"code": "1"}' } },
              ],
            },
            finish_reason: "tool_calls",
            matched_stop: null,
          },
        ],
        usage,
      },
      gives: { text: "", toolCalls: [["python", '{"code": "1"}']], finishReason: "tool_calls", tokens },
    },
    {
      kind: "reasoning",
      what: "reasoning in its own field",
      body: { ...head, choices: [{ ...ended, message: { ...message, reasoning_content: "Count them." } }], usage },
      gives: { text: "406 rows", reasoning: "Count them.", finishReason: "stop", tokens },
    },
    {
      kind: "length",
      what: "an answer cut at the limit",
      body: { ...head, choices: [{ ...ended, message, finish_reason: "length", matched_stop: null }], usage },
      gives: { text: "406 rows", finishReason: "length", tokens },
    },
    {
      kind: "error",
      what: "an aborted request",
      body: { ...head, choices: [{ ...ended, message, finish_reason: "abort" }], usage },
      gives: { error: "FailureError", says: "finish_reason `abort`" },
    },
    {
      kind: "error",
      what: "a request that is too long",
      status: 400,
      body: {
        object: "error",
        message: "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        type: "BadRequestError",
        param: null,
        code: 400,
      },
      gives: { error: "RejectionError", says: "longer than the model takes" },
    },
  ],
  without: { refused: "a server of one's own filters nothing", no_usage: "always reported" },
};
