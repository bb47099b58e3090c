import { z } from "zod";
import { sumUsd } from "./usd.ts";

/** One stage's account: in = passed + rejected + failed + pending; `out` counts what the passed items became. */
export const funnelRow = z.strictObject({
  stage: z.string(),
  in: z.number().int(),
  passed: z.number().int(),
  rejected: z.number().int(),
  failed: z.number().int(),
  pending: z.number().int(),
  out: z.number().int(),
  reasons: z.record(z.string(), z.number().int()),
});
export type FunnelRow = z.infer<typeof funnelRow>;

/**
 * What is written to events.jsonl, one object a line, append-only; `at` is ISO time. An `item` event is the end of one item in one
 * stage: `out` are the ids it became, `bodies` maps an id to the store key of its body where the stage keeps bodies.
 */
export const runEvent = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("started"), at: z.string(), run: z.string(), recipe: z.string() }),
  z.strictObject({
    type: z.literal("item"),
    at: z.string(),
    stage: z.string(),
    id: z.string(),
    outcome: z.enum(["passed", "rejected", "failed"]),
    out: z.array(z.string()).optional(),
    bodies: z.record(z.string(), z.string()).optional(),
    code: z.string().optional(),
    message: z.string().optional(),
    evidence: z.unknown().optional(),
  }),
  z.strictObject({ type: z.literal("note"), at: z.string(), message: z.string() }),
  z.strictObject({ type: z.literal("ended"), at: z.string(), status: z.string() }),
]);
export type RunEvent = z.infer<typeof runEvent>;

/**
 * How a run ended; docs/files.md has the exit code of each. `stopped`: something only a person can mend, as a key that is refused.
 * `failing`: most of what a stage tried failed. `interrupted`, `budget`, `failing`, `stopped` and `crashed` leave items pending.
 */
export const runStatuses = ["done", "owed", "short", "interrupted", "budget", "failing", "stopped", "crashed"] as const;
export type RunStatus = (typeof runStatuses)[number];

/** What a budget limits; `tokens` are those of input and output together, `hours` wall time. */
export const budgetUnits = ["usd", "requests", "tokens", "hours"] as const;
export type BudgetUnit = (typeof budgetUnits)[number];

/** What all runs of a config spent of one limit; `scope` is `run`, or the stage that has a limit of its own. */
export const budgetSpent = z.strictObject({
  scope: z.string(),
  unit: z.enum(budgetUnits),
  spent: z.number().nonnegative(),
  limit: z.number().positive(),
});
export type BudgetSpent = z.infer<typeof budgetSpent>;

/**
 * What one model was asked for in one stage (null: outside of any). Tokens and `costUsd` are those of answers received in this run, `estimated` of
 * which came without usage; `rememberedUsd` is what the remembered answers cost when they were paid, at today's price. Costs are null where no
 * price is known.
 */
export const spendLine = z.strictObject({
  stage: z.string().nullable(),
  model: z.string(),
  sent: z.number().int(),
  remembered: z.number().int(),
  failed: z.number().int(),
  inputTokens: z.number().int(),
  cachedInputTokens: z.number().int(),
  outputTokens: z.number().int(),
  reasoningTokens: z.number().int(),
  estimated: z.number().int(),
  costUsd: z.number().nullable(),
  rememberedUsd: z.number().nullable(),
});
export type SpendLine = z.infer<typeof spendLine>;

/** US dollars that all answers of these lines cost, whenever they were paid; null where a price is unknown. */
export function usedUsd(lines: readonly SpendLine[]): number | null {
  return sumUsd(lines.flatMap(({ costUsd, rememberedUsd }) => [costUsd, rememberedUsd]));
}

export const runSummary = z.strictObject({
  run: z.string(),
  status: z.enum(runStatuses),
  /** Why it stopped before its end, in a sentence; left out where it did not, or where the status says all. */
  because: z.string().optional(),
  examples: z.number().int(),
  funnel: z.array(funnelRow),
  requests: z.strictObject({
    sent: z.number().int(),
    remembered: z.number().int(),
    failed: z.number().int(),
    lost: z.number().int(),
  }),
  tokens: z.strictObject({ input: z.number().int(), output: z.number().int() }),
  costUsd: z.number().nullable(),
  /** By stage and model, in the order in which they were first asked; absent in summaries of older versions. */
  spend: z.array(spendLine).exactOptional(),
  /** US dollars that everything this run used has cost, whenever it was paid; null where a price is unknown. */
  usedUsd: z.number().nullable().exactOptional(),
  /** `usedUsd` by example; null where there is none, or a price is unknown. */
  costPerExampleUsd: z.number().nullable().exactOptional(),
  /** Left out where the config sets no budget. */
  budget: z.array(budgetSpent).optional(),
  wallSeconds: z.number(),
});
export type RunSummary = z.infer<typeof runSummary>;
