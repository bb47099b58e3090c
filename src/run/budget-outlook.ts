import type { Store } from "../contracts.ts";
import type { BudgetSpent } from "../domain/run.ts";
import { sumUsd } from "../domain/usd.ts";
import { readLedger } from "../engine/ledger.ts";
import { createBudget } from "../models/budget.ts";
import { charges } from "../models/charge.ts";
import type { RunConfig } from "../recipe.ts";
import type { Plan } from "./estimate.ts";
import { ledgerOf } from "./open-budget.ts";

/** One limit of the run's own, what is spent of it, and what a run is expected to take of it still; null where that cannot be told. */
export interface Outlook extends BudgetSpent {
  readonly expected: number | null;
}

/** How far a config's budget would go; empty where it sets none for the whole run. Reads the ledger and changes nothing. */
export function budgetOutlook(config: RunConfig, store: Store, { models }: Plan): Outlook[] {
  if (!config.budget) return [];
  const before = readLedger(store, ledgerOf(config), charges);
  const budget = createBudget({ limits: config.budget, before, keep: async () => {}, tell: () => {} });
  const sum = (amount: (model: Plan["models"][number]) => number) =>
    models.reduce((total, model) => total + amount(model), 0);
  const expected = {
    usd: sumUsd(models.map(({ costUsd, requests }) => (requests === 0 ? 0 : costUsd))),
    requests: sum(({ requests }) => requests),
    tokens: sum(({ inputTokens, outputTokens }) => inputTokens + outputTokens),
    hours: null,
  };
  return budget
    .spent()
    .filter(({ scope }) => scope === "run")
    .map((one) => ({ ...one, expected: models.length === 0 ? null : expected[one.unit] }));
}
