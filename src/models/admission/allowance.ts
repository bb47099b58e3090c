import type { HeaderLimit } from "./rate-headers.ts";

/** What an endpoint said is left until its limit has room again. */
export interface Allowance {
  /**
   * `limits`: what the headers of an answer said; `unseen`: what went after the request they answer, which the endpoint may not have
   * counted yet. No reset is waited for longer than `maxWaitMs`.
   */
  learn(limits: readonly HeaderLimit[], options: { unseen: number; nowMs: number; maxWaitMs: number }): void;
  /** When `amount` may go at the earliest; `nowMs` where it may go now. */
  readyAt(amount: number, nowMs: number): number;
  take(amount: number): void;
}

/** An endpoint that has said nothing of its limits. */
export function createAllowance(): Allowance {
  let left: { remaining: number; untilMs: number } | null = null;
  return {
    learn(limits, { unseen, nowMs, maxWaitMs }) {
      const told = limits.flatMap(({ remaining, resetMs, isPart }) => {
        if (remaining === null || resetMs === null || (isPart && remaining > 0)) return [];
        return [{ remaining: Math.max(0, remaining - unseen), untilMs: nowMs + Math.min(resetMs, maxWaitMs) }];
      });
      if (told.length === 0) return;
      left = told.reduce((least, each) => (each.remaining < least.remaining ? each : least));
    },
    readyAt(amount, nowMs) {
      if (left === null) return nowMs;
      if (nowMs >= left.untilMs) {
        left = null;
        return nowMs;
      }
      return left.remaining >= amount ? nowMs : left.untilMs;
    },
    take(amount) {
      if (left !== null) left.remaining -= amount;
    },
  };
}
