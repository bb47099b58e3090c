import type { FamilyResponses } from "./shape.ts";

const head = { id: "chatcmpl-1a", object: "chat.completion", created: 1_750_000_000, model: "Qwen/Qwen3-8B" };
const usage = {
  prompt_tokens: 24,
  total_tokens: 56,
  completion_tokens: 32,
  prompt_tokens_details: { cached_tokens: 16 },
};
const tokens = [24, 16, 32, 0] as const;
const message = {
  role: "assistant",
  content: "406 rows",
  refusal: null,
  annotations: null,
  audio: null,
  function_call: null,
  tool_calls: [],
};
const ended = { index: 0, logprobs: null, finish_reason: "stop", stop_reason: null, token_ids: null };
const tail = { usage, service_tier: null, system_fingerprint: null, prompt_logprobs: null, kv_transfer_params: null };

export const vllm: FamilyResponses = {
  pages: [
    "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    "https://docs.vllm.ai/en/latest/features/reasoning_outputs.html",
    "https://docs.vllm.ai/en/latest/features/tool_calling.html",
  ],
  cases: [
    {
      kind: "text",
      what: "a text, ended by a stop string",
      body: { ...head, choices: [{ ...ended, message, stop_reason: "</answer>" }], ...tail },
      gives: { text: "406 rows", finishReason: "stop", tokens },
    },
    {
      kind: "tool_call",
      what: "a tool call beside its reasoning",
      body: {
        ...head,
        choices: [
          {
            ...ended,
            message: {
              ...message,
              content: null,
              reasoning: "Count them.",
              tool_calls: [
                {
                  id: "chatcmpl-tool-7",
                  type: "function",
                  function: { name: "python", arguments: '{"code": "len(df)"}' },
                },
              ],
            },
            finish_reason: "tool_calls",
          },
        ],
        ...tail,
      },
      gives: {
        text: "",
        reasoning: "Count them.",
        toolCalls: [["python", '{"code": "len(df)"}']],
        finishReason: "tool_calls",
        tokens,
      },
    },
    {
      kind: "reasoning",
      what: "reasoning as older versions name it",
      body: {
        ...head,
        choices: [{ ...ended, message: { ...message, reasoning_content: "Count them." } }],
        ...tail,
      },
      gives: { text: "406 rows", reasoning: "Count them.", finishReason: "stop", tokens },
    },
    {
      kind: "reasoning",
      what: "no parser: the template wrote the opening tag",
      body: {
        ...head,
        choices: [{ ...ended, message: { ...message, content: "Count them.\n</think>\n\n406 rows" } }],
        ...tail,
      },
      gives: { text: "406 rows", reasoning: "Count them.", finishReason: "stop", tokens },
    },
    {
      kind: "reasoning",
      what: "gpt-oss whose channel tokens leaked",
      body: {
        ...head,
        choices: [
          {
            ...ended,
            message: {
              ...message,
              content:
                "<|channel|>analysis<|message|>Count them.<|end|><|start|>assistant<|channel|>final<|message|>406 rows<|return|>",
            },
          },
        ],
        ...tail,
      },
      gives: { text: "406 rows", reasoning: "Count them.", finishReason: "stop", tokens },
    },
    {
      kind: "tool_call",
      what: "gpt-oss whose call leaked",
      body: {
        ...head,
        choices: [
          {
            ...ended,
            message: {
              ...message,
              content:
                '<|channel|>analysis<|message|>Count them.<|end|><|start|>assistant<|channel|>commentary to=functions.python <|constrain|>json<|message|>{"code": "len(df)"}<|call|>',
            },
          },
        ],
        ...tail,
      },
      gives: {
        text: "",
        reasoning: "Count them.",
        toolCalls: [["python", '{"code": "len(df)"}']],
        finishReason: "stop",
        tokens,
      },
    },
    {
      kind: "length",
      what: "reasoning that used the whole limit",
      body: {
        ...head,
        choices: [{ ...ended, message: { ...message, content: null, reasoning: "Count" }, finish_reason: "length" }],
        ...tail,
      },
      gives: { text: "", reasoning: "Count", finishReason: "length", tokens },
    },
    {
      kind: "error",
      what: "an aborted request",
      body: { ...head, choices: [{ ...ended, message, finish_reason: "abort" }], ...tail },
      gives: { error: "FailureError", says: "finish_reason `abort`" },
    },
    {
      kind: "error",
      what: "tools where the server was started without them",
      status: 400,
      body: {
        object: "error",
        message: '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        type: "BadRequestError",
        param: null,
        code: 400,
      },
      gives: { error: "UsageError", says: "--enable-auto-tool-choice" },
    },
    {
      kind: "error",
      what: "a context that is full",
      status: 400,
      body: {
        error: {
          message: "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
          type: "BadRequestError",
          param: null,
          code: 400,
        },
      },
      gives: { error: "RejectionError", says: "longer than the model takes" },
    },
  ],
  without: { refused: "a server of one's own filters nothing", no_usage: "always reported" },
};
