// A budget in words.
import { BudgetError, UsageError } from "../domain/errors.ts";
import type { BudgetUnit } from "../domain/run.ts";
import type { Cost } from "./charge.ts";

/** Why a budget lets nothing new begin. */
export interface Refusal {
  /** Null for the run's own. */
  readonly stage: string | null;
  readonly unit: BudgetUnit;
  readonly spent: number;
  readonly limit: number;
  /** What the request that did not fit may have cost; 0 for hours. */
  readonly more: number;
}

/** Which limit is reached, and how far: `budget.usd is spent: $9.98 of $10, and the next request may cost up to $0.03`. */
export function refusalText({ stage, unit, spent, limit, more }: Refusal): string {
  const option = stage === null ? `budget.${unit}` : `budget.stages.${stage}.${unit}`;
  const next =
    unit === "usd" || unit === "tokens" ? `, and the next request may cost up to ${amountText(unit, more)}` : "";
  return `\`${option}\` is spent: ${partText(unit, spent, limit)}${next}`;
}

/** How much of a limit: `$1.50 of $10`, `12 of 500 requests`. */
export function partText(unit: BudgetUnit, spent: number, limit: number): string {
  const [part, whole] = [amountText(unit, spent), amountText(unit, limit)];
  return `${unit === "usd" ? part : part.slice(0, -unit.length - 1)} of ${whole}`;
}

/** An amount with its unit: `$1.50`, `1,200 requests`, `0.25 hours`. */
export function amountText(unit: BudgetUnit, amount: number): string {
  if (unit === "usd") return `$${amount < 1 ? Number(amount.toPrecision(3)) : amount.toFixed(2)}`;
  const digits = unit === "hours" ? 3 : 0;
  return `${amount.toLocaleString("en-US", { maximumFractionDigits: digits })} ${unit}`;
}

/** The error of a request that a budget refused. */
export function refusedError(refusal: Refusal | undefined): BudgetError {
  return new BudgetError(refusal === undefined ? "A budget is spent" : refusalText(refusal));
}

/** The error of a request that nothing bounds in a unit that is limited. */
export function unboundedError(alias: string, unit: BudgetUnit): UsageError {
  return new UsageError(
    `Expected every request of model \`${alias}\` to have a bound in ${unit}, because \`budget\` limits ${unit}, got one without: set \`${unit === "usd" ? "price` and `maxTokens" : "maxTokens"}\` of the model.`,
  );
}

/** Said of an answer that cost more than what bounds its request. */
export function aboveBound(alias: string, cost: Cost, bound: Cost): string {
  return (
    `An answer of model \`${alias}\` was charged ${amountText("tokens", cost.tokens ?? 0)}, more than the ${amountText("tokens", bound.tokens ?? 0)} that its ` +
    "request and `maxTokens` allow: the endpoint adds tokens of its own. What it counts is what is charged, so the budget can be passed by that much (docs/budget.md)."
  );
}
