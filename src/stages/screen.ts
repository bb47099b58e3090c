import type { Candidate } from "../domain/trajectory.ts";
import { type EachStage, each, pass, reject } from "../engine/stage.ts";

/** A bound on one stored score. `code` names the rejection; a score that could not be measured is rejected as `<code>_unscored`. */
export interface Bound {
  readonly score: string;
  readonly min?: number;
  readonly max?: number;
  readonly code: string;
}

/**
 * Drops Candidates by stored scores alone, in the order of `bounds`, before anything dear looks at them. A rollout that
 * submitted nothing is dropped first, with its exit as the code (`turn_limit`, `format_limit` …).
 */
export function screen(options: { readonly bounds: readonly Bound[] }): EachStage<Candidate, Candidate> {
  return each({
    name: "screen",
    run(candidate) {
      const { trajectory } = candidate;
      if (trajectory.submission === null) {
        return reject(
          trajectory.exit === "submitted" ? "no_answer" : trajectory.exit,
          "The rollout submitted no answer",
          {
            exit: trajectory.exit,
            turns: trajectory.turns.length,
          },
        );
      }
      for (const bound of options.bounds) {
        const measured = candidate.scores.find((score) => score.metric === bound.score);
        if (measured === undefined) throw new Error(`Expected a score named \`${bound.score}\`, got none`);
        const evidence = {
          score: measured,
          bound: { min: bound.min, max: bound.max },
          submission: trajectory.submission.slice(0, 2000),
          reference: candidate.attempt.task.reference.answer,
        };
        if (measured.value === null) return reject(`${bound.code}_unscored`, measured.reason, evidence);
        if (bound.min !== undefined && measured.value < bound.min) return reject(bound.code, measured.reason, evidence);
        if (bound.max !== undefined && measured.value > bound.max) return reject(bound.code, measured.reason, evidence);
      }
      return pass(candidate);
    },
  });
}
