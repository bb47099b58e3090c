// Leaves an engine alone that starts nothing any more, and lets everybody wait for it instead of failing one after the other.
import { FailureError } from "../domain/errors.ts";

/** When an engine is left alone, how long at a time, and for how long altogether somebody waits for it. Times in milliseconds. */
export interface BreakerPolicy {
  /** So many failures, with no success between them, open it. */
  readonly failures: number;
  readonly firstPauseMs: number;
  /** Pauses double up to this. */
  readonly longestPauseMs: number;
  /** From the first failure on; then whoever waits fails, and who comes later fails at once. */
  readonly patienceMs: number;
}

export const breakerPolicy: BreakerPolicy = {
  failures: 3,
  firstPauseMs: 1_000,
  longestPauseMs: 30_000,
  patienceMs: 15 * 60_000,
};

export interface Breaker {
  /**
   * Runs `task`, at once while all is well; while the engine is left alone it waits, and one caller after each pause tries.
   * @throws {FailureError} `backend_down` when the patience has run out; the signal's reason; whatever `task` throws.
   */
  run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Whether the engine is left alone now. */
  isOpen(): boolean;
}

/** Failures are `FailureError`s that `task` throws; other errors say nothing of the engine. `tell` has one line when it opens, closes, and now and then between. */
export function createBreaker(
  policy: BreakerPolicy,
  options: { readonly name: string; readonly tell: (line: string) => void; readonly now?: () => number },
): Breaker {
  const { name, tell, now = () => performance.now() } = options;
  let failures = 0;
  let firstFailureMs = 0;
  let lastWords = "";
  /** Null while all is well. */
  let away: { pauseMs: number; nextTryMs: number; trying: boolean; saidMs: number } | null = null;
  let changed = new AbortController();

  function wakeAll(): void {
    changed.abort();
    changed = new AbortController();
  }

  function awaySeconds(): number {
    return Math.round((now() - firstFailureMs) / 1000);
  }

  function succeeded(): void {
    if (away !== null) tell(`${name} starts sandboxes again, after ${awaySeconds()} s`);
    failures = 0;
    away = null;
    wakeAll();
  }

  function failed(error: FailureError): void {
    lastWords = error.message;
    if (failures === 0) firstFailureMs = now();
    failures += 1;
    if (away === null) {
      if (failures < policy.failures) return;
      away = { pauseMs: policy.firstPauseMs, nextTryMs: now() + policy.firstPauseMs, trying: false, saidMs: now() };
      tell(
        `${name} has failed ${failures} times in a row to start a sandbox, the last with: ${lastWords}. Waiting for it`,
      );
    } else if (away.trying) {
      const pauseMs = Math.min(away.pauseMs * 2, policy.longestPauseMs);
      const says = now() - away.saidMs >= policy.longestPauseMs;
      if (says) tell(`${name} has been away for ${awaySeconds()} s, waiting: ${lastWords}`);
      away = { pauseMs, nextTryMs: now() + pauseMs, trying: false, saidMs: says ? now() : away.saidMs };
    }
    wakeAll();
  }

  /** Waits for a turn. */
  async function pass(signal: AbortSignal): Promise<"first" | "trial"> {
    signal.throwIfAborted();
    while (away !== null) {
      if (!away.trying && now() >= away.nextTryMs) {
        away.trying = true;
        return "trial";
      }
      if (now() - firstFailureMs >= policy.patienceMs) {
        const words = `${name} has been away for ${awaySeconds()} s and starts no sandboxes: ${lastWords}`;
        throw new FailureError("sandbox", words, { code: "backend_down" });
      }
      const untilMs = away.trying ? policy.longestPauseMs : Math.max(1, away.nextTryMs - now());
      await aboutToChange(untilMs, [signal, changed.signal]);
      signal.throwIfAborted();
    }
    return "first";
  }

  return {
    isOpen: () => away !== null,
    async run(task, signal) {
      const turn = await pass(signal);
      try {
        const value = await task();
        succeeded();
        return value;
      } catch (error) {
        if (error instanceof FailureError && !signal.aborted) failed(error);
        else if (turn === "trial" && away !== null) {
          away.trying = false; // it says nothing of the engine: another may try
          wakeAll();
        }
        throw error;
      }
    },
  };
}

/** Resolves after so long, or once one of the signals aborts. */
function aboutToChange(ms: number, signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    for (const signal of signals) signal.addEventListener("abort", done, { once: true });
  });
}
