/** Ctrl-C once drains: nothing new starts, what is under way ends. Twice stops now. Both leave a state the next run continues. */
export interface Interrupt extends Disposable {
  readonly draining: AbortSignal;
  readonly stopping: AbortSignal;
}

/** Listens to SIGINT and SIGTERM until it is disposed. */
export function stopOnInterrupt(tell: (line: string) => void): Interrupt {
  const drain = new AbortController();
  const stop = new AbortController();
  const onSignal = () => {
    if (!drain.signal.aborted) {
      tell("Draining: work under way ends, nothing new starts. Once more to stop now.");
      drain.abort(new Error("interrupted"));
    } else if (!stop.signal.aborted) {
      tell("Stopping now.");
      stop.abort(new Error("interrupted twice"));
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    draining: drain.signal,
    stopping: stop.signal,
    [Symbol.dispose]() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
