import type { FamilyResponses } from "./shape.ts";

const head = { id: "chatcmpl-f51b", object: "chat.completion", created: 1_730_241_104, model: "openai/gpt-oss-120b" };
const usage = {
  queue_time: 0.037,
  prompt_tokens: 18,
  prompt_time: 0.0007,
  completion_tokens: 556,
  completion_time: 0.46,
  total_tokens: 574,
  total_time: 0.46,
};
const tokens = [18, 0, 556, 0] as const;
const tail = { usage, system_fingerprint: "fp_179b", x_groq: { id: "req_01" } };

export const groq: FamilyResponses = {
  pages: [
    "https://console.groq.com/docs/api-reference#chat-create",
    "https://console.groq.com/docs/reasoning",
    "https://console.groq.com/docs/rate-limits",
  ],
  cases: [
    {
      kind: "text",
      what: "a text with times in its usage",
      body: {
        ...head,
        choices: [
          { index: 0, message: { role: "assistant", content: "406 rows" }, logprobs: null, finish_reason: "stop" },
        ],
        ...tail,
      },
      gives: { text: "406 rows", finishReason: "stop", tokens },
    },
    {
      kind: "tool_call",
      what: "a tool call",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              tool_calls: [
                { id: "call_d5wg", type: "function", function: { name: "python", arguments: '{"code": "1"}' } },
              ],
            },
            logprobs: null,
            finish_reason: "tool_calls",
          },
        ],
        ...tail,
      },
      gives: { text: "", toolCalls: [["python", '{"code": "1"}']], finishReason: "tool_calls", tokens },
    },
    {
      kind: "reasoning",
      what: "reasoning in its own field (`reasoning_format: parsed`)",
      body: {
        ...head,
        choices: [
          { index: 0, message: { role: "assistant", content: "406", reasoning: "Count them." }, finish_reason: "stop" },
        ],
        ...tail,
      },
      gives: { text: "406", reasoning: "Count them.", finishReason: "stop", tokens },
    },
    {
      kind: "length",
      what: "raw thinking cut at the limit (`reasoning_format: raw`)",
      body: {
        ...head,
        choices: [{ index: 0, message: { role: "assistant", content: "<think>\nCount" }, finish_reason: "length" }],
        ...tail,
      },
      gives: { text: "", reasoning: "Count", finishReason: "length", tokens },
    },
    {
      kind: "error",
      what: "a rate limit",
      status: 429,
      body: {
        error: {
          message:
            "Rate limit reached for model `m` on tokens per minute (TPM): Limit 15000. Please try again in 5.289s.",
          type: "tokens",
          code: "rate_limit_exceeded",
        },
      },
      gives: { error: "FailureError", says: "Rate limit reached" },
    },
    {
      kind: "error",
      what: "a field that it does not take",
      status: 400,
      body: {
        error: { message: "`tool_choice` is not supported with this model", type: "invalid_request_error" },
      },
      gives: { error: "UsageError", says: "refuses: [tool_choice]" },
    },
  ],
  without: { refused: "no finish reason of it is documented", no_usage: "always reported" },
};
