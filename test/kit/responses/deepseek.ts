import type { FamilyResponses } from "./shape.ts";

const head = { id: "930c", object: "chat.completion", created: 1_705_651_092, model: "deepseek-v4-flash" };
const usage = {
  completion_tokens: 70,
  prompt_tokens: 320,
  prompt_cache_hit_tokens: 256,
  prompt_cache_miss_tokens: 64,
  total_tokens: 390,
  completion_tokens_details: { reasoning_tokens: 60 },
};
const tokens = [320, 256, 70, 60] as const;

export const deepseek: FamilyResponses = {
  pages: [
    "https://api-docs.deepseek.com/api/create-chat-completion",
    "https://api-docs.deepseek.com/guides/thinking_mode",
    "https://api-docs.deepseek.com/quick_start/error_codes",
  ],
  cases: [
    {
      kind: "text",
      what: "a text",
      body: {
        ...head,
        choices: [
          { finish_reason: "stop", index: 0, message: { content: "406 rows", role: "assistant" }, logprobs: null },
        ],
        usage,
        system_fingerprint: "fp_a49d",
      },
      gives: { text: "406 rows", finishReason: "stop", tokens },
    },
    {
      kind: "tool_call",
      what: "a tool call in thinking mode",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "tool_calls",
            index: 0,
            message: {
              role: "assistant",
              content: "",
              reasoning_content: "Let me check the file first.",
              tool_calls: [
                {
                  index: 0,
                  id: "call_00_a",
                  type: "function",
                  function: { name: "python", arguments: '{"code": "1"}' },
                },
              ],
            },
          },
        ],
        usage,
      },
      gives: {
        text: "",
        reasoning: "Let me check the file first.",
        toolCalls: [["python", '{"code": "1"}']],
        finishReason: "tool_calls",
        tokens,
      },
    },
    {
      kind: "reasoning",
      what: "a thought and its answer",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "stop",
            index: 0,
            message: { role: "assistant", content: "9.8", reasoning_content: "9.11 is less than 9.8" },
          },
        ],
        usage,
      },
      gives: { text: "9.8", reasoning: "9.11 is less than 9.8", finishReason: "stop", tokens },
    },
    {
      kind: "length",
      what: "a thought that used the whole limit",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "length",
            index: 0,
            message: { role: "assistant", content: null, reasoning_content: "9.11 is" },
          },
        ],
        usage,
      },
      gives: { text: "", reasoning: "9.11 is", finishReason: "length", tokens },
    },
    {
      kind: "refused",
      what: "a filtered answer",
      body: {
        ...head,
        choices: [{ finish_reason: "content_filter", index: 0, message: { role: "assistant", content: "" } }],
        usage,
      },
      gives: { error: "RejectionError", says: "content filter cut" },
    },
    {
      kind: "error",
      what: "an answer that its own shortage interrupted",
      body: {
        ...head,
        choices: [
          { finish_reason: "insufficient_system_resource", index: 0, message: { role: "assistant", content: "40" } },
        ],
        usage,
      },
      gives: { error: "FailureError", says: "insufficient_system_resource" },
    },
    {
      kind: "error",
      what: "no balance",
      status: 402,
      body: {
        error: { message: "Insufficient Balance", type: "unknown_error", param: null, code: "invalid_request_error" },
      },
      gives: { error: "UsageError", says: "no credit left" },
    },
    {
      kind: "error",
      what: "a conversation without the thought before its tool call",
      status: 400,
      body: {
        error: {
          message: "The `reasoning_content` in the thinking mode must be passed back to the API.",
          type: "invalid_request_error",
        },
      },
      gives: { error: "UsageError", says: "sendsReasoning: reasoning_content" },
    },
  ],
  without: { no_usage: "always reported" },
};
