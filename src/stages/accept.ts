import { z } from "zod";
import { meanScore } from "../domain/mean.ts";
import type { Candidate, Verdict } from "../domain/trajectory.ts";
import { type EachStage, each, pass, reject } from "../engine/stage.ts";
import { share } from "./ranges.ts";

/** What every criterion, and what their mean, has to reach. */
export const acceptOptions = z.strictObject({ mean: share, each: share });

/** The mean of a verdict's criteria, between 0 and 1. */
export function quality(verdict: Verdict): number {
  return meanScore(Object.values(verdict.criteria));
}

/**
 * Applies the thresholds to stored verdicts: every criterion at least `each`, their mean at least `mean` (both 0 to 1). Rejects
 * `low_<criterion>` and `low_quality`. Moving a threshold calls nobody.
 */
export function accept(options: z.output<typeof acceptOptions>): EachStage<Candidate, Candidate> {
  return each({
    name: "accept",
    run(candidate) {
      const { verdict } = candidate;
      if (verdict === null) throw new Error("Expected a judged candidate, got one without a verdict");
      const votes = (criterion: string) =>
        verdict.votes.flatMap((vote) => vote.criteria.filter((entry) => entry.name === criterion));
      for (const [criterion, score] of Object.entries(verdict.criteria).sort(([, a], [, b]) => a - b)) {
        if (score < options.each) {
          return reject(`low_${criterion}`, `${criterion} is ${score}, below ${options.each}`, {
            criterion,
            score,
            threshold: options.each,
            votes: votes(criterion),
          });
        }
      }
      const mean = quality(verdict);
      if (mean < options.mean) {
        return reject("low_quality", `The mean over the criteria is ${mean}, below ${options.mean}`, {
          mean,
          threshold: options.mean,
          criteria: verdict.criteria,
        });
      }
      return pass(candidate);
    },
  });
}
