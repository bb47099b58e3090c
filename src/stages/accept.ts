import type { Candidate, Verdict } from "../domain/trajectory.ts";
import { type EachStage, each, pass, reject } from "../engine/stage.ts";

/** The mean of a verdict's criteria, between 0 and 1. */
export function quality(verdict: Verdict): number {
  const scores = Object.values(verdict.criteria);
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/**
 * Applies the thresholds to stored verdicts: every criterion at least `each`, their mean at least `mean` (both 0 to 1). Rejects
 * `low_<criterion>` and `low_quality`. Moving a threshold calls nobody.
 */
export function accept(options: { readonly mean: number; readonly each: number }): EachStage<Candidate, Candidate> {
  return each({
    name: "accept",
    run(candidate) {
      const { verdict } = candidate;
      if (verdict === null) throw new Error("Expected a judged candidate, got one without a verdict");
      const votes = (criterion: string) =>
        verdict.votes.flatMap((vote) => vote.criteria.filter((entry) => entry.name === criterion));
      for (const [criterion, score] of Object.entries(verdict.criteria).sort(([, a], [, b]) => a - b)) {
        if (score < options.each) {
          return reject(`low_${criterion}`, `${criterion} is ${score.toFixed(2)}, below ${options.each}`, {
            criterion,
            score,
            threshold: options.each,
            votes: votes(criterion),
          });
        }
      }
      const mean = quality(verdict);
      if (mean < options.mean) {
        return reject("low_quality", `The mean over the criteria is ${mean.toFixed(3)}, below ${options.mean}`, {
          mean,
          threshold: options.mean,
          criteria: verdict.criteria,
        });
      }
      return pass(candidate);
    },
  });
}
