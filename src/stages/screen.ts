import type { Candidate } from "../domain/trajectory.ts";
import { type EachStage, each, pass, reject } from "../engine/stage.ts";

/**
 * A bound on one stored score. `code` names the rejection; a score that could not be measured is rejected as `<code>_unscored`.
 * With `needsReference` the bound says nothing about tasks that have no reference answer.
 */
export interface Bound {
  readonly score: string;
  readonly min?: number;
  readonly max?: number;
  readonly code: string;
  readonly needsReference?: boolean;
}

/**
 * Drops Candidates by stored scores alone, in the order of `bounds`, before anything dear looks at them. A rollout that
 * submitted nothing is dropped first, with its exit as the code (`turn_limit`, `format_limit` …) or `no_answer` for an empty answer.
 */
export function screen(options: { readonly bounds: readonly Bound[] }): EachStage<Candidate, Candidate> {
  return each({
    name: "screen",
    run(candidate) {
      const { exit, submission, turns } = candidate.trajectory;
      if (submission === null || submission.trim() === "") {
        const code = exit === "submitted" ? "no_answer" : exit;
        return reject(code, "The rollout submitted no answer", { exit, turns: turns.length });
      }
      const { reference } = candidate.attempt.task;
      for (const bound of options.bounds) {
        if (bound.needsReference === true && reference === null) continue;
        const measured = candidate.scores.find((score) => score.metric === bound.score);
        if (measured === undefined) throw new Error(`Expected a score named \`${bound.score}\`, got none`);
        const evidence = {
          score: measured,
          bound: { min: bound.min, max: bound.max },
          submission: submission.slice(0, 2000),
          reference: reference?.file === undefined ? (reference?.answer ?? null) : `the file ${reference.file.sha256}`,
        };
        const { value, reason } = measured;
        if (value === null || Number.isNaN(value)) return reject(`${bound.code}_unscored`, reason, evidence);
        const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = bound;
        if (value < min || value > max) return reject(bound.code, reason, evidence);
      }
      return pass(candidate);
    },
  });
}
