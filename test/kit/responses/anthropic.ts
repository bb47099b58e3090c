import type { FamilyResponses } from "./shape.ts";

const head = { id: "msg_01", object: "chat.completion", created: 1_747_000_000, model: "claude-opus-4-6" };
const usage = { completion_tokens: 28, prompt_tokens: 20, total_tokens: 48 };
const tokens = [20, 0, 28, 0] as const;

export const anthropic: FamilyResponses = {
  pages: ["https://platform.claude.com/docs/en/api/openai-sdk", "https://platform.claude.com/docs/en/api/errors"],
  cases: [
    {
      kind: "text",
      what: "a text",
      body: {
        ...head,
        choices: [
          { index: 0, message: { role: "assistant", content: "406 rows" }, finish_reason: "stop", logprobs: null },
        ],
        usage,
        service_tier: null,
        system_fingerprint: null,
      },
      gives: { text: "406 rows", finishReason: "stop", tokens },
    },
    {
      kind: "tool_call",
      what: "a text and a tool call",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: "I'll count them.",
              tool_calls: [
                { id: "toolu_01", type: "function", function: { name: "python", arguments: '{"code": "len(df)"}' } },
              ],
            },
            finish_reason: "tool_calls",
          },
        ],
        usage,
      },
      gives: {
        text: "I'll count them.",
        toolCalls: [["python", '{"code": "len(df)"}']],
        finishReason: "tool_calls",
        tokens,
      },
    },
    {
      kind: "reasoning",
      what: "content in parts, as gateways to its own API send it",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: [
                { type: "thinking", thinking: "Count them.", signature: "EqQB" },
                { type: "text", text: "406 rows" },
              ],
            },
            finish_reason: "end_turn",
          },
        ],
        usage,
      },
      gives: { text: "406 rows", reasoning: "Count them.", finishReason: "stop", tokens },
    },
    {
      kind: "length",
      what: "an answer cut at the limit",
      body: {
        ...head,
        choices: [{ index: 0, message: { role: "assistant", content: "406" }, finish_reason: "length" }],
        usage,
      },
      gives: { text: "406", finishReason: "length", tokens },
    },
    {
      kind: "refused",
      what: "its own stop reason, which gateways pass on",
      body: {
        ...head,
        choices: [{ index: 0, message: { role: "assistant", content: "I can't." }, finish_reason: "refusal" }],
        usage,
      },
      gives: { error: "RejectionError", says: "The model refused: I can't." },
    },
    {
      kind: "error",
      what: "an overload, in its own API's shape",
      status: 529,
      body: { type: "error", error: { type: "overloaded_error", message: "Overloaded" }, request_id: "req_011" },
      gives: { error: "FailureError", says: "Overloaded" },
    },
    {
      kind: "error",
      what: "two samplings that exclude each other",
      status: 400,
      body: {
        error: {
          code: "invalid_request_error",
          message: "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
          type: "invalid_request_error",
          param: null,
        },
      },
      gives: { error: "UsageError", says: "refuses: [top_p]" },
    },
  ],
  without: { no_usage: "always reported" },
};
