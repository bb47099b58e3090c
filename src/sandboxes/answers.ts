// Results of steps that no interpreter could give, and what is added to those that one gave.
import type { SandboxLimits } from "../contracts.ts";
import type { BoundedText, StepEnd, StepResult } from "../domain/trajectory.ts";
import type { SupervisorFrame } from "./protocol.ts";

const nothing: BoundedText = { head: "", tail: "", droppedBytes: 0 };
const outputLimitMb = 64; // OUTPUT_LIMIT_BYTES in runner/_inside/watch.py

const bare = {
  ...{ stdout: nothing, stderr: nothing, result: null, exception: null, pictures: [], savedOutput: null },
  ...{ cpuMs: 0, peakMemoryBytes: null },
};

/** `killed` says to whoever reads it that this sandbox is over: its later steps are `killed` too. */
export function gone(wallMs: number, detail: string): StepResult {
  return { ...bare, end: "killed", wallMs, stateLost: true, detail };
}

/** Code that is longer than a frame may be, answered as Python would. */
export function tooLong(bytes: number): StepResult {
  const value = `code of ${bytes} bytes is longer than a step may be`;
  const traceback = { ...nothing, head: `ValueError: ${value}\n` };
  return { ...bare, end: "error", exception: { name: "ValueError", value, traceback }, wallMs: 0, stateLost: false };
}

/** What the supervisor says of a step as its result, without the pictures, which are to be checked first. */
export function resultOf(done: Extract<SupervisorFrame, { type: "done" }>, limits: SandboxLimits): StepResult {
  const {
    v: _v,
    session: _session,
    seq: _seq,
    type: _type,
    step: _step,
    readyMs: _readyMs,
    pictures: _pictures,
    detail,
    ...shown
  } = done;
  const limit = limitOf(done.end, limits);
  return {
    ...shown,
    pictures: [],
    ...(limit !== null && { limit }),
    ...(detail !== undefined && { detail }),
  };
}

/** The limit that such an end reached, as a person says it. */
function limitOf(end: StepEnd, { memoryMb, stepTimeoutMs }: SandboxLimits): string | null {
  if (end === "oom") return `${memoryMb.toLocaleString("en-US")} MB`;
  if (end === "timeout") return `${stepTimeoutMs / 1000} s`;
  return end === "output_limit" ? `${outputLimitMb} MB` : null;
}
