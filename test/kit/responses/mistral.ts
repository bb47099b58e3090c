import type { FamilyResponses } from "./shape.ts";

const head = { id: "cmpl-e5cc", object: "chat.completion", created: 1_702_256_327, model: "magistral-medium-latest" };
const usage = { prompt_tokens: 16, completion_tokens: 34, total_tokens: 50 };
const tokens = [16, 0, 34, 0] as const;

export const mistral: FamilyResponses = {
  pages: ["https://docs.mistral.ai/api", "https://github.com/mistralai/client-python (docs/models)"],
  cases: [
    {
      kind: "text",
      what: "a text",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: { role: "assistant", content: "406 rows", tool_calls: null, prefix: false },
            finish_reason: "stop",
          },
        ],
        usage,
      },
      gives: { text: "406 rows", finishReason: "stop", tokens },
    },
    {
      kind: "tool_call",
      what: "a tool call whose arguments are an object",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: "",
              tool_calls: [
                {
                  id: "D681PevKs",
                  type: "function",
                  index: 0,
                  function: { name: "python", arguments: { code: "len(df)" } },
                },
              ],
            },
            finish_reason: "tool_calls",
          },
        ],
        usage,
      },
      gives: { text: "", toolCalls: [["python", '{"code": "len(df)"}']], finishReason: "tool_calls", tokens },
    },
    {
      kind: "reasoning",
      what: "content in parts, the thought a part of its own",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: [
                {
                  type: "thinking",
                  thinking: [
                    { type: "text", text: "Count " },
                    { type: "text", text: "them." },
                  ],
                  closed: true,
                },
                { type: "text", text: "406 rows" },
              ],
            },
            finish_reason: "stop",
          },
        ],
        usage,
      },
      gives: { text: "406 rows", reasoning: "Count them.", finishReason: "stop", tokens },
    },
    {
      kind: "length",
      what: "an answer that filled the model's context",
      body: {
        ...head,
        choices: [{ index: 0, message: { role: "assistant", content: "406" }, finish_reason: "model_length" }],
        usage,
      },
      gives: { text: "406", finishReason: "length", tokens },
    },
    {
      kind: "error",
      what: "an answer that ended in an error",
      body: {
        ...head,
        choices: [{ index: 0, message: { role: "assistant", content: "" }, finish_reason: "error" }],
        usage,
      },
      gives: { error: "FailureError", says: "finish_reason `error`" },
    },
    {
      kind: "error",
      what: "a field that it does not know",
      status: 422,
      body: {
        object: "error",
        message: {
          detail: [{ type: "extra_forbidden", loc: ["body", "seed"], msg: "Extra inputs are not permitted", input: 5 }],
        },
        type: "invalid_request_error",
        code: null,
      },
      gives: { error: "UsageError", says: "`sendsSeed`" },
    },
  ],
  without: { refused: "no finish reason of it is documented", no_usage: "always reported" },
};
