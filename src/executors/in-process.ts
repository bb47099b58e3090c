import type { Executor } from "../engine/executor.ts";

/** Runs every stage in this process. */
export function inProcess(): Executor {
  return {
    name: "in-process",
    run: (stage, body, context) => stage.run(body, context),
    async [Symbol.asyncDispose]() {},
  };
}
