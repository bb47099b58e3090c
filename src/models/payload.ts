import type { ChatRequest } from "../contracts.ts";
import type { OpenAiCompatibleConfig } from "./openai-compatible-options.ts";

/** The part of the payload that the config alone decides. */
export function settingsOf(config: OpenAiCompatibleConfig): Readonly<Record<string, unknown>> {
  return {
    ...config.body,
    model: config.model,
    ...(config.temperature === undefined ? {} : { temperature: config.temperature }),
    ...(config.topP === undefined ? {} : { top_p: config.topP }),
    ...(config.maxTokens === undefined ? {} : { [config.maxTokensField]: config.maxTokens }),
  };
}

/** The part of the payload that the request decides. */
export function requestFields(request: ChatRequest, config: OpenAiCompatibleConfig): Readonly<Record<string, unknown>> {
  const { messages, stop = [], jsonSchema } = request;
  const format =
    jsonSchema === undefined || config.structuredOutput === "none"
      ? {}
      : config.structuredOutput === "json_object"
        ? { response_format: { type: "json_object" } }
        : { response_format: { type: "json_schema", json_schema: jsonSchema } };
  return { messages, ...(config.sendsStop && stop.length > 0 ? { stop } : {}), ...format };
}
