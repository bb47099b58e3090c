import { createAllowance } from "./allowance.ts";
import { createRate } from "./rate.ts";
import { readRateHeaders } from "./rate-headers.ts";
import { createRefusals } from "./refusals.ts";

/** What is known of one model at an endpoint: limits by its headers, and how it refused. */
export function modelLimits() {
  const requests = createRate();
  const tokens = createRate();
  const requestsLeft = createAllowance();
  const tokensLeft = createAllowance();
  return {
    requests,
    tokens,
    requestsLeft,
    tokensLeft,
    refusals: createRefusals(),
    /** Requests under way or waiting. */
    busy: 0,
    readyAt: (amount: number, nowMs: number) =>
      Math.max(
        requests.readyAt(1, nowMs),
        tokens.readyAt(amount, nowMs),
        requestsLeft.readyAt(1, nowMs),
        tokensLeft.readyAt(amount, nowMs),
      ),
    learn(headers: Headers, unseen: { requests: number; tokens: number }, nowMs: number, maxWaitMs: number): void {
      const limits = readRateHeaders(headers, nowMs);
      for (const [rate, left, told, sentSince] of [
        [requests, requestsLeft, limits.requests, unseen.requests],
        [tokens, tokensLeft, limits.tokens, unseen.tokens],
      ] as const) {
        if (told.length === 0) continue;
        left.learn(told, { unseen: sentSince, nowMs, maxWaitMs });
        const perMinute = told.flatMap((limit) => limit.perMinute ?? []);
        if (perMinute.length > 0) rate.setLimit(Math.min(...perMinute));
      }
    },
  };
}
