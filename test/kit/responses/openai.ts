import type { FamilyResponses } from "./shape.ts";

const head = { id: "chatcmpl-9", object: "chat.completion", created: 1_741_569_952, model: "gpt-4.1-2025-04-14" };
const details = {
  prompt_tokens_details: { cached_tokens: 1_024, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 64, audio_tokens: 0, accepted_prediction_tokens: 0 },
};
const message = { role: "assistant", content: null, refusal: null, annotations: [] };

export const openai: FamilyResponses = {
  pages: [
    "https://platform.openai.com/docs/api-reference/chat/object",
    "https://platform.openai.com/docs/guides/structured-outputs#refusals",
    "https://platform.openai.com/docs/guides/error-codes",
  ],
  cases: [
    {
      kind: "text",
      what: "a text, with everything that stands beside it",
      body: {
        ...head,
        choices: [{ index: 0, message: { ...message, content: "406 rows" }, logprobs: null, finish_reason: "stop" }],
        usage: { prompt_tokens: 1_117, completion_tokens: 46, total_tokens: 1_163, ...details },
        service_tier: "default",
        system_fingerprint: "fp_fc9f1d7035",
      },
      gives: { text: "406 rows", finishReason: "stop", tokens: [1_117, 1_024, 46, 64] },
    },
    {
      kind: "tool_call",
      what: "a function call",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: {
              ...message,
              tool_calls: [
                {
                  id: "call_abc123",
                  type: "function",
                  function: { name: "python", arguments: '{\n"code": "len(df)"\n}' },
                },
              ],
            },
            logprobs: null,
            finish_reason: "tool_calls",
          },
        ],
        usage: { prompt_tokens: 82, completion_tokens: 17, total_tokens: 99 },
      },
      gives: {
        text: "",
        toolCalls: [["python", '{\n"code": "len(df)"\n}']],
        finishReason: "tool_calls",
        tokens: [82, 0, 17, 0],
      },
    },
    {
      kind: "length",
      what: "a reasoning model that used the whole limit before it wrote a word",
      body: {
        ...head,
        choices: [{ index: 0, message: { ...message, content: "" }, finish_reason: "length" }],
        usage: { prompt_tokens: 20, completion_tokens: 64, total_tokens: 84, ...details },
      },
      gives: { text: "", finishReason: "length", tokens: [20, 1_024, 64, 64] },
    },
    {
      kind: "refused",
      what: "a refusal in its own field",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: { ...message, refusal: "I'm sorry, I cannot assist with that." },
            finish_reason: "stop",
          },
        ],
        usage: { prompt_tokens: 81, completion_tokens: 11, total_tokens: 92 },
      },
      gives: { error: "RejectionError", says: "I cannot assist" },
    },
    {
      kind: "error",
      what: "a wrong key",
      status: 401,
      body: {
        error: {
          message: "Incorrect API key provided. You can find your API key in your account.",
          type: "invalid_request_error",
          param: null,
          code: "invalid_api_key",
        },
      },
      gives: { error: "UsageError", says: "refuses access" },
    },
    {
      kind: "error",
      what: "no credit left",
      status: 429,
      body: {
        error: {
          message: "You exceeded your current quota, please check your plan and billing details.",
          type: "insufficient_quota",
          param: null,
          code: "insufficient_quota",
        },
      },
      gives: { error: "UsageError", says: "no credit left" },
    },
  ],
  without: { reasoning: "chat completions do not show it", no_usage: "always reported" },
};
