import type { Executor } from "../engine/executor.ts";
import { spendingAs } from "../models/spender.ts";

/** An executor whose items are known to the models they ask. */
export function spendingExecutor(inner: Executor): Executor {
  return {
    name: inner.name,
    run: (stage, body, context) =>
      spendingAs({ stage: stage.name, item: body.id }, () => inner.run(stage, body, context)),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
