// What the shell says to the person who types, beside what the agent sees.
import { bytesText, plural } from "../audit/text.ts";
import type { SandboxBackend } from "../contracts.ts";
import type { StepResult } from "../domain/trajectory.ts";

/** How a step ended, in one line: end, wall time, CPU time, peak memory where it is known, whether variables are kept. */
export function stepLine(step: StepResult): string {
  const parts = [
    step.end,
    `${milliseconds(step.wallMs)} wall`,
    `${milliseconds(step.cpuMs)} cpu`,
    ...(step.peakMemoryBytes === null ? [] : [`peak ${bytesText(step.peakMemoryBytes)}`]),
    step.stateLost ? "state lost" : "state kept",
    ...(step.pictures.length === 0 ? [] : [plural(step.pictures.length, "picture")]),
    ...(step.detail === undefined ? [] : [step.detail]),
  ];
  return `[${parts.join(" · ")}]`;
}

function milliseconds(value: number): string {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** Where the code runs, and under which limits, in one line. */
export function limitsText({ name, environment, limits }: SandboxBackend): string {
  return (
    `${name}, environment ${environment.id}: ${limits.memoryMb} MB, ${plural(limits.cpus, "CPU")}, ${plural(limits.pids, "process")}, ` +
    `${limits.stepTimeoutMs / 1000} s a step, /scratch ${limits.scratchMb} MB, ${bytesText(limits.outputBytes)} of a stream shown`
  );
}

export const helpText = `Python runs in the sandbox; a block ends with an empty line, pasted text with Enter.
  :files            the data, as the agent is told about it
  :limits           where the code runs, and under which limits
  :raw              the last step's result as JSON
  :collect <path>   hand a file of /scratch in, as an agent's submission is taken; no step runs after it
  :restart          a new sandbox, everything before forgotten
  :quit             leave (Ctrl-D too)
Ctrl-C interrupts the step that runs, a second one leaves; at the prompt it drops what was typed.`;
