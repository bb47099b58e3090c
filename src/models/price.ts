import type { Usage } from "../domain/trajectory.ts";
import type { Answer } from "./answer.ts";
import type { OpenAiCompatibleConfig } from "./openai-compatible-options.ts";

/** Usage with its cost in US dollars at the config's price; null without one. */
export function priced(usage: Answer["usage"], cost: OpenAiCompatibleConfig["price"]): Usage {
  if (cost === undefined) return { ...usage, costUsd: null };
  const cached = Math.min(usage.cachedInputTokens, usage.inputTokens);
  const input = (usage.inputTokens - cached) * cost.inputPerMillion;
  const cachedInput = cached * (cost.cachedInputPerMillion ?? cost.inputPerMillion);
  return { ...usage, costUsd: (input + cachedInput + usage.outputTokens * cost.outputPerMillion) / 1e6 };
}
