// Which seed every item of a pilot comes from.
import { becameOf } from "../audit/funnel.ts";
import type { RunEvent } from "../domain/run.ts";

/** The seeds (or own questions) that a pilot started, and what came of each. */
export interface PilotSeeds {
  readonly seeds: readonly string[];
  /** Seeds that something broke for, in whatever stage: what they cost and gave is not all there. */
  readonly broken: number;
  /** Items that entered a stage, and those that the last stage gave. */
  readonly entered: ReadonlyMap<string, readonly string[]>;
  readonly examples: readonly string[];
  /** The sum of `values` of each seed's items, in the order of `seeds`. */
  perSeed(values: Iterable<readonly [item: string, value: number]>): number[];
}

/** Reads a run's events once. `lastStage` names the stage that gives examples. */
export async function readPilotSeeds(events: AsyncIterable<RunEvent>, lastStage: string): Promise<PilotSeeds> {
  const seedOf = new Map<string, string>();
  const seeds: string[] = [];
  const broken = new Set<string>();
  const entered = new Map<string, string[]>();
  const examples: string[] = [];
  for await (const event of events) {
    if (event.type !== "item") continue;
    // What a stage makes is told before anything happens to it, so an unknown id is a new seed.
    const seed = seedOf.get(event.id) ?? event.id;
    if (!seedOf.has(event.id)) {
      seedOf.set(event.id, seed);
      seeds.push(seed);
    }
    const items = entered.get(event.stage);
    if (items === undefined) entered.set(event.stage, [event.id]);
    else items.push(event.id);
    if (event.outcome === "failed") broken.add(seed);
    for (const id of becameOf(event)) {
      if (!seedOf.has(id)) seedOf.set(id, seed);
      if (event.stage === lastStage) examples.push(id);
    }
  }
  return {
    seeds,
    broken: broken.size,
    entered,
    examples,
    perSeed(values) {
      const sums = new Map<string, number>();
      for (const [item, value] of values) {
        const seed = seedOf.get(item);
        if (seed !== undefined) sums.set(seed, (sums.get(seed) ?? 0) + value);
      }
      return seeds.map((seed) => sums.get(seed) ?? 0);
    },
  };
}
