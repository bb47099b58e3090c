import { UsageError } from "../domain/errors.ts";
import { families } from "./families.ts";
import type { Family } from "./family.ts";
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
  /** The field that the seed goes into; null where none is sent. */
  readonly seedField: "seed" | "random_seed" | null;
  readonly keyHeader: Family["keyHeader"];
  readonly modelsRoute: Family["modelsRoute"];
}

/**
 * The abilities of a config's model: what the config says, else its family's.
 * @throws {UsageError} for what the family's documentation says it lacks, and for limits that contradict each other.
 */
export function abilitiesOf(alias: string, config: OpenAiCompatibleConfig): Abilities {
  const family = families[config.family];
  const refuses = new Set(config.refuses ?? []);
  checkFamily(alias, config, family, refuses);
  checkLimits(alias, config);
  return {
    tools: config.tools ?? family.tools,
    structuredOutput: config.structuredOutput ?? family.structuredOutput.usual,
    refuses,
    maxTokensField: config.maxTokensField ?? family.maxTokensField,
    parallelToolCalls: family.parallelToolCalls,
    sendsReasoning: config.sendsReasoning ?? family.sendsReasoning,
    seedField: config.sendsSeed && !refuses.has("seed") ? family.seedField : null,
    keyHeader: family.keyHeader,
    modelsRoute: family.modelsRoute,
  };
}

function checkFamily(
  alias: string,
  { family: name, structuredOutput, sendsSeed, baseUrl }: OpenAiCompatibleConfig,
  family: Family,
  refuses: ReadonlySet<RefusableField>,
): void {
  const orOther = `or write \`family: other\` if this endpoint takes it after all`;
  const { lacks, usual } = family.structuredOutput;
  if (structuredOutput !== undefined && lacks.includes(structuredOutput)) {
    throw new UsageError(
      `Expected \`models.${alias}.structuredOutput\` to be a form that \`family: ${name}\` has, got \`${structuredOutput}\`. ` +
        `Write \`structuredOutput: ${usual}\`, ${orOther}.`,
    );
  }
  if (sendsSeed && family.seedField === null && !refuses.has("seed")) {
    throw new UsageError(
      `Expected no \`models.${alias}.sendsSeed\` with \`family: ${name}\`, which takes no seed, got \`true\`. ` +
        `Leave it out: samples differ without it; ${orOther}.`,
    );
  }
  // Only the v1 addresses work without an `api-version`, and no query is sent.
  if (name === "azure" && /\/openai\/deployments(\/|$)/.test(baseUrl)) {
    throw new UsageError(
      `Expected \`models.${alias}.baseUrl\` to be the v1 address of the resource, got \`${baseUrl}\`, which needs an api-version. ` +
        "Write `https://<resource>.openai.azure.com/openai/v1`, and the deployment's name as `model`.",
    );
  }
}

function checkLimits(alias: string, { maxTokens, maxTokensMost, contextTokens }: OpenAiCompatibleConfig): void {
  if (maxTokensMost !== undefined && (maxTokens === undefined || maxTokensMost < maxTokens)) {
    throw new UsageError(
      `Expected \`models.${alias}.maxTokensMost\` to be at least \`maxTokens\`, got \`${maxTokensMost}\` and ` +
        `${maxTokens === undefined ? "no `maxTokens`" : `\`${maxTokens}\``}. Raise it, or leave it out.`,
    );
  }
  if (contextTokens !== undefined && maxTokens !== undefined && maxTokens >= contextTokens) {
    throw new UsageError(
      `Expected \`models.${alias}.maxTokens\` to leave room for a request in \`contextTokens\`, got \`${maxTokens}\` of ` +
        `\`${contextTokens}\`. Lower it.`,
    );
  }
}
