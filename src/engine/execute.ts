import { setMaxListeners } from "node:events";
import type { Store } from "../contracts.ts";
import type { FailureError } from "../domain/errors.ts";
import { type Account, createAccount } from "./account.ts";
import type { EventSink } from "./events.ts";
import type { Executor } from "./executor.ts";
import type { Line } from "./line.ts";
import { runAll } from "./run-all.ts";
import { runEach } from "./run-each.ts";
import type { LineScope } from "./scope.ts";
import type { Identified, Rejected } from "./stage.ts";

export type { Account } from "./account.ts";

export interface ExecuteOptions {
  readonly store: Store;
  readonly events: EventSink;
  readonly executor: Executor;
  /** Aborts when nothing new may start; work under way finishes. */
  readonly draining: AbortSignal;
  /** Aborts when everything must stop at once. */
  readonly signal: AbortSignal;
  /** A decision that stands about an item (by stage and id): such an item is rejected with it and not tried. None unless given. */
  readonly decided?: (stage: string, id: string) => Rejected | null;
  /** Told of every item an `each` stage tried, in the order they end: its failure, or null where it passed or was rejected. */
  readonly tried?: (stage: string, failure: FailureError | null) => void;
  readonly now?: () => number;
}

export interface Execution<T> {
  /**
   * What comes out of the line's end, as it comes. Iterate it once: nothing runs before, and leaving early stops the line.
   * @throws the error that stopped the line, once all work under way has settled; the signal's reason when that aborted it.
   */
  readonly items: AsyncIterable<T>;
  readonly account: Account;
}

/** Runs a line, pulled by whoever iterates `items`. */
export function executeLine<T extends Identified>(line: Line<T>, options: ExecuteOptions): Execution<T> {
  const { store, events, executor, draining, signal, now = Date.now } = options;
  const {
    account,
    stage: stageAccount,
    check,
  } = createAccount(
    line.stages.map((stage) => stage.name),
    events,
    now,
  );
  const abort = new AbortController();
  // Every item under way may listen to it.
  setMaxListeners(0, abort.signal);
  let stopped: { readonly error: unknown } | undefined;

  const scope: LineScope = {
    store,
    executor,
    signal: abort.signal,
    stopping: () => stopped !== undefined || draining.aborted,
    decided: options.decided ?? (() => null),
    tried: options.tried ?? (() => {}),
    fail(error) {
      stopped ??= { error };
      abort.abort(stopped.error);
    },
  };

  async function* items(): AsyncGenerator<T> {
    const stopAtOnce = () => scope.fail(signal.reason);
    if (signal.aborted) stopAtOnce();
    signal.addEventListener("abort", stopAtOnce, { once: true });
    const last = chain();
    let finished = false;
    try {
      for (;;) {
        const { done, value } = await last.next();
        if (done) break;
        if (!abort.signal.aborted) yield value as T;
      }
      finished = true;
    } catch (error) {
      scope.fail(error);
    } finally {
      signal.removeEventListener("abort", stopAtOnce);
      if (!finished) {
        scope.fail(new Error("The line was left before its end"));
        while (!(await last.next()).done);
      }
    }
    if (stopped) throw stopped.error;
    check();
  }

  function chain(): AsyncGenerator<Identified> {
    return line.stages.reduce<AsyncGenerator<Identified>>(
      (upstream, stage) =>
        stage.kind === "each"
          ? runEach(stage, upstream, stageAccount(stage.name), scope)
          : runAll(stage, upstream, stageAccount(stage.name), scope),
      fromSource(line.source, scope),
    );
  }

  return { items: items(), account };
}

async function* fromSource(source: Line<Identified>["source"], scope: LineScope): AsyncGenerator<Identified> {
  if (scope.stopping()) return;
  for await (const body of source) {
    yield body;
    if (scope.stopping()) return;
  }
}
