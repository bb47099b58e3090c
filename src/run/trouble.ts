// A run that stops early because a stage of it mostly fails: when, and the sentence that helps.
import type { FailureError, FailureKind } from "../domain/errors.ts";
import { type Trouble, watchFailures } from "../engine/failure-rate.ts";

/** Ends a run's new work once a stage fails too often. `signal` aborts then, and `sentence` says why; null until then. */
export interface TroubleStop {
  readonly signal: AbortSignal;
  readonly tried: (stage: string, failure: FailureError | null) => void;
  readonly sentence: () => string | null;
}

/**
 * Watches a run's stages against the config's `maxFailureRate`; the first trouble is the one told, also to `say`, at once. Once somebody
 * `interrupted` the run nothing is trouble any more: it ends already, and says so.
 */
export function stopOnTrouble(
  maxFailureRate: number,
  { say, interrupted }: { readonly say: (line: string) => void; readonly interrupted: AbortSignal },
): TroubleStop {
  const failures = watchFailures(maxFailureRate);
  const stop = new AbortController();
  let sentence: string | null = null;
  return {
    signal: stop.signal,
    tried(stage, failure) {
      if (interrupted.aborted || sentence !== null) return;
      const trouble = failures.tried(stage, failure);
      if (trouble === null) return;
      sentence = troubleSentence(trouble, maxFailureRate);
      say(`Draining: ${trouble.failed} of the last ${trouble.tried} items of ${stage} failed. Nothing new starts.`);
      stop.abort(new Error(sentence));
    },
    sentence: () => sentence,
  };
}

const whatToCheck: Readonly<Record<FailureKind, string>> = {
  provider: "Check that the endpoint runs and that its key, credit and limits hold",
  sandbox: "Check the sandbox with `npx tracemill doctor`",
  judge: "Check what the judge's model writes (`npx tracemill why`), and its prompt",
  disk: "Check that the disk has room and can be written",
};

/** Which stage, how often, with what last, what to check, and that the same command goes on. */
export function troubleSentence({ stage, tried, failed, kind, message }: Trouble, maxFailureRate: number): string {
  const last = message.replace(/[.\s]+$/, "");
  return (
    `Stopped early: ${failed} of the last ${tried} items of stage \`${stage}\` failed (maxFailureRate is ${maxFailureRate}), ` +
    `the last with: ${last}. ${whatToCheck[kind]}, then run the same command again: nothing that was received is paid twice.`
  );
}
