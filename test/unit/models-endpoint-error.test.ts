import { describe, expect, test } from "vitest";
import { endpointError, readErrorBody } from "../../src/models/endpoint-error.ts";

const asked = { alias: "teacher", baseUrl: "http://localhost:1/v1", model: "m", keyFrom: "KEY" };

/** The kind of error a status and body mean, with the code of a rejection. */
function kindOf(status: number, body: unknown): string {
  const error = endpointError(
    { status, retryAfterMs: null, ...readErrorBody(typeof body === "string" ? body : JSON.stringify(body)) },
    asked,
  );
  return "code" in error ? `${error.name} ${error.code}` : error.name;
}

const overflow = "RejectionError context_overflow";

// Shapes and words as they stand in the public issue trackers and documentation of these servers.
describe("one meaning, many wordings", () => {
  test.each([
    ["OpenAI", 400, { error: { message: "too long", code: "context_length_exceeded" } }, overflow],
    [
      "vLLM",
      400,
      { object: "error", message: "This model's maximum context length is 10 tokens.", code: 400 },
      overflow,
    ],
    [
      "vLLM, no room for an answer",
      400,
      { object: "error", message: "max_tokens must be at least 1, got -186." },
      overflow,
    ],
    [
      "llama.cpp",
      400,
      { error: { code: 400, message: "exceeds the available", type: "exceed_context_size_error" } },
      overflow,
    ],
    ["llama.cpp with 500", 500, { error: { code: 500, message: "Context size has been exceeded." } }, overflow],
    ["llama-cpp-python", 400, { error: { message: "Requested tokens (9) exceed context window of 8" } }, overflow],
    ["Together", 400, { error: { message: "`inputs` tokens + `max_new_tokens` must be <= 4097." } }, overflow],
    ["Together with 403", 403, { error: { message: "must be less than the context length of the model" } }, overflow],
    [
      "Anthropic",
      400,
      { error: { message: "input length and `max_tokens` exceed context limit: 3 + 2 > 4" } },
      overflow,
    ],
    ["Alibaba", 400, { message: "Range of input length should be [1, 100]", code: "InvalidParameter" }, overflow],
    [
      "Azure's filter",
      400,
      {
        error: { message: "triggering Azure OpenAI's content management policy", code: "content_filter", status: 400 },
      },
      "RejectionError content_filter",
    ],
    [
      "an option refused",
      400,
      { error: { message: "Unsupported parameter", code: "unsupported_parameter" } },
      "UsageError",
    ],
    ["no credit", 429, { error: { message: "see billing", type: "insufficient_quota", code: null } }, "UsageError"],
    ["a limit per minute", 429, { error: { message: "You exceeded your current quota", code: 429 } }, "TransientError"],
    ["a server in trouble", 500, { error: { message: "oops" } }, "TransientError"],
    ["a gateway's page", 502, "<html><body>Bad gateway</body></html>", "TransientError"],
    ["a teapot", 418, "short and stout", "FailureError"],
  ])("%s (%i)", (_name, status, body, kind) => {
    expect(kindOf(status, body)).toBe(kind);
  });
});

test.each([
  ['{"error":{"message":"said","code":3,"type":"t"}}', { message: "said", code: "3 t" }],
  [
    '{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"busy"}}}',
    { message: "Provider returned error: busy", code: "429" },
  ],
  ['[{"error":{"code":400,"message":"said","status":"INVALID_ARGUMENT"}}]', { message: "said", code: "400" }],
  ['{"error":"said"}', { message: "said", code: "" }],
  ['{"message":"said"}', { message: "said", code: "" }],
  ['{"detail":[{"loc":["body"]}]}', { message: '[{"loc":["body"]}]', code: "" }],
  ["<!doctype html><p>", { message: "an HTML page", code: "" }],
  ["", { message: "an empty body", code: "" }],
  ["plain words", { message: "`plain words`", code: "" }],
  ["null", { message: "`null`", code: "" }],
])("the error body %s is read", (body, read) => {
  expect(readErrorBody(body)).toEqual(read);
});

// What each server says of a field that it refuses, from its documentation, source or issues; and the option that the user is sent to.
describe("a refused field is told with the option to set", () => {
  const error = (message: string, code = "invalid_request_error") => ({ error: { message, code } });
  test.each([
    [
      "OpenAI",
      400,
      error(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "unsupported_parameter",
      ),
      "`maxTokensField: max_completion_tokens`",
    ],
    [
      "an older server",
      400,
      error("Unrecognized request argument supplied: max_completion_tokens"),
      "`maxTokensField: max_tokens`",
    ],
    [
      "OpenAI",
      400,
      error(
        "Unsupported value: 'temperature' does not support 0.8 with this model. Only the default (1) value is supported.",
      ),
      "`refuses: [temperature]`",
    ],
    ["OpenAI", 400, error("Unsupported parameter: 'stop' is not supported with this model."), "`refuses: [stop]`"],
    ["OpenAI", 400, error("Unsupported parameter: 'top_p' is not supported with this model."), "`refuses: [top_p]`"],
    [
      "Anthropic",
      400,
      error("`temperature` and `top_p` cannot both be specified for this model."),
      "`refuses: [top_p]`",
    ],
    [
      "Azure",
      400,
      error("Unsupported parameter: 'parallel_tool_calls' is not supported with this model."),
      "`refuses: [parallel_tool_calls]`",
    ],
    [
      "OpenAI",
      400,
      error("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."),
      "`structuredOutput`",
    ],
    [
      "OpenAI, strict",
      400,
      error("Invalid schema for response_format 'review': In context=(), 'additionalProperties' is required"),
      "`structuredOutput`",
    ],
    ["DeepSeek", 400, error("This response_format type is unavailable now"), "`structuredOutput`"],
    [
      "DeepSeek, thinking",
      400,
      error("The `reasoning_content` in the thinking mode must be passed back to the API."),
      "`sendsReasoning: reasoning_content`",
    ],
    [
      "Mistral",
      422,
      { detail: [{ type: "extra_forbidden", loc: ["body", "seed"], msg: "Extra inputs are not permitted", input: 5 }] },
      "`sendsSeed`",
    ],
    [
      "Gemini",
      400,
      [{ error: { code: 400, message: 'Invalid JSON payload received. Unknown name "seed": Cannot find field.' } }],
      "`sendsSeed`",
    ],
    [
      "Gemini 3",
      400,
      [{ error: { code: 400, message: "Function call is missing a thought_signature in functionCall parts." } }],
      "actions are text",
    ],
    [
      "vLLM",
      400,
      {
        object: "error",
        message: '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
      },
      "`--enable-auto-tool-choice`",
    ],
    [
      "llama.cpp",
      500,
      { error: { code: 500, message: "tools param requires --jinja flag", type: "server_error" } },
      "`--jinja`",
    ],
    ["Ollama", 400, { error: { message: "library/gemma:latest does not support tools" } }, "actions are text"],
    [
      "OpenRouter",
      404,
      { error: { code: 404, message: "No endpoints found that support tool use." } },
      "actions are text",
    ],
    ["Groq", 400, error("`tool_choice` is not supported with this model"), "`refuses: [tool_choice]`"],
    [
      "OpenAI",
      400,
      error("max_tokens is too large: 40000. This model supports at most 16384 completion tokens."),
      "Lower `maxTokens`",
    ],
    ["a field that is not known here", 400, error("Unknown parameter: 'top_k'."), "Leave the option out that it names"],
  ])("%s (%i): %j", (_name, status, body, says) => {
    const refused = endpointError({ status, retryAfterMs: null, ...readErrorBody(JSON.stringify(body)) }, asked);
    expect(refused.name).toBe("UsageError");
    expect(refused.message).toContain(says);
  });

  test.each([
    ["a 404 for the model", 404, { error: { message: "The model `tools` does not exist" } }, "Check `baseUrl`"],
    [
      "a 400 about something else",
      400,
      { error: { message: "messages: the last one is from the assistant" } },
      "got `400",
    ],
  ])("%s is not taken for one", (_name, status, body, says) => {
    const other = endpointError({ status, retryAfterMs: null, ...readErrorBody(JSON.stringify(body)) }, asked);
    expect(other.message).toContain(says);
  });
});
