import type { FamilyResponses } from "./shape.ts";

const head = {
  id: "chatcmpl-81",
  object: "chat.completion",
  created: 1_750_000_000,
  model: "qwen3:8b",
  system_fingerprint: "fp_ollama",
};
const usage = { prompt_tokens: 17, completion_tokens: 40, total_tokens: 57 };
const tokens = [17, 0, 40, 0] as const;

export const ollama: FamilyResponses = {
  pages: ["https://docs.ollama.com/api/openai-compatibility", "https://github.com/ollama/ollama (openai/openai.go)"],
  cases: [
    {
      kind: "text",
      what: "a text",
      body: {
        ...head,
        choices: [{ index: 0, message: { role: "assistant", content: "406 rows" }, finish_reason: "stop" }],
        usage,
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
              content: "",
              tool_calls: [
                { id: "call_u2", index: 0, type: "function", function: { name: "python", arguments: '{"code":"1"}' } },
              ],
            },
            finish_reason: "tool_calls",
          },
        ],
        usage,
      },
      gives: { text: "", toolCalls: [["python", '{"code":"1"}']], finishReason: "tool_calls", tokens },
    },
    {
      kind: "reasoning",
      what: "reasoning in its own field",
      body: {
        ...head,
        choices: [
          { index: 0, message: { role: "assistant", content: "406", reasoning: "Count them." }, finish_reason: "stop" },
        ],
        usage,
      },
      gives: { text: "406", reasoning: "Count them.", finishReason: "stop", tokens },
    },
    {
      kind: "reasoning",
      what: "`thinking`, as its own API names it and gateways pass it on",
      body: {
        ...head,
        choices: [
          { index: 0, message: { role: "assistant", content: "406", thinking: "Count them." }, finish_reason: "stop" },
        ],
        usage,
      },
      gives: { text: "406", reasoning: "Count them.", finishReason: "stop", tokens },
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
      kind: "error",
      what: "a model that is not there",
      status: 404,
      body: {
        error: {
          message: 'model "qwen9" not found, try pulling it first',
          type: "not_found_error",
          param: null,
          code: null,
        },
      },
      gives: { error: "UsageError", says: "`model`" },
    },
    {
      kind: "error",
      what: "a model without tools",
      status: 400,
      body: {
        error: {
          message: "registry.example/library/gemma:latest does not support tools",
          type: "invalid_request_error",
          param: null,
          code: null,
        },
      },
      gives: { error: "UsageError", says: "actions are text" },
    },
  ],
  without: { refused: "a server of one's own filters nothing", no_usage: "always reported" },
};
