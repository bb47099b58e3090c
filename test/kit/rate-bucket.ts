/** So many requests, and so many tokens, in so many seconds. */
export interface RateLimit {
  readonly requests: number;
  readonly tokens?: number;
  readonly perSeconds: number;
}

/** A real rate limit as endpoints have it: two buckets that fill up evenly, and headers that tell what is left. */
export function createRateBucket(limit: RateLimit, now: () => number = performance.now.bind(performance)) {
  const { requests, tokens = Number.POSITIVE_INFINITY, perSeconds } = limit;
  const left = { requests, tokens };
  let filledMs = now();

  function fill(): void {
    const share = (now() - filledMs) / (perSeconds * 1000);
    filledMs = now();
    left.requests = Math.min(requests, left.requests + share * requests);
    left.tokens = Math.min(tokens, left.tokens + share * tokens);
  }

  return {
    /** Takes one request of so many tokens. Null where it fits, else the milliseconds until it would. */
    take(cost: number): number | null {
      fill();
      const missing = Math.max(
        (1 - left.requests) / requests,
        Number.isFinite(tokens) ? (cost - left.tokens) / tokens : 0,
      );
      if (missing > 0) return missing * perSeconds * 1000;
      left.requests -= 1;
      left.tokens -= cost;
      return null;
    },
    /** What OpenAI's headers say of it. */
    headers(): Record<string, string> {
      fill();
      const untilFull = (most: number, some: number) => `${(((most - some) / most) * perSeconds).toFixed(3)}s`;
      return {
        "x-ratelimit-limit-requests": String(requests),
        "x-ratelimit-remaining-requests": String(Math.floor(left.requests)),
        "x-ratelimit-reset-requests": untilFull(requests, left.requests),
        ...(Number.isFinite(tokens) && {
          "x-ratelimit-limit-tokens": String(tokens),
          "x-ratelimit-remaining-tokens": String(Math.floor(left.tokens)),
          "x-ratelimit-reset-tokens": untilFull(tokens, left.tokens),
        }),
      };
    },
  };
}
