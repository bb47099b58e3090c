import { z } from "zod";
import type { Candidate } from "../domain/trajectory.ts";
import { type AllStage, all, type Rejected, reject } from "../engine/stage.ts";
import { quality } from "./accept.ts";
import { groupBy } from "./group-by.ts";
import { count } from "./ranges.ts";

/** Candidates kept of each query, and in all. */
export const selectOptions = z.strictObject({ perQuery: count.default(1), target: count });

interface Standing {
  readonly id: string;
  readonly queryId: string;
  readonly datasetId: string;
  readonly quality: number;
  readonly failedSteps: number;
  readonly turns: number;
}

/**
 * Keeps the best `perQuery` candidates of each query (`not_best`), then at most `target` in all, dealt to the datasets in
 * turn so that small ones are not crowded out (`over_target`); the last round's places go to its best. Better is: higher judged mean (0
 * without a verdict), fewer failed steps, fewer turns, smaller id.
 */
export function select(options: z.output<typeof selectOptions>): AllStage<Candidate, Standing> {
  return all({
    name: "select",
    project: (candidate) => ({
      id: candidate.id,
      queryId: candidate.attempt.task.queryId,
      datasetId: candidate.attempt.task.dataset.id,
      quality: candidate.verdict === null ? 0 : quality(candidate.verdict),
      failedSteps: candidate.trajectory.turns.filter((turn) => turn.step !== null && turn.step.end !== "ok").length,
      turns: candidate.trajectory.turns.length,
    }),
    decide: (standings) => {
      const decisions = new Map<string, Rejected | null>();
      const byQuery = groupBy(standings, (standing) => standing.queryId);
      const leaders: Standing[] = [];
      for (const group of byQuery.values()) {
        const ranked = group.toSorted(better);
        const best = ranked.slice(0, options.perQuery);
        leaders.push(...best);
        for (const loser of ranked.slice(options.perQuery)) {
          decisions.set(
            loser.id,
            reject("not_best", `Another try at the same question ranks higher`, {
              kept: best.map(({ id, quality: mean, turns }) => ({ id, quality: mean, turns })),
              quality: loser.quality,
              turns: loser.turns,
            }),
          );
        }
      }
      const chosen = deal(leaders, options.target);
      for (const leader of leaders) {
        decisions.set(
          leader.id,
          chosen.has(leader.id)
            ? null
            : reject("over_target", `The target of ${options.target} examples is reached without it`, {
                target: options.target,
                candidates: leaders.length,
                quality: leader.quality,
              }),
        );
      }
      return standings.map((standing) => decisions.get(standing.id) ?? null);
    },
  });
}

function better(a: Standing, b: Standing): number {
  return (
    b.quality - a.quality ||
    a.failedSteps - b.failedSteps ||
    a.turns - b.turns ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

/** Deals places to the datasets in turn, the best of each first, until `places` are gone. */
function deal(standings: readonly Standing[], places: number): Set<string> {
  const hands = [...groupBy(standings.toSorted(better), (standing) => standing.datasetId).values()];
  const chosen = new Set<string>();
  for (let round = 0; chosen.size < places; round++) {
    const dealt = hands.flatMap((hand) => hand[round] ?? []).sort(better);
    if (dealt.length === 0) break;
    for (const standing of dealt) if (chosen.size < places) chosen.add(standing.id);
  }
  return chosen;
}
