// What a config says of its budget, and whether its models can be held to it.
import { z } from "zod";
import type { Model } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";
import type { BudgetUnit } from "../domain/run.ts";

const limits = {
  usd: z.number().positive().exactOptional(),
  requests: z.number().int().positive().exactOptional(),
  tokens: z.number().int().positive().exactOptional(),
  hours: z.number().positive().exactOptional(),
};

/** `budget:` in a config: the most that all runs of it may spend, and the most that a stage of them may. */
export const budgetConfig = z.strictObject({
  ...limits,
  /** By the stage's name in the funnel. */
  stages: z.record(z.string(), z.strictObject(limits)).exactOptional(),
});
export type BudgetConfig = z.output<typeof budgetConfig>;
export type Limits = Omit<BudgetConfig, "stages">;

/**
 * @throws {UsageError} for a stage that the line does not have, and for a model whose requests have no bound in a unit that is limited: without
 * `price` nothing bounds dollars, without `maxTokens` nothing bounds what an answer may hold.
 */
export function checkBudget(
  budget: BudgetConfig | null | undefined,
  { stages, models }: { readonly stages: readonly string[]; readonly models: readonly Model[] },
): void {
  if (budget === null || budget === undefined) return;
  for (const stage of Object.keys(budget.stages ?? {})) {
    if (stages.includes(stage)) continue;
    const near = nearest(stage, stages);
    throw new UsageError(
      `budget.stages.${stage}: expected a stage of this recipe (${stages.join(", ")}), got \`${stage}\`${near === null ? "" : `; did you mean \`${near}\`?`}`,
    );
  }
  const limitOf = (unit: BudgetUnit) => {
    if (budget[unit] !== undefined) return `budget.${unit}`;
    const stage = Object.entries(budget.stages ?? {}).find(([, one]) => one[unit] !== undefined);
    return stage === undefined ? null : `budget.stages.${stage[0]}.${unit}`;
  };
  for (const { name, price, tokenLimit } of models) {
    const usd = limitOf("usd");
    if (usd !== null && (price ?? null) === null) {
      throw new UsageError(
        `models.${name}.price: expected a price, because \`${usd}\` is set, got none. ` +
          "State what the endpoint takes (`price: { inputPerMillion: …, outputPerMillion: …, asOf: … }`), or limit `budget.requests` or `budget.tokens` instead.",
      );
    }
    const bounded = limitOf("tokens") ?? (price?.outputPerMillion === 0 ? null : usd);
    if (bounded !== null && (tokenLimit ?? null) === null) {
      throw new UsageError(
        `models.${name}.maxTokens: expected a number, because \`${bounded}\` is set, got none: nothing would bound what one answer may cost. ` +
          "Set `maxTokens`, or limit `budget.requests` instead.",
      );
    }
  }
}
