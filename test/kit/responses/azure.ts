import type { FamilyResponses } from "./shape.ts";

const head = { id: "chatcmpl-AEj7", object: "chat.completion", created: 1_728_073_417, model: "o1-2024-12-17" };
const safe = { filtered: false, severity: "safe" };
const filters = {
  hate: safe,
  self_harm: safe,
  sexual: safe,
  violence: safe,
  protected_material_code: { filtered: false, detected: false },
};
const prompt_filter_results = [
  { prompt_index: 0, content_filter_results: { ...filters, jailbreak: { filtered: false, detected: false } } },
];

export const azure: FamilyResponses = {
  pages: [
    "https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning",
    "https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter",
  ],
  cases: [
    {
      kind: "text",
      what: "a reasoning model's text, with filter results",
      body: {
        ...head,
        choices: [
          {
            finish_reason: "stop",
            index: 0,
            logprobs: null,
            message: { content: "406 rows", refusal: null, role: "assistant", function_call: null, tool_calls: null },
            content_filter_results: filters,
          },
        ],
        service_tier: null,
        system_fingerprint: "fp_503a95a7d8",
        usage: {
          completion_tokens: 1_843,
          prompt_tokens: 20,
          total_tokens: 1_863,
          completion_tokens_details: { audio_tokens: null, reasoning_tokens: 448 },
          prompt_tokens_details: { audio_tokens: null, cached_tokens: 0 },
        },
        prompt_filter_results,
      },
      gives: { text: "406 rows", finishReason: "stop", tokens: [20, 0, 1_843, 448] },
    },
    {
      kind: "text",
      what: "a text that the filter, being down, did not see",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: { role: "assistant", content: "406 rows" },
            finish_reason: "stop",
            content_filter_results: {
              error: { code: "content_filter_error", message: "The contents are not filtered" },
            },
          },
        ],
        usage: { prompt_tokens: 20, completion_tokens: 3, total_tokens: 23 },
      },
      gives: { text: "406 rows", finishReason: "stop", tokens: [20, 0, 3, 0] },
    },
    {
      kind: "tool_call",
      what: "a function call",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            finish_reason: "tool_calls",
            message: {
              role: "assistant",
              content: null,
              tool_calls: [{ id: "call_1", type: "function", function: { name: "python", arguments: '{"code":"1"}' } }],
            },
            content_filter_results: {},
          },
        ],
        usage: { prompt_tokens: 82, completion_tokens: 17, total_tokens: 99 },
        prompt_filter_results,
      },
      gives: { text: "", toolCalls: [["python", '{"code":"1"}']], finishReason: "tool_calls", tokens: [82, 0, 17, 0] },
    },
    {
      kind: "length",
      what: "an answer cut at the limit",
      body: {
        ...head,
        choices: [{ index: 0, message: { role: "assistant", content: "406" }, finish_reason: "length" }],
        usage: { prompt_tokens: 20, completion_tokens: 1, total_tokens: 21 },
      },
      gives: { text: "406", finishReason: "length", tokens: [20, 0, 1, 0] },
    },
    {
      kind: "refused",
      what: "an answer that was filtered",
      body: {
        ...head,
        choices: [
          {
            index: 0,
            message: { role: "assistant" },
            finish_reason: "content_filter",
            content_filter_results: { ...filters, violence: { filtered: true, severity: "medium" } },
          },
        ],
        usage: { prompt_tokens: 20, completion_tokens: 0, total_tokens: 20 },
      },
      gives: { error: "RejectionError", says: "content filter cut" },
    },
    {
      kind: "refused",
      what: "a prompt that was filtered",
      status: 400,
      body: {
        error: {
          message:
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.",
          type: null,
          param: "prompt",
          code: "content_filter",
          status: 400,
          innererror: {
            code: "ResponsibleAIPolicyViolation",
            content_filter_result: { ...filters, violence: { filtered: true, severity: "medium" } },
          },
        },
      },
      gives: { error: "RejectionError", says: "filter refused the request" },
    },
    {
      kind: "error",
      what: "a deployment that is not there",
      status: 404,
      body: {
        error: { code: "DeploymentNotFound", message: "The API deployment for this resource does not exist." },
      },
      gives: { error: "UsageError", says: "`model`" },
    },
  ],
  without: { reasoning: "chat completions do not show it", no_usage: "always reported" },
};
