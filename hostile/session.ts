// A sandbox as cases see it: each step with whole texts and with what the agent is shown.
import { react } from "../src/agents/react.ts";
import type { BoundedText, StepResult } from "../src/domain/trajectory.ts";
import type { Session, Step, Tried } from "./case.ts";

const collectBytes = 1 << 20;

/** A case's session over an open sandbox; `signal` ends a step under way. */
export function sessionOver(sandbox: Tried, signal: AbortSignal): Session {
  return {
    raw: sandbox,
    run: async (code) => stepOf(await sandbox.run(code, { signal })),
    collect: (path, maxBytes = collectBytes) => sandbox.collect(path, { maxBytes, signal }),
    close: async () => sandbox[Symbol.asyncDispose](),
  };
}

function stepOf(raw: StepResult): Step {
  return {
    end: raw.end,
    stdout: text(raw.stdout),
    stderr: text(raw.stderr),
    result: raw.result === null ? null : text(raw.result),
    error: raw.exception === null ? null : `${raw.exception.name}: ${raw.exception.value}`,
    stateLost: raw.stateLost,
    observation: react.show(raw),
    raw,
  };
}

function text(bounded: BoundedText): string {
  return bounded.head + bounded.tail;
}
