import type { FamilyResponses } from "./shape.ts";

const head = {
  id: "6d1e",
  object: "chat.completion",
  created: 1_750_000_000,
  model: "accounts/fireworks/models/kimi-k2p5",
};
const usage = {
  prompt_tokens: 30,
  total_tokens: 90,
  completion_tokens: 60,
  prompt_tokens_details: { cached_tokens: 16 },
};

export const fireworks: FamilyResponses = {
  pages: [
    "https://docs.fireworks.ai/guides/reasoning",
    "https://docs.fireworks.ai/guides/inference-error-codes",
    "https://docs.fireworks.ai/api-reference/post-chatcompletions",
  ],
  cases: [
    {
      kind: "text",
      what: "a text",
      body: {
        ...head,
        choices: [{ index: 0, message: { role: "assistant", content: "406 rows" }, finish_reason: "stop" }],
        usage,
      },
      gives: { text: "406 rows", finishReason: "stop", tokens: [30, 16, 60, 0] },
    },
    {
      kind: "tool_call",
      what: "a tool call with its reasoning",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: null,
              reasoning_content: "I count them.",
              tool_calls: [
                {
                  index: 0,
                  id: "functions.python:0",
                  type: "function",
                  function: { name: "python", arguments: '{"code": "1"}' },
                },
              ],
            },
            finish_reason: "tool_calls",
          },
        ],
        usage,
      },
      gives: {
        text: "",
        reasoning: "I count them.",
        toolCalls: [["python", '{"code": "1"}']],
        finishReason: "tool_calls",
        tokens: [30, 16, 60, 0],
      },
    },
    {
      kind: "reasoning",
      what: "reasoning in its own field",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: { role: "assistant", content: "925", reasoning_content: "25 * 37 = 925" },
            finish_reason: "stop",
          },
        ],
        usage,
      },
      gives: { text: "925", reasoning: "25 * 37 = 925", finishReason: "stop", tokens: [30, 16, 60, 0] },
    },
    {
      kind: "length",
      what: "an answer cut at the limit",
      body: {
        ...head,
        choices: [{ index: 0, message: { role: "assistant", content: "406" }, finish_reason: "length" }],
        usage,
      },
      gives: { text: "406", finishReason: "length", tokens: [30, 16, 60, 0] },
    },
    {
      kind: "error",
      what: "a model that is not there",
      status: 404,
      body: {
        error: {
          object: "error",
          type: "invalid_request_error",
          code: "NOT_FOUND",
          message: "Model not found, inaccessible, and/or not deployed",
        },
      },
      gives: { error: "UsageError", says: "`model`" },
    },
    {
      kind: "error",
      what: "an account without means",
      status: 402,
      body: { error: { message: "Account is not on a paid plan or has exceeded usage limits." } },
      gives: { error: "UsageError", says: "no credit left" },
    },
  ],
  without: { refused: "no finish reason of it is documented", no_usage: "always reported" },
};
