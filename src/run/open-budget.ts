// The budget of a run: its limits from the config, what earlier runs of that config were charged from the store.
import type { Store } from "../contracts.ts";
import { hashOf } from "../domain/hash.ts";
import { openLedger } from "../engine/ledger.ts";
import { type Budget, createBudget } from "../models/budget.ts";
import { partText, refusalText } from "../models/budget-words.ts";
import { type Charges, charges, noAmounts } from "../models/charge.ts";
import type { RunConfig } from "../recipe.ts";

/** A budget in force; disposing it keeps its last word. */
export type OpenedBudget = Budget & AsyncDisposable;

/** So much of a killed run's hours is lost at most. */
const keepEveryMs = 5_000;
const none: Charges = {
  run: noAmounts,
  stages: {},
  underWay: 0,
  unpriced: 0,
};

/** The budget that a config sets, null where it sets none. @throws {UsageError} where another run spends from it now. */
export async function openBudget(options: {
  readonly config: RunConfig;
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly tell: (line: string) => void;
}): Promise<OpenedBudget | null> {
  const { config, store, say } = options;
  const limits = config.budget;
  if (limits === null || limits === undefined) return null;
  const ledger = await openLedger(store, {
    ...{ name: ledgerOf(config), schema: charges, first: none, signal: options.signal },
  });
  const budget = createBudget({
    ...{ limits, before: ledger.before, keep: ledger.keep, tell: options.tell },
    closed: (refusal) => options.tell(`${refusalText(refusal)}. Nothing new begins there; what is paid for goes on.`),
  });
  for (const line of beforeLines(budget, ledger.before)) say(line);
  const timer = setInterval(() => {
    ledger.keep(budget.charges()).catch(() => undefined); // the next request that wants to be sent says so
  }, keepEveryMs);
  timer.unref();
  return {
    ...budget,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      // Requests that were cut off stay charged: they are in it.
      const kept = ledger.keep(budget.charges());
      await Promise.all([kept, ledger[Symbol.asyncDispose]()]);
    },
  };
}

function beforeLines(budget: Budget, before: readonly Charges[]): string[] {
  if (before.length === 0) return [];
  const lost = before.reduce((sum, { underWay }) => sum + underWay, 0);
  const unpriced = before.reduce((sum, one) => sum + one.unpriced, 0);
  const spent = budget.spent().map(({ scope, unit, spent: amount, limit }) => {
    return `${scope === "run" ? "" : `${scope} `}${partText(unit, amount, limit)}`;
  });
  return [
    `budget    earlier runs spent ${spent.join(", ")}`,
    ...(lost === 0 ? [] : [`          (${lost} requests of killed runs count with the most they may have cost)`]),
    ...(unpriced === 0
      ? []
      : [`          (${unpriced} requests were sent while their price was not known: no dollars)`]),
  ];
}

/** Options that change nothing of what is paid for: a run with others goes on with the same budget. */
const freeOptions: ReadonlySet<string> = new Set(["budget", "export", "maxFailureRate", "prices", "version"]);
/** The same at any depth: how fast is asked, and what it is known to cost. */
const freeBelow: ReadonlySet<string> = new Set([
  ...["concurrency", "price", "requestsPerMinute", "tokensPerMinute", "maxRetries", "retries", "timeoutSeconds"],
  ...["apiKeyEnv"],
]);

/** The name of the ledger of a config: the same for every run whose config differs in nothing that is paid for. */
export function ledgerOf(config: RunConfig): string {
  const paid = Object.entries(config).filter(([key]) => !freeOptions.has(key));
  return hashOf(Object.fromEntries(paid.map(([key, value]) => [key, withoutFree(value)])));
}

function withoutFree(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutFree);
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([key]) => !freeBelow.has(key));
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutFree(member)]));
}
