// What bounds the wall time of a run: stages, sandboxes, endpoints, each of which does only so much at once.
import { defaultConcurrency } from "../models/admission.ts";
import type { RunConfig } from "../recipe.ts";
import type { ItemUse, Journal } from "./journal.ts";
import type { OpenedRun } from "./open-run.ts";
import type { Capacity } from "./projection.ts";

/** The sum of a value over each seed's items, of all uses or of those kept. */
export type PerSeed = (value: (use: ItemUse) => number, keep?: (use: ItemUse) => boolean) => number[];

/** The capacities of a run with what each seed of the pilot took of them. */
export function capacitiesOf(config: RunConfig, opened: OpenedRun, journal: Journal, perSeed: PerSeed): Capacity[] {
  const sandboxed = journal.sandboxed();
  const stages = opened.line.stages.flatMap((stage): Capacity[] => {
    if (stage.kind !== "each") return [];
    const held = sandboxed.has(stage.name) ? config.sandbox.concurrency : Number.POSITIVE_INFINITY;
    return [
      {
        what: held < stage.concurrency ? `sandboxes (${stage.name})` : `stage ${stage.name}`,
        atOnce: Math.min(stage.concurrency, held),
        seconds: perSeed(
          (use) => use.seconds,
          (use) => use.stage === stage.name,
        ),
      },
    ];
  });
  const endpoints = opened.admissions.endpoints().flatMap(({ baseUrl, aliases }): Capacity[] => {
    const limits = aliases.map((alias) => config.models[alias] as { concurrency?: number; requestsPerMinute?: number });
    const stated = (of: (limit: (typeof limits)[number]) => number | undefined) =>
      limits.map((limit) => (limit === undefined ? undefined : of(limit))).find((value) => value !== undefined);
    const perMinute = stated((limit) => limit.requestsPerMinute);
    const of = (value: (use: ItemUse, alias: string) => number) =>
      perSeed((use) => aliases.reduce((sum, alias) => sum + value(use, alias), 0));
    const concurrency: Capacity = {
      what: `endpoint ${baseUrl}`,
      atOnce: stated((limit) => limit.concurrency) ?? defaultConcurrency,
      seconds: of((use, alias) => use.answerSeconds.get(alias) ?? 0),
    };
    // A request takes up one of so many a second.
    const rate: Capacity[] =
      perMinute === undefined
        ? []
        : [
            {
              what: `requestsPerMinute of ${baseUrl}`,
              atOnce: perMinute / 60,
              seconds: of((use, alias) => use.answers.get(alias) ?? 0),
            },
          ];
    return [concurrency, ...rate];
  });
  return [...stages, ...endpoints];
}

/** Seconds that an item takes through the line, where every stage takes its mean. */
export function throughSeconds(uses: readonly ItemUse[]): number {
  const stages = new Map<string, { seconds: number; items: number }>();
  for (const { stage, seconds } of uses) {
    const tally = stages.get(stage) ?? { seconds: 0, items: 0 };
    stages.set(stage, { seconds: tally.seconds + seconds, items: tally.items + 1 });
  }
  return [...stages.values()].reduce((sum, { seconds, items }) => sum + seconds / items, 0);
}
