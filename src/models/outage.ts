import type { RetryPolicy } from "./retry.ts";

/** Tells an endpoint that is gone from one that stumbles, for everybody who asks it: a run ends soon after its endpoint did. */
export interface Outage {
  /** The endpoint answered something, be it a refusal. */
  answered(): void;
  /** A request ended without an answer, and another try may work. */
  unanswered(): void;
  /** True once nobody had an answer for `totalSeconds`; a request may still look again `maxWaitSeconds` after the last one. */
  isHopeless(policy: RetryPolicy): boolean;
}

/** An endpoint that nobody has asked yet. */
export function createOutage(now: () => number): Outage {
  let firstMs: number | null = null;
  let lastMs = 0;
  return {
    answered() {
      firstMs = null;
    },
    unanswered() {
      lastMs = now();
      firstMs ??= lastMs;
    },
    isHopeless({ totalSeconds, maxWaitSeconds }) {
      if (firstMs === null || now() - lastMs >= maxWaitSeconds * 1000) return false;
      return lastMs - firstMs >= totalSeconds * 1000;
    },
  };
}
