import type { HeaderLimit } from "./rate-headers.ts";

/** What an endpoint said is left until its limit has room again. */
export interface Allowance {
  /**
   * `limits`: what the headers of an answer said; `unseen`: what went after the request they answer, which the endpoint may not have
   * counted yet. No reset is waited for longer than `maxWaitMs`.
   */
  learn(limits: readonly HeaderLimit[], options: { unseen: number; nowMs: number; maxWaitMs: number }): void;
  /**
   * When `amount` may go at the earliest; `nowMs` where it may go now. `underWay` is what has gone and not come back, which may count
   * after the reset. What is more than the whole limit goes when all is left.
   */
  readyAt(amount: number, nowMs: number, underWay: number): number;
  take(amount: number): void;
  /** What was taken did not go after all. */
  giveBack(amount: number): void;
}

/** An endpoint that has said nothing of its limits. */
export function createAllowance(): Allowance {
  let left: { remaining: number; isWhole: boolean; limit: number | null; untilMs: number; periodMs: number } | null =
    null;
  return {
    learn(limits, { unseen, nowMs, maxWaitMs }) {
      const told = limits.flatMap(({ limit, remaining, resetMs, isPart }) => {
        if (remaining === null || resetMs === null || (isPart && remaining > 0)) return [];
        const waitMs = Math.min(resetMs, maxWaitMs);
        return [
          {
            remaining: Math.max(0, remaining - unseen),
            isWhole: false,
            // Of a part of the tokens nothing is known but that it is used up.
            limit: isPart ? null : limit,
            untilMs: nowMs + waitMs,
            periodMs: waitMs,
          },
        ];
      });
      if (told.length === 0) return;
      const least = told.reduce((one, other) => (other.remaining < one.remaining ? other : one));
      left = { ...least, periodMs: Math.max(least.periodMs, left?.periodMs ?? 0) };
    },
    readyAt(amount, nowMs, underWay) {
      if (left === null) return nowMs;
      if (nowMs >= left.untilMs) {
        // All is left again; what comes next will say how long that holds.
        const { limit, periodMs } = left;
        if (limit === null || periodMs === 0) {
          left = null;
          return nowMs;
        }
        left = { ...left, remaining: limit - underWay, isWhole: underWay === 0, untilMs: nowMs + periodMs };
      }
      return left.isWhole || left.remaining >= amount ? nowMs : left.untilMs;
    },
    take(amount) {
      if (left === null) return;
      left.remaining -= amount;
      left.isWhole = false;
    },
    giveBack(amount) {
      // What headers said meanwhile has it counted as gone, too.
      if (left !== null) left.remaining += amount;
    },
  };
}
