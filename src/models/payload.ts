import type { ChatRequest } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { wireTool } from "../domain/wire-calls.ts";
import type { Abilities } from "./abilities.ts";
import { configPathOf } from "./alias.ts";
import type { OpenAiCompatibleConfig } from "./openai-compatible-options.ts";
import { wireMessage } from "./wire-message.ts";

/** The part of the payload that the config alone decides. */
export function settingsOf(config: OpenAiCompatibleConfig, abilities: Abilities): Readonly<Record<string, unknown>> {
  const { refuses, maxTokensField } = abilities;
  const takes = (field: "temperature" | "top_p", value: number | undefined) =>
    value === undefined || refuses.has(field) ? {} : { [field]: value };
  return {
    ...config.body,
    model: config.model,
    ...takes("temperature", config.temperature),
    ...takes("top_p", config.topP),
    ...(config.maxTokens === undefined ? {} : { [maxTokensField]: config.maxTokens }),
  };
}

/** The part of the payload that the request decides. @throws {UsageError} for tools where the model's abilities say it has none. */
export function requestFields(
  request: ChatRequest,
  abilities: Abilities,
  alias: string,
): Readonly<Record<string, unknown>> {
  const { messages, stop = [], maxTokens } = request;
  return {
    messages: messages.map((message) => wireMessage(message, abilities)),
    ...(stop.length === 0 || abilities.refuses.has("stop") ? {} : { stop }),
    ...formatFields(request, abilities),
    ...toolFields(request, abilities, alias),
    ...(maxTokens === undefined ? {} : { [abilities.maxTokensField]: maxTokens }),
  };
}

function formatFields({ jsonSchema }: ChatRequest, abilities: Abilities): Readonly<Record<string, unknown>> {
  if (jsonSchema === undefined) return {};
  switch (abilities.structuredOutput) {
    case "json_object":
      return { response_format: { type: "json_object" } };
    case "json_schema":
      return { response_format: { type: "json_schema", json_schema: jsonSchema } };
    case "none":
    case "tool":
      return {};
  }
}

function toolFields(request: ChatRequest, abilities: Abilities, alias: string): Readonly<Record<string, unknown>> {
  const { tools = [], jsonSchema } = request;
  if (tools.length > 0 && !abilities.tools) {
    throw new UsageError(
      `Expected model \`${alias}\` to take tools, as this scaffold needs them, got \`tools: false\` (\`${configPathOf(alias)}.tools\`). ` +
        "Choose a scaffold whose actions are text (`react`, `code-act`), or another model.",
    );
  }
  const form = jsonSchema !== undefined && abilities.structuredOutput === "tool" ? jsonSchema : null;
  const offered = [
    ...tools.map(wireTool),
    ...(form === null
      ? []
      : [wireTool({ name: form.name, description: "Gives the answer.", parameters: form.schema })]),
  ];
  if (offered.length === 0) return {};
  const { refuses } = abilities;
  return {
    tools: offered,
    ...(form === null || refuses.has("tool_choice")
      ? {}
      : { tool_choice: { type: "function", function: { name: form.name } } }),
    ...(abilities.parallelToolCalls && !refuses.has("parallel_tool_calls") ? { parallel_tool_calls: false } : {}),
  };
}
