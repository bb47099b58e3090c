import { describe, expect, test } from "vitest";
import { finishReasonOf, isInterrupted } from "../../src/models/finish-reason.ts";

describe("every finish reason that a server documents has a meaning here", () => {
  test.each([
    ["stop", "OpenAI and all the rest", "stop"],
    ["eos", "Together", "stop"],
    ["eos_token", "Text Generation Inference", "stop"],
    ["stop_sequence", "Text Generation Inference, Anthropic", "stop"],
    ["end_turn", "Anthropic", "stop"],
    ["STOP", "Gemini", "stop"],
    ["FINISH_REASON_STOP", "Vertex AI", "stop"],
    ["length", "OpenAI and all the rest", "length"],
    ["max_tokens", "Anthropic", "length"],
    ["MAX_TOKENS", "Gemini", "length"],
    ["model_length", "Mistral", "length"],
    ["model_context_window_exceeded", "Anthropic", "length"],
    ["tool_calls", "OpenAI and all the rest", "tool_calls"],
    ["function_call", "OpenAI, Together, SGLang", "tool_calls"],
    ["tool_use", "Anthropic", "tool_calls"],
    ["content_filter", "OpenAI, Azure, DeepSeek, SGLang", "content_filter"],
    ["content_filter: RECITATION", "Gemini's compatible endpoint", "content_filter"],
    ["SAFETY", "Gemini", "content_filter"],
    ["RECITATION", "Gemini", "content_filter"],
    ["BLOCKLIST", "Gemini", "content_filter"],
    ["PROHIBITED_CONTENT", "Gemini", "content_filter"],
    ["SPII", "Gemini", "content_filter"],
    ["refusal", "Anthropic", "refusal"],
    ["MALFORMED_FUNCTION_CALL", "Gemini", "other"],
    ["LANGUAGE", "Gemini", "other"],
    ["OTHER", "Gemini", "other"],
    ["load", "Ollama", "other"],
    ["constructor", "nobody", "other"],
    ["", "nobody", "other"],
  ])("%s (%s) is %s", (said, _who, meaning) => {
    expect(finishReasonOf(said, null)).toBe(meaning);
    expect(isInterrupted(said)).toBe(false);
  });

  test.each([
    ["error", "Mistral, OpenRouter"],
    ["abort", "vLLM, SGLang"],
    ["insufficient_system_resource", "DeepSeek"],
  ])("%s (%s) is no answer", (said) => {
    expect(isInterrupted(said)).toBe(true);
  });

  test.each([
    ["stop", "end_turn", "stop"],
    ["stop", "refusal", "refusal"],
    ["other", "MAX_TOKENS", "length"],
    ["length", "a word of its own", "length"],
    ["strange", "stranger", "other"],
  ])("a router's `%s` with its upstream's `%s` is %s", (said, native, meaning) => {
    expect(finishReasonOf(said, native)).toBe(meaning);
  });
});
