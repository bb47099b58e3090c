import type { Abilities, ReasoningForm, StructuredOutput } from "./abilities.ts";

/** What the documentation at hand does not say. */
export const notStated = "not stated";

/** The families of endpoints, by name in configs; `other` is any endpoint, and assumes nothing. */
export const familyNames = [
  "openai",
  "azure",
  "together",
  "fireworks",
  "openrouter",
  "groq",
  "deepseek",
  "mistral",
  "anthropic",
  "gemini",
  "vllm",
  "sglang",
  "llama.cpp",
  "ollama",
  "other",
] as const;
/** One of `familyNames`. */
export type FamilyName = (typeof familyNames)[number];

/** How an endpoint wants its key: as a bearer token, or bare in a header of this name. */
export type KeyHeader = "authorization" | "api-key" | "x-api-key";

/**
 * What a family's documentation says of its endpoints; nothing here was tried live. The first part is acted on, `told` is for people: words
 * for each column of the table in docs/models.md.
 */
export interface Family {
  readonly title: string;
  /** Where its endpoints are, as `baseUrl` is written. */
  readonly baseUrl: string;
  readonly tools: boolean;
  readonly structuredOutput: {
    /** What is asked for where the config does not say. */
    readonly usual: StructuredOutput;
    /** What the documentation says it lacks: a config that asks for it is told. */
    readonly lacks: readonly StructuredOutput[];
  };
  /** The field of the seed; null where the documentation says there is none, or that it is ignored. */
  readonly seedField: "seed" | "random_seed" | null;
  readonly maxTokensField: Abilities["maxTokensField"];
  /** Whether `parallel_tool_calls: false` is sent beside tools. */
  readonly parallelToolCalls: boolean;
  readonly sendsReasoning: ReasoningForm;
  readonly keyHeader: KeyHeader;
  /** What GET /models needs, where that differs from a chat request. */
  readonly modelsRoute?: { readonly keyHeader: KeyHeader; readonly headers: Readonly<Record<string, string>> };
  readonly told: {
    readonly tools: string;
    readonly jsonSchema: string;
    readonly seed: string;
    readonly n: string;
    readonly logprobs: string;
    readonly reasoning: string;
    readonly stop: string;
    readonly batch: string;
    readonly usage: string;
    readonly parallelToolCalls: string;
    readonly modelsRoute: string;
    readonly rateLimitHeaders: string;
  };
  /** The pages this was read from. */
  readonly pages: readonly string[];
}
