import type { Log } from "../contracts.ts";
import type { RunningSandbox } from "./running.ts";

/**
 * Removes what dead processes left, now and every so often until it is disposed. What goes wrong is written to the log and is never in
 * the way of those who have work to do. The timer keeps no process alive.
 */
export async function keepReaping(
  reaped: { readonly name: string; reap(): Promise<readonly RunningSandbox[]> },
  options: { readonly everyMs: number; readonly log: Log | undefined },
): Promise<Disposable> {
  const { log } = options;
  let underWay = false;
  let failures = 0;

  async function look(): Promise<void> {
    if (underWay) return;
    underWay = true;
    try {
      for (const { id, label, ownerPid } of await reaped.reap()) {
        log?.write("warn", "A sandbox was removed whose owner is gone", { backend: reaped.name, id, label, ownerPid });
      }
    } catch (error) {
      failures += 1;
      log?.write("warn", "Left-over sandboxes could not be looked for", { backend: reaped.name, failures, error });
    } finally {
      underWay = false;
    }
  }

  await look();
  const timer = setInterval(() => void look(), options.everyMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
