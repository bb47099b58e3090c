import type { FamilyResponses } from "./shape.ts";

const head = { id: "chatcmpl-ecQ", object: "chat.completion", created: 1_757_141_666, model: "gpt-oss-20b.gguf" };
const usage = {
  completion_tokens: 48,
  prompt_tokens: 44,
  total_tokens: 92,
  prompt_tokens_details: { cached_tokens: 12 },
};
const tokens = [44, 12, 48, 0] as const;
const tail = {
  system_fingerprint: "b6400-1",
  usage,
  timings: { cache_n: 12, prompt_n: 32, prompt_ms: 30.9, predicted_n: 48, predicted_ms: 661.0 },
};

export const llamaCpp: FamilyResponses = {
  pages: ["https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"],
  cases: [
    {
      kind: "text",
      what: "a text with timings",
      body: {
        ...head,
        choices: [{ finish_reason: "stop", index: 0, message: { role: "assistant", content: "406 rows" } }],
        ...tail,
      },
      gives: { text: "406 rows", finishReason: "stop", tokens },
    },
    {
      kind: "tool_call",
      what: "a tool call with its reasoning, without an id",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "tool_calls",
            index: 0,
            message: {
              role: "assistant",
              reasoning_content: "Count them.",
              content: null,
              tool_calls: [{ type: "function", function: { name: "python", arguments: '{"code":"1"}' }, id: "" }],
            },
          },
        ],
        ...tail,
      },
      gives: {
        text: "",
        reasoning: "Count them.",
        toolCalls: [["python", '{"code":"1"}']],
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
            message: { role: "assistant", reasoning_content: "Count them.", content: "406 rows" },
          },
        ],
        ...tail,
      },
      gives: { text: "406 rows", reasoning: "Count them.", finishReason: "stop", tokens },
    },
    {
      kind: "length",
      what: "raw thinking cut at the limit (`reasoning_format: none`)",
      body: {
        ...head,
        choices: [{ finish_reason: "length", index: 0, message: { role: "assistant", content: "[THINK]Count" } }],
        ...tail,
      },
      gives: { text: "", reasoning: "Count", finishReason: "length", tokens },
    },
    {
      kind: "error",
      what: "tools where the server was started without them",
      status: 500,
      body: { error: { code: 500, message: "tools param requires --jinja flag", type: "server_error" } },
      gives: { error: "UsageError", says: "--jinja" },
    },
    {
      kind: "error",
      what: "a context that is full",
      status: 400,
      body: {
        error: {
          code: 400,
          message: "the request exceeds the available context size, try increasing it",
          type: "exceed_context_size_error",
          n_prompt_tokens: 5_000,
          n_ctx: 4_096,
        },
      },
      gives: { error: "RejectionError", says: "longer than the model takes" },
    },
    {
      kind: "error",
      what: "a model that is still loading",
      status: 503,
      body: { error: { code: 503, message: "Loading model", type: "unavailable_error" } },
      gives: { error: "FailureError", says: "Loading model" },
    },
  ],
  without: { refused: "a server of one's own filters nothing", no_usage: "always reported" },
};
