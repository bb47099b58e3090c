// A clock that stands still until it is told to go on, for what waits by a `now` and a `sleep` of its options.
import { setImmediate as turn } from "node:timers/promises";

export interface VirtualTime {
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Goes on by so much; everybody whose wait ends by then wakes at its own time, and what follows from it has run. */
  advance(ms: number): Promise<void>;
  /** Waits under way. */
  readonly sleepers: () => number;
}

/** Time that begins at 0. */
export function virtualTime(): VirtualTime {
  let nowMs = 0;
  const sleeping = new Set<{ readonly atMs: number; wake(): void }>();
  return {
    now: () => nowMs,
    sleepers: () => sleeping.size,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = {
          atMs: nowMs + ms,
          wake() {
            sleeping.delete(sleeper);
            resolve();
          },
        };
        sleeping.add(sleeper);
        signal.addEventListener("abort", () => {
          sleeping.delete(sleeper);
          reject(signal.reason);
        });
      }),
    async advance(ms) {
      const untilMs = nowMs + ms;
      await turn();
      for (;;) {
        const due = [...sleeping].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (due === undefined) break;
        nowMs = Math.max(nowMs, due.atMs);
        due.wake();
        await turn();
      }
      nowMs = untilMs;
      await turn();
    },
  };
}
