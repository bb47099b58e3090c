import type { FamilyResponses } from "./shape.ts";

const head = {
  id: "oBk",
  object: "chat.completion",
  created: 1_745_000_000,
  model: "Qwen/Qwen3-235B-A22B",
  prompt: [],
};
const usage = { prompt_tokens: 30, completion_tokens: 12, total_tokens: 42 };

export const together: FamilyResponses = {
  pages: [
    "https://github.com/togethercomputer/together-typescript (src/resources/chat/completions.ts)",
    "https://docs.together.ai/docs/error-codes",
  ],
  cases: [
    {
      kind: "text",
      what: "a text that ended with the end token",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "eos",
            index: 0,
            logprobs: null,
            seed: 7_331,
            text: null,
            message: { role: "assistant", content: "406 rows", tool_calls: [] },
          },
        ],
        usage,
        warnings: [],
      },
      gives: { text: "406 rows", finishReason: "stop", tokens: [30, 0, 12, 0] },
    },
    {
      kind: "tool_call",
      what: "a tool call",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "tool_calls",
            index: 0,
            message: {
              role: "assistant",
              content: null,
              tool_calls: [
                { id: "call_q7", index: 0, type: "function", function: { name: "python", arguments: '{"code":"1"}' } },
              ],
            },
          },
        ],
        usage,
      },
      gives: { text: "", toolCalls: [["python", '{"code":"1"}']], finishReason: "tool_calls", tokens: [30, 0, 12, 0] },
    },
    {
      kind: "reasoning",
      what: "thinking left in the text",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "stop",
            index: 0,
            message: { role: "assistant", content: "<think>\ncount\n</think>\n\n406" },
          },
        ],
        usage,
      },
      gives: { text: "406", reasoning: "count", finishReason: "stop", tokens: [30, 0, 12, 0] },
    },
    {
      kind: "length",
      what: "thinking cut at the limit",
      body: {
        ...head,
        choices: [{ finish_reason: "length", index: 0, message: { role: "assistant", content: "<think>\ncount the" } }],
        usage,
      },
      gives: { text: "", reasoning: "count the", finishReason: "length", tokens: [30, 0, 12, 0] },
    },
    {
      kind: "no_usage",
      what: "usage that is null",
      body: {
        ...head,
        choices: [{ finish_reason: "stop", index: 0, message: { role: "assistant", content: "406 rows" } }],
        usage: null,
      },
      gives: { text: "406 rows", finishReason: "stop", tokens: null },
    },
    {
      kind: "error",
      what: "a request that is too long",
      status: 422,
      body: {
        error: {
          message: "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097.",
          type: "invalid_request_error",
          param: "max_tokens",
          code: null,
        },
      },
      gives: { error: "RejectionError", says: "longer than the model takes" },
    },
  ],
  without: { refused: "no finish reason of it is documented" },
};
