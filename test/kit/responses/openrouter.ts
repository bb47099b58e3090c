import type { FamilyResponses } from "./shape.ts";

const head = {
  id: "gen-17",
  provider: "Google",
  object: "chat.completion",
  created: 1_756_408_616,
  model: "some/model",
};
const usage = {
  prompt_tokens: 1_296,
  completion_tokens: 80,
  total_tokens: 1_376,
  cost: 0.0013,
  is_byok: false,
  prompt_tokens_details: { cached_tokens: 1_000, audio_tokens: 0 },
  cost_details: { upstream_inference_cost: null },
  completion_tokens_details: { reasoning_tokens: 48, image_tokens: 0 },
};
const tokens = [1_296, 1_000, 80, 48] as const;
const message = { role: "assistant", content: "406 rows", refusal: null, reasoning: null };

export const openrouter: FamilyResponses = {
  pages: [
    "https://openrouter.ai/docs/api-reference/overview",
    "https://openrouter.ai/docs/guides/best-practices/reasoning-tokens",
    "https://openrouter.ai/docs/api/reference/errors-and-debugging",
  ],
  cases: [
    {
      kind: "text",
      what: "a text with the upstream's own finish reason",
      body: {
        ...head,
        choices: [{ logprobs: null, finish_reason: "stop", native_finish_reason: "STOP", index: 0, message }],
        usage,
      },
      gives: { text: "406 rows", finishReason: "stop", tokens },
    },
    {
      kind: "tool_call",
      what: "a tool call with reasoning details",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "tool_calls",
            native_finish_reason: "tool_use",
            index: 0,
            message: {
              ...message,
              content: "",
              reasoning_details: [
                { type: "reasoning.text", text: "Count ", format: "anthropic-claude-v1", index: 0 },
                { type: "reasoning.summary", summary: "them all", format: "openai-responses-v1", index: 1 },
                { type: "reasoning.encrypted", data: "eyJ4Ijoi", format: "openai-responses-v1", index: 2 },
              ],
              tool_calls: [
                { index: 0, id: "toolu_01", type: "function", function: { name: "python", arguments: '{"code":"1"}' } },
              ],
            },
          },
        ],
        usage,
      },
      gives: {
        text: "",
        reasoning: "Count \nthem all",
        toolCalls: [["python", '{"code":"1"}']],
        finishReason: "tool_calls",
        tokens,
      },
    },
    {
      kind: "reasoning",
      what: "reasoning twice, as text and as details",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "stop",
            native_finish_reason: "end_turn",
            index: 0,
            message: {
              ...message,
              reasoning: "Count them",
              reasoning_details: [{ type: "reasoning.text", text: "Count them", signature: "s", index: 0 }],
            },
          },
        ],
        usage,
      },
      gives: { text: "406 rows", reasoning: "Count them", finishReason: "stop", tokens },
    },
    {
      kind: "length",
      what: "an answer cut at the limit",
      body: {
        ...head,
        choices: [{ finish_reason: "length", native_finish_reason: "MAX_TOKENS", index: 0, message }],
        usage,
      },
      gives: { text: "406 rows", finishReason: "length", tokens },
    },
    {
      kind: "refused",
      what: "a filtered answer",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "content_filter",
            native_finish_reason: "PROHIBITED_CONTENT",
            index: 0,
            message: { ...message, content: "" },
          },
        ],
        usage: { ...usage, completion_tokens: 0 },
      },
      gives: { error: "RejectionError", says: "content filter cut" },
    },
    {
      kind: "refused",
      what: "a refusal that only the upstream calls by its name",
      body: {
        ...head,
        choices: [
          { finish_reason: "stop", native_finish_reason: "refusal", index: 0, message: { ...message, content: "No." } },
        ],
        usage,
      },
      gives: { error: "RejectionError", says: "The model refused: No." },
    },
    {
      kind: "error",
      what: "an upstream that broke in mid-answer: status 200, the error inside the choice",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            finish_reason: "error",
            native_finish_reason: "error",
            error: { code: 502, message: "Provider disconnected", metadata: { provider_name: "Google" } },
            message: { ...message, content: "40" },
          },
        ],
        usage,
      },
      gives: { error: "FailureError", says: "Provider disconnected" },
    },
    {
      kind: "error",
      what: "an upstream's error in the body of a 200",
      body: {
        error: {
          code: 429,
          message: "Provider returned error",
          metadata: { raw: "rate-limited upstream", provider_name: "Google" },
        },
        user_id: "org_1",
      },
      gives: { error: "FailureError", says: "rate-limited upstream" },
    },
    {
      kind: "error",
      what: "no provider with tools",
      status: 404,
      body: { error: { message: "No endpoints found that support tool use.", code: 404 } },
      gives: { error: "UsageError", says: "actions are text" },
    },
    {
      kind: "error",
      what: "no credit",
      status: 402,
      body: { error: { message: "Insufficient credits. Add more using https://openrouter.ai/credits", code: 402 } },
      gives: { error: "UsageError", says: "no credit left" },
    },
  ],
  without: { no_usage: "always reported" },
};
