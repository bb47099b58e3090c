import type { OpenAiCompatibleConfig } from "./openai-compatible-options.ts";

/** Fields of a request that a model may refuse: they are left out of its payload. */
export const refusableFields = ["temperature", "top_p", "stop", "seed", "parallel_tool_calls", "tool_choice"] as const;
/** One of `refusableFields`. */
export type RefusableField = (typeof refusableFields)[number];

/** How JSON of a given shape is asked for. */
export const structuredOutputs = ["none", "json_object", "json_schema", "tool"] as const;
/** One of `structuredOutputs`: `tool` is one forced function call whose arguments are the JSON. */
export type StructuredOutput = (typeof structuredOutputs)[number];

/** How an assistant's earlier reasoning goes back to the endpoint: not at all, in a field, as content parts or inline in `<think>`. */
export const reasoningForms = ["none", "reasoning_content", "reasoning", "thinking_parts", "think_tags"] as const;
/** One of `reasoningForms`. */
export type ReasoningForm = (typeof reasoningForms)[number];

/** The fields that a token limit may go into. */
export const maxTokensFields = ["max_tokens", "max_completion_tokens"] as const;

/** What a request to one model may hold, as its config says. */
export interface Abilities {
  readonly tools: boolean;
  readonly structuredOutput: StructuredOutput;
  readonly refuses: ReadonlySet<RefusableField>;
  readonly maxTokensField: (typeof maxTokensFields)[number];
  /** Whether `parallel_tool_calls: false` is sent beside tools. */
  readonly parallelToolCalls: boolean;
  readonly sendsReasoning: ReasoningForm;
}

/** The abilities of a config's model: what the config says, else what is usual. */
export function abilitiesOf(config: OpenAiCompatibleConfig): Abilities {
  return {
    tools: config.tools ?? true,
    structuredOutput: config.structuredOutput ?? "none",
    refuses: new Set(config.refuses ?? []),
    maxTokensField: config.maxTokensField ?? "max_tokens",
    parallelToolCalls: false,
    sendsReasoning: config.sendsReasoning,
  };
}
