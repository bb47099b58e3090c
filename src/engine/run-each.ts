import { BudgetError, FailureError, RejectionError } from "../domain/errors.ts";
import type { StageAccount } from "./account.ts";
import { keepBody } from "./bodies.ts";
import { located } from "./located.ts";
import type { LineScope } from "./scope.ts";
import type { EachStage, Identified, Step } from "./stage.ts";

/**
 * Runs an `each` stage over what comes from upstream and yields what the items became, as they finish. At most `concurrency` items
 * are in it at once, counted from their start until downstream took all they became: a slow downstream slows this stage.
 */
export async function* runEach(
  stage: EachStage<Identified, Identified>,
  upstream: AsyncGenerator<Identified>,
  account: StageAccount,
  scope: LineScope,
): AsyncGenerator<Identified> {
  const context = { signal: scope.signal };
  const ready: (readonly Identified[])[] = [];
  let taken = 0;
  let inside = 0;
  let running = 0;
  let pulling = false;
  let ended = false;
  let wake = () => {};

  for (;;) {
    pull();
    const outs = ready[0];
    if (outs) {
      const out = outs[taken++] as Identified;
      if (taken === outs.length) {
        ready.shift();
        taken = 0;
        inside -= 1;
        pull();
      }
      yield out;
    } else if (ended && running === 0) {
      return;
    } else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  // While the line stops, everything upstream still gives out is taken and left pending, so that it is accounted for.
  function pull(): void {
    if (pulling || ended || (inside >= stage.concurrency && !scope.stopping())) return;
    pulling = true;
    upstream.next().then(arrived, broke);
  }

  function arrived({ done, value }: IteratorResult<Identified>): void {
    pulling = false;
    if (done) ended = true;
    else receive(value);
    pull();
    wake();
  }

  function broke(error: unknown): void {
    pulling = false;
    ended = true;
    scope.fail(error);
    wake();
  }

  function receive(body: Identified): void {
    try {
      account.enter(body.id);
    } catch (error) {
      scope.fail(error);
      return;
    }
    if (scope.stopping()) {
      account.leave(1);
      return;
    }
    inside += 1;
    running += 1;
    account.begin(body.id);
    void work(body);
  }

  async function work(body: Identified): Promise<void> {
    let outs: readonly Identified[] = [];
    try {
      const decided = scope.decided(stage.name, body.id);
      const step = decided ?? (await outcome(body));
      outs = await end(body, step);
      if (decided === null) scope.tried(stage.name, step instanceof FailureError ? step : null);
    } catch (error) {
      account.leave(1);
      // What needs money waits for a later run; what needs none goes on, so that what was paid for comes out.
      if (!(error instanceof BudgetError)) scope.fail(located(error, stage.name, body.id));
    }
    account.settle(body.id);
    running -= 1;
    if (outs.length > 0) ready.push(outs);
    else {
      inside -= 1;
      pull();
    }
    wake();
  }

  async function outcome(body: Identified): Promise<Step<Identified> | FailureError> {
    try {
      return await scope.executor.run(stage, body, context);
    } catch (error) {
      if (error instanceof RejectionError) {
        return { outcome: "rejected", code: error.code, message: error.message, evidence: error.evidence };
      }
      // Once the line was told to stop at once, a failure says nothing about the item: it was cut off.
      if (error instanceof FailureError && !scope.signal.aborted) return error;
      throw error;
    }
  }

  async function end(body: Identified, step: Step<Identified> | FailureError): Promise<readonly Identified[]> {
    if (step instanceof FailureError) {
      account.fail(body.id, step);
      return [];
    }
    if (step.outcome === "rejected") {
      account.reject(body.id, step);
      return [];
    }
    const ids = step.out.map((out) => out.id);
    account.pass(body.id, ids, stage.keep ? await keepAll(step.out) : undefined);
    return step.out;
  }

  async function keepAll(bodies: readonly Identified[]): Promise<Record<string, string>> {
    const kept = bodies.map((body) => [body.id, keepBody(scope.store, body)] as const);
    await Promise.all(kept.map(([, { saved }]) => saved));
    return Object.fromEntries(kept.map(([id, { key }]) => [id, key]));
  }
}
