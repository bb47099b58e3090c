import type { FamilyResponses } from "./shape.ts";

const head = { id: "xQ4", object: "chat.completion", created: 1_753_000_000, model: "gemini-2.5-flash" };
const usage = { completion_tokens: 9, prompt_tokens: 16, total_tokens: 61 };
// Thinking stands in the total alone.
const tokens = [16, 0, 45, 36] as const;

export const gemini: FamilyResponses = {
  pages: ["https://ai.google.dev/gemini-api/docs/openai", "https://ai.google.dev/api/generate-content#FinishReason"],
  cases: [
    {
      kind: "text",
      what: "a text",
      body: {
        ...head,
        choices: [{ finish_reason: "stop", index: 0, message: { content: "406 rows", role: "assistant" } }],
        usage,
      },
      gives: { text: "406 rows", finishReason: "stop", tokens },
    },
    {
      kind: "tool_call",
      what: "a tool call with its thought signature, ended by `stop`, without an id",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "stop",
            index: 0,
            message: {
              role: "assistant",
              tool_calls: [
                {
                  extra_content: { google: { thought_signature: "EjQKMgG" } },
                  function: { arguments: '{"code":"1"}', name: "python" },
                  id: "",
                  type: "function",
                },
              ],
            },
          },
        ],
        usage,
      },
      gives: { text: "", toolCalls: [["python", '{"code":"1"}']], finishReason: "stop", tokens },
    },
    {
      kind: "reasoning",
      what: "a thought in the text (`include_thoughts`)",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "stop",
            index: 0,
            message: { content: "<thought>**Counting**\n\nThem all.\n</thought>406 rows", role: "assistant" },
          },
        ],
        usage,
      },
      gives: { text: "406 rows", reasoning: "**Counting**\n\nThem all.", finishReason: "stop", tokens },
    },
    {
      kind: "length",
      what: "a limit that thinking used up: no content, no count of output",
      body: {
        ...head,
        choices: [{ finish_reason: "length", index: 0, message: { role: "assistant" } }],
        usage: { prompt_tokens: 16, total_tokens: 61 },
      },
      gives: { text: "", finishReason: "length", tokens: [16, 0, 45, 0] },
    },
    {
      kind: "refused",
      what: "its own finish reason, in capitals",
      body: { ...head, choices: [{ finish_reason: "SAFETY", index: 0, message: { role: "assistant" } }], usage },
      gives: { error: "RejectionError", says: "content filter cut" },
    },
    {
      kind: "refused",
      what: "a filter with its reason behind a colon",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "content_filter: PROHIBITED_CONTENT",
            index: 0,
            message: { role: "assistant", content: null },
          },
        ],
        usage,
      },
      gives: { error: "RejectionError", says: "content filter cut" },
    },
    {
      kind: "error",
      what: "an error in a list",
      status: 400,
      body: [
        {
          error: { code: 400, message: "API key not valid. Please pass a valid API key.", status: "INVALID_ARGUMENT" },
        },
      ],
      gives: { error: "UsageError", says: "refuses access" },
    },
    {
      kind: "error",
      what: "a quota",
      status: 429,
      body: [
        {
          error: {
            code: 429,
            message: "You exceeded your current quota, please check your plan and billing details.",
            status: "RESOURCE_EXHAUSTED",
          },
        },
      ],
      gives: { error: "FailureError", says: "exceeded your current quota" },
    },
  ],
  without: { no_usage: "the case of a used-up limit is one" },
};
