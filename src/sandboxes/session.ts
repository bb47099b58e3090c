// A session that replays what is remembered: code that ran once is not run again unless new code needs the state it built.
import { z } from "zod";
import type { Blobs, Remember, Sandbox, SandboxBackend, Session } from "../contracts.ts";
import { canonicalJson, hashOf } from "../domain/hash.ts";
import { type StepRan, type StepResult, stepRan, stepResult } from "../domain/trajectory.ts";
import { collectInto, collectVersion, storedCollection, submissionFileOf } from "./collect.ts";
import { SandboxExpired } from "./supervised.ts";

/** Bump when the same code in the same environment would be stored differently. */
export const sandboxStepVersion = 3;

/** What is remembered of a step: its result, whether running earlier steps again had given another output, and where and when it ran. */
export const storedStep = z.strictObject({ result: stepResult, diverged: z.boolean(), ran: stepRan });

export interface SessionOptions {
  readonly backend: SandboxBackend;
  readonly remember: Remember;
  /** The dataset the code may read, and the host folder with its files. */
  readonly dataset: { readonly id: string; readonly dir: string };
  /** Tells sessions over the same dataset apart; part of every step's identity. */
  readonly attempt: string;
  readonly label: string;
  /** Where pictures and collected files are kept. */
  readonly blobs?: Blobs | undefined;
  readonly signal: AbortSignal;
}

/** Opens nothing yet: the sandbox is opened by the first step whose result is not remembered. Steps run one after another. */
export function openSession(options: SessionOptions): Session {
  const { backend, remember, dataset, attempt } = options;
  const whose = { dataset: dataset.id, environment: backend.environment.id, attempt };
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

  async function enter(signal: AbortSignal, spent: Spent): Promise<Sandbox> {
    if (sandbox === undefined) {
      sandbox = await backend.open({ dataDir: dataset.dir, label: options.label, blobs: options.blobs, signal });
      const { queueMs, openMs } = sandbox.times();
      spent.queueMs += queueMs;
      spent.openMs += openMs;
    }
    return sandbox;
  }

  /** Brings the sandbox to the state after every earlier step. True where an output now differs from the one stored. */
  async function rebuild(signal: AbortSignal, spent: Spent, from = stateFrom): Promise<boolean> {
    let diverged = false;
    for (let index = Math.max(from, executed); index < steps.length; index++) {
      const step = steps[index] as (typeof steps)[number];
      const inside = await enter(signal, spent);
      const beganMs = performance.now();
      const again = await inside.run(step.code, { signal, number: index + 1 });
      spent.rebuildMs += performance.now() - beganMs;
      if (outcome(again) !== outcome(step.result)) diverged = true;
      if (again.end === "killed") await leave();
      executed = index + 1;
    }
    return diverged;
  }

  /** Does `work`, and once again in another sandbox where this one ended itself because its host was silent. */
  async function inside<T>(work: (spent: Spent) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work({ queueMs: 0, openMs: 0, rebuildMs: 0 });
      } catch (error) {
        await leave(); // whatever it holds now is not the state after the earlier steps
        if (!(error instanceof SandboxExpired) || tries > 1) throw error;
      }
    }
  }

  function execute(code: string, signal: AbortSignal): Promise<z.infer<typeof storedStep>> {
    return inside(async (spent) => {
      const diverged = await rebuild(signal, spent);
      const open = await enter(signal, spent);
      const result = await open.run(code, { signal, number: steps.length + 1 });
      executed = steps.length + 1;
      const { backend: name, image, kernel, runtime } = backend.environment;
      const { readyMs } = open.times();
      return { result, diverged, ran: { backend: name, image, kernel, runtime, ...spent, readyMs } };
    });
  }

  return {
    environment: backend.environment,
    async run(code, { signal: stepSignal }) {
      const signal = AbortSignal.any([options.signal, stepSignal]);
      const identity = {
        kind: "sandbox-step",
        version: sandboxStepVersion,
        ...whose,
        code: hashOf([...steps.map((step) => step.code), code]),
      };
      const { value, remembered } = await remember(identity, storedStep, () => execute(code, signal), { signal });
      steps.push({ code, result: value.result });
      if (value.result.stateLost) stateFrom = steps.length;
      if (value.result.end === "killed") await leave();
      return { result: value.result, remembered, diverged: value.diverged, ran: value.ran };
    },
    async collect(path, { maxBytes, signal: collectSignal }) {
      const { blobs } = options;
      if (blobs === undefined) throw new Error("Expected a session with blobs to keep a file in, got one without");
      const last = steps.at(-1)?.result;
      // A fresh sandbox would only show an empty /scratch.
      if (last === undefined || last.end === "killed") {
        const detail = last === undefined ? "no code was run" : "the code ended its sandbox, and its files with it";
        return submissionFileOf(path, { refused: "missing", detail, diverged: false });
      }
      const signal = AbortSignal.any([options.signal, collectSignal]);
      const identity = {
        kind: "collect",
        version: collectVersion,
        ...whose,
        code: hashOf(steps.map((step) => step.code)),
        path,
        maxBytes,
      };
      // Files outlive the interpreter: all code since the last sandbox ended may have written this one.
      const from = steps.findLastIndex(({ result }) => result.end === "killed") + 1;
      const collect = async () => {
        const stored = await inside(async (spent) => {
          const diverged = await rebuild(signal, spent, from);
          return { ...(await collectInto(blobs, await enter(signal, spent), path, { maxBytes, signal })), diverged };
        });
        await leave(); // nothing runs in there any more
        return stored;
      };
      for (let again = 0; ; again++) {
        const what = again === 0 ? identity : { ...identity, again };
        const { value, remembered } = await remember(what, storedCollection, collect, { signal });
        // Where its bytes were lost the file is made again, under a name of its own: what is remembered is never replaced.
        const isLost = remembered && "sha256" in value && (await blobs.get(value.sha256)) === undefined;
        if (!isLost) return submissionFileOf(path, value);
      }
    },
    [Symbol.asyncDispose]: leave,
  };
}

type Spent = { -readonly [Part in "queueMs" | "openMs" | "rebuildMs"]: StepRan[Part] };

/** What a step did apart from what it took, and from where in memory an object lay that was shown by its address. */
function outcome(result: StepResult): string {
  const lasting = canonicalJson({ ...result, wallMs: 0, cpuMs: 0, peakMemoryBytes: null });
  return lasting.replace(/ at 0x[0-9a-f]{6,}/g, " at 0x");
}
