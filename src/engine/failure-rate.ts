import type { FailureError, FailureKind } from "../domain/errors.ts";

/** Trouble that is plain: of the last `tried` items of a stage so many `failed`, the last of them with this kind and message. */
export interface Trouble {
  readonly stage: string;
  readonly tried: number;
  readonly failed: number;
  readonly kind: FailureKind;
  readonly message: string;
}

/** Items that a stage has to have tried before its rate is looked at. */
export const fewestTried = 20;
/** A rate is that of the stage's last so many items, so that trouble that begins late is seen as soon as early trouble. */
export const windowItems = 40;

/**
 * Watches the share of failed among the items each stage tried last. `tried` tells of one that ended, and returns the trouble once
 * that share is above `maxFailureRate` (0 to 1; at 1 it never is).
 */
export function watchFailures(maxFailureRate: number) {
  const stages = new Map<string, { readonly failures: boolean[]; failed: number }>();

  return {
    tried(stage: string, failure: FailureError | null): Trouble | null {
      const last = stages.get(stage) ?? { failures: [], failed: 0 };
      stages.set(stage, last);
      last.failures.push(failure !== null);
      if (failure !== null) last.failed += 1;
      if (last.failures.length > windowItems && last.failures.shift()) last.failed -= 1;
      const tried = last.failures.length;
      if (failure === null || tried < fewestTried || last.failed / tried <= maxFailureRate) return null;
      return { stage, tried, failed: last.failed, kind: failure.kind, message: failure.message };
    },
  };
}
