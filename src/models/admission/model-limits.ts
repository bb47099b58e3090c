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
  let learnedOf = 0;
  return {
    requests,
    tokens,
    requestsLeft,
    tokensLeft,
    refusals: createRefusals(),
    /** Requests under way or waiting. */
    busy: 0,
    /** `underWay`: requests and tokens that have gone to the endpoint and not come back. */
    readyAt: (amount: number, nowMs: number, underWay: { requests: number; tokens: number }) =>
      Math.max(
        requests.readyAt(1, nowMs),
        tokens.readyAt(amount, nowMs),
        requestsLeft.readyAt(1, nowMs, underWay.requests),
        tokensLeft.readyAt(amount, nowMs, underWay.tokens),
      ),
    /** `order` is the place of the request in the order of sending: what an earlier one is told later is old news. */
    learn(
      headers: Headers,
      options: { order: number; unseen: { requests: number; tokens: number }; nowMs: number; maxWaitMs: number },
    ): void {
      const { order, unseen, nowMs, maxWaitMs } = options;
      if (order < learnedOf) return;
      learnedOf = order;
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
