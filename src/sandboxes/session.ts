// A session that replays what is remembered: code that ran once is not run again unless new code needs the state it built.
import { z } from "zod";
import type { Blobs, Remember, Sandbox, SandboxBackend, Session } from "../contracts.ts";
import { canonicalJson, hashOf } from "../domain/hash.ts";
import { type StepResult, stepResult } from "../domain/trajectory.ts";

/** Bump when the same code in the same environment would be stored differently. */
export const sandboxStepVersion = 2;

/** What is remembered of a step: its result, and whether running earlier steps again had given another output. */
export const storedStep = z.strictObject({ result: stepResult, diverged: z.boolean() });

export interface SessionOptions {
  readonly backend: SandboxBackend;
  readonly remember: Remember;
  /** The dataset the code may read, and the host folder with its files. */
  readonly dataset: { readonly id: string; readonly dir: string };
  /** Tells sessions over the same dataset apart; part of every step's identity. */
  readonly attempt: string;
  readonly label: string;
  /** Where pictures that steps show are kept. */
  readonly blobs?: Blobs | undefined;
  readonly signal: AbortSignal;
}

/** Opens nothing yet: the sandbox is opened by the first step whose result is not remembered. Steps run one after another. */
export function openSession(options: SessionOptions): Session {
  const { backend, remember, dataset, attempt } = options;
  const steps: { readonly code: string; readonly result: StepResult }[] = [];
  let sandbox: Sandbox | undefined;
  /** Steps before this index left no state behind: the interpreter was lost after them. */
  let stateFrom = 0;
  /** How many of `steps` the open sandbox's state holds, or did before it lost it. */
  let executed = 0;

  async function leave(): Promise<void> {
    const leaving = sandbox;
    sandbox = undefined;
    executed = 0;
    await leaving?.[Symbol.asyncDispose]();
  }

  async function enter(signal: AbortSignal): Promise<Sandbox> {
    sandbox ??= await backend.open({
      dataDir: dataset.dir,
      label: options.label,
      blobs: options.blobs,
      signal,
    });
    return sandbox;
  }

  /** Brings the sandbox to the state after every earlier step. True where an output now differs from the one stored. */
  async function rebuild(signal: AbortSignal): Promise<boolean> {
    let diverged = false;
    for (let index = Math.max(stateFrom, executed); index < steps.length; index++) {
      const step = steps[index] as (typeof steps)[number];
      const again = await (await enter(signal)).run(step.code, { signal, number: index + 1 });
      if (outcome(again) !== outcome(step.result)) diverged = true;
      if (again.end === "killed") await leave();
      executed = index + 1;
    }
    return diverged;
  }

  async function execute(code: string, signal: AbortSignal): Promise<z.infer<typeof storedStep>> {
    try {
      const diverged = await rebuild(signal);
      const result = await (await enter(signal)).run(code, { signal, number: steps.length + 1 });
      executed = steps.length + 1;
      return { result, diverged };
    } catch (error) {
      await leave(); // whatever it holds now is not the state after the earlier steps
      throw error;
    }
  }

  return {
    environment: backend.environment,
    async run(code, { signal: stepSignal }) {
      const signal = AbortSignal.any([options.signal, stepSignal]);
      const identity = {
        kind: "sandbox-step",
        version: sandboxStepVersion,
        dataset: dataset.id,
        environment: backend.environment.id,
        attempt,
        code: hashOf([...steps.map((step) => step.code), code]),
      };
      const { value, remembered } = await remember(identity, storedStep, () => execute(code, signal), { signal });
      steps.push({ code, result: value.result });
      if (value.result.stateLost) stateFrom = steps.length;
      if (value.result.end === "killed") await leave();
      return { result: value.result, remembered, diverged: value.diverged };
    },
    [Symbol.asyncDispose]: leave,
  };
}

/** What a step did apart from how long it took, and from where in memory an object lay that was shown by its address. */
function outcome(result: StepResult): string {
  return canonicalJson({ ...result, wallMs: 0, cpuMs: 0 }).replace(/ at 0x[0-9a-f]{6,}/g, " at 0x");
}
