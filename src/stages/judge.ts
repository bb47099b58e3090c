import { z } from "zod";
import type { Judge } from "../contracts.ts";
import type { Candidate } from "../domain/trajectory.ts";
import { type EachStage, each, pass } from "../engine/stage.ts";
import { concurrency, count } from "./ranges.ts";

/** `votes` are independent reviews by one judge. */
export const judgeOptions = z.strictObject({ votes: count.default(1), concurrency: concurrency.default(16) });

/** Adds a judge's verdict to each Candidate. Decides nothing; a judge that broke is a failure, and the candidate is owed. */
export function judge(options: {
  readonly judge: Judge;
  readonly concurrency: number;
}): EachStage<Candidate, Candidate> {
  return each({
    name: "judge",
    concurrency: options.concurrency,
    keep: true,
    async run(candidate, { signal }) {
      const verdict = await options.judge.judge({ task: candidate.attempt.task, candidate }, { signal });
      return pass<Candidate>({ ...candidate, verdict });
    },
  });
}
