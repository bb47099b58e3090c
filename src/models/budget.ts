// A budget: what was charged to a run and to its stages, what is held back for requests under way, and who may still send.
import { z } from "zod";
import { BudgetError, UsageError } from "../domain/errors.ts";
import { type BudgetSpent, type BudgetUnit, budgetUnits } from "../domain/run.ts";
import type { BudgetConfig, Limits } from "./budget-config.ts";
import type { Cost } from "./charge.ts";

const amounts = z.strictObject({ usd: z.number(), requests: z.number(), tokens: z.number(), hours: z.number() });
type Amounts = z.output<typeof amounts>;

/** What a run was charged so far, with the bounds of its requests under way: so that of a run that dies they stay charged. */
export const charges = z.strictObject({
  run: amounts,
  stages: z.record(z.string(), amounts),
  /** Requests whose end is not known. */
  underWay: z.number().int(),
  /** Requests without a price. */
  unpriced: z.number().int(),
});
export type Charges = z.output<typeof charges>;

/** Who wants to send what. */
export interface Asked {
  readonly alias: string;
  /** Null outside of any item. */
  readonly stage: string | null;
  readonly item: string | null;
  readonly bound: Cost;
}

/** The right to send one request. */
export interface Reservation {
  /** Resolves once the charge is committed: not before may the request be sent. @throws {StoreError} */
  readonly kept: Promise<void>;
  /** The request has ended, and cost so much; null where nobody knows, and its bound stays charged. Call it once. */
  settle(cost: Cost | null): void;
}

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

/** Lets requests through as long as what they may cost fits. */
export interface Budget {
  /**
   * Holds back what the request may cost. Waits where that fits once requests under way have cost less than they may.
   * @throws {BudgetError} where it does not fit, or where its scope let somebody go before and this item has not begun there; {UsageError}
   * where nothing bounds the request; the signal's reason.
   */
  reserve(asked: Asked, signal: AbortSignal): Promise<Reservation>;
  /** What is spent of every limit. What is held back for requests under way is not in it. */
  spent(): BudgetSpent[];
  /** The first refusal of each scope, in time's order. */
  refusals(): readonly Refusal[];
  /** What this run was charged. */
  charges(): Charges;
}

interface Scope {
  readonly stage: string | null;
  readonly limits: Limits;
  /** By earlier runs. */
  readonly before: Amounts;
  readonly own: Amounts;
  readonly open: { usd: number; tokens: number; requests: number };
  /** Since when requests are under way (ms); null while none is. */
  busySinceMs: number | null;
  isClosed: boolean;
  /** Items that spent here. */
  readonly begun: Set<string>;
}

interface Waiter {
  readonly asked: Asked;
  readonly grant: (reservation: Reservation) => void;
  readonly refuse: (error: unknown) => void;
}

type Decision = "fits" | "wait" | BudgetError | UsageError;

const nothing: Amounts = { usd: 0, requests: 0, tokens: 0, hours: 0 };
const msPerHour = 3_600_000;

/**
 * A budget over `limits`, of which runs before charged `before`. `keep` commits what this run was charged, whenever that changes. Its hours run from
 * now on. `tell` hears, once an alias, of an answer that cost more than its bound.
 */
export function createBudget(options: {
  readonly limits: BudgetConfig;
  readonly before: readonly Charges[];
  readonly keep: (charges: Charges) => Promise<void>;
  readonly tell: (line: string) => void;
  readonly now?: () => number;
}): Budget {
  const { limits, now = Date.now } = options;
  const beganMs = now();
  const waiting: Waiter[] = [];
  const refusals: Refusal[] = [];
  const told = new Set<string>();
  const stages = new Map<string, Scope>();
  let unpriced = 0;
  let broken: unknown;

  const run = scopeOf(null, limits, (one) => one.run);
  for (const stage of Object.keys(limits.stages ?? {})) stageScope(stage);

  function scopeOf(stage: string | null, of: Limits, pick: (one: Charges) => Amounts | undefined): Scope {
    const before = options.before.reduce((sum, one) => add(sum, pick(one) ?? nothing), nothing);
    const open = { usd: 0, tokens: 0, requests: 0 };
    return {
      ...{ stage, limits: of, before, own: { ...nothing }, open },
      ...{ busySinceMs: null, isClosed: false, begun: new Set() },
    };
  }

  function stageScope(stage: string): Scope {
    const known = stages.get(stage);
    if (known !== undefined) return known;
    const scope = scopeOf(stage, limits.stages?.[stage] ?? {}, (one) => one.stages[stage]);
    stages.set(stage, scope);
    return scope;
  }

  function scopesOf({ stage }: Asked): Scope[] {
    return stage === null ? [run] : [run, stageScope(stage)];
  }

  /** Hours of the run are wall time; those of a stage are the time in which it had requests under way. */
  function hoursOf(scope: Scope): number {
    if (scope === run) return (now() - beganMs) / msPerHour;
    return scope.own.hours + (scope.busySinceMs === null ? 0 : now() - scope.busySinceMs) / msPerHour;
  }

  function spentOf(scope: Scope, unit: BudgetUnit): number {
    return scope.before[unit] + (unit === "hours" ? hoursOf(scope) : scope.own[unit]);
  }

  function decide(asked: Asked): Decision {
    const item = itemOf(asked);
    let mustWait = false;
    for (const scope of scopesOf(asked)) {
      const isNew = item === null || !scope.begun.has(item);
      if (scope.isClosed && isNew) return refused(refusals.find(({ stage }) => stage === scope.stage));
      for (const unit of budgetUnits) {
        const limit = scope.limits[unit];
        if (limit === undefined) continue;
        const spent = spentOf(scope, unit);
        const more = unit === "requests" ? 1 : unit === "hours" ? 0 : asked.bound[unit];
        if (more === null) return unbounded(asked.alias, unit);
        if (spent + more > limit || (unit === "hours" && spent >= limit)) {
          return close(scope, { stage: scope.stage, unit, spent, limit, more });
        }
        if ((unit === "usd" || unit === "tokens") && spent + scope.open[unit] + more > limit) mustWait = true;
      }
    }
    return mustWait ? "wait" : "fits";
  }

  function close(scope: Scope, refusal: Refusal): BudgetError {
    if (!scope.isClosed) {
      scope.isClosed = true;
      refusals.push(refusal);
    }
    return refused(refusal);
  }

  function grant(asked: Asked): Reservation {
    const { bound } = asked;
    const scopes = scopesOf(asked);
    const item = itemOf(asked);
    for (const scope of scopes) {
      scope.own.requests += 1;
      scope.open.usd += bound.usd ?? 0;
      scope.open.tokens += bound.tokens ?? 0;
      scope.open.requests += 1;
      scope.busySinceMs ??= now();
      if (item !== null) scope.begun.add(item);
    }
    let isSettled = false;
    const kept = keep();
    kept.catch(() => undefined); // whoever holds the reservation hears of it; it may be cut off before
    return {
      kept,
      settle(cost) {
        if (isSettled) return;
        isSettled = true;
        if (cost !== null) warnAbove(asked, cost);
        const { usd, tokens } = { usd: cost?.usd ?? bound.usd, tokens: cost?.tokens ?? bound.tokens };
        if (usd === null) unpriced += 1;
        for (const scope of scopes) {
          scope.own.usd += usd ?? 0;
          scope.own.tokens += tokens ?? 0;
          release(scope, bound);
        }
        // Where it cannot be kept, the next reservation says so.
        keep().catch(() => undefined);
        serveWaiting();
      },
    };
  }

  function release(scope: Scope, bound: Cost): void {
    const { open } = scope;
    open.requests -= 1;
    // Sums and differences of fractions drift: where nothing is open, it is nothing.
    open.usd = open.requests === 0 ? 0 : open.usd - (bound.usd ?? 0);
    open.tokens = open.requests === 0 ? 0 : open.tokens - (bound.tokens ?? 0);
    if (open.requests === 0 && scope.busySinceMs !== null) {
      scope.own.hours += (now() - scope.busySinceMs) / msPerHour;
      scope.busySinceMs = null;
    }
  }

  function warnAbove({ alias, bound }: Asked, cost: Cost): void {
    const above = (unit: "usd" | "tokens") =>
      (cost[unit] ?? 0) > (bound[unit] ?? Number.POSITIVE_INFINITY) * (1 + 1e-9);
    if (told.has(alias) || !(above("usd") || above("tokens"))) return;
    told.add(alias);
    options.tell(
      `An answer of model \`${alias}\` was charged ${amountText("tokens", cost.tokens ?? 0)}, more than the ${amountText("tokens", bound.tokens ?? 0)} that its ` +
        "request and `maxTokens` allow: the endpoint adds tokens of its own. What it counts is what is charged, so the budget can be passed by that much (docs/budget.md).",
    );
  }

  async function keep(): Promise<void> {
    if (broken !== undefined) throw broken;
    try {
      await options.keep(chargesNow());
    } catch (error) {
      broken ??= error;
      throw error;
    }
  }

  function chargesNow(): Charges {
    const sumOf = (scope: Scope): Amounts => ({
      usd: scope.own.usd + scope.open.usd,
      requests: scope.own.requests,
      tokens: scope.own.tokens + scope.open.tokens,
      hours: hoursOf(scope),
    });
    return {
      run: sumOf(run),
      stages: Object.fromEntries([...stages].map(([stage, scope]) => [stage, sumOf(scope)])),
      underWay: run.open.requests,
      unpriced,
    };
  }

  /** Those that have begun go first: half a conversation is worth nothing. */
  function serveWaiting(): void {
    const begun = ({ asked }: Waiter) => scopesOf(asked).every((scope) => scope.begun.has(itemOf(asked) ?? ""));
    for (const waiter of waiting.toSorted((a, b) => Number(begun(b)) - Number(begun(a)))) {
      const decision = decide(waiter.asked);
      if (decision === "wait") continue;
      waiting.splice(waiting.indexOf(waiter), 1);
      if (decision === "fits") waiter.grant(grant(waiter.asked));
      else waiter.refuse(decision);
    }
  }

  return {
    async reserve(asked, signal) {
      signal.throwIfAborted();
      if (broken !== undefined) throw broken;
      const decision = decide(asked);
      if (decision === "fits") return grant(asked);
      if (decision !== "wait") throw decision;
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiting.splice(waiting.indexOf(waiter), 1);
          reject(signal.reason);
        };
        const over = <T>(end: (value: T) => void) => {
          return (value: T) => {
            signal.removeEventListener("abort", leave);
            end(value);
          };
        };
        const waiter: Waiter = { asked, grant: over(resolve), refuse: over(reject) };
        waiting.push(waiter);
        signal.addEventListener("abort", leave, { once: true });
      });
    },
    spent: () =>
      [run, ...stages.values()].flatMap((scope) =>
        budgetUnits.flatMap((unit) => {
          const limit = scope.limits[unit];
          return limit === undefined ? [] : [{ scope: scope.stage ?? "run", unit, spent: spentOf(scope, unit), limit }];
        }),
      ),
    refusals: () => [...refusals],
    charges: chargesNow,
  };
}

function itemOf({ stage, item }: Asked): string | null {
  return item === null ? null : `${stage}\n${item}`;
}

function add(left: Amounts, right: Amounts): Amounts {
  return {
    usd: left.usd + right.usd,
    requests: left.requests + right.requests,
    tokens: left.tokens + right.tokens,
    hours: left.hours + right.hours,
  };
}

function refused(refusal: Refusal | undefined): BudgetError {
  return new BudgetError(refusal === undefined ? "A budget is spent" : refusalText(refusal));
}

function unbounded(alias: string, unit: BudgetUnit): UsageError {
  return new UsageError(
    `Expected every request of model \`${alias}\` to have a bound in ${unit}, because \`budget\` limits ${unit}, got one without: set \`${unit === "usd" ? "price` and `maxTokens" : "maxTokens"}\` of the model.`,
  );
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
function amountText(unit: BudgetUnit, amount: number): string {
  if (unit === "usd") return `$${amount < 1 ? Number(amount.toPrecision(3)) : amount.toFixed(2)}`;
  const digits = unit === "hours" ? 3 : 0;
  return `${amount.toLocaleString("en-US", { maximumFractionDigits: digits })} ${unit}`;
}
