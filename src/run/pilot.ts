// `tracemill estimate`: runs a few seeds all the way, and says what the whole run would come to.
import { exitCodes } from "../archive/run-end.ts";
import { type RunFolder, readSummary } from "../archive/run-folder.ts";
import { UsageError } from "../domain/errors.ts";
import type { RunSummary } from "../domain/run.ts";
import { readEvents } from "../engine/events.ts";
import { executeRun, type RunOptions } from "./execute-run.ts";
import { createJournal, type ItemUse, type Journal } from "./journal.ts";
import type { OpenedRun } from "./open-run.ts";
import { capacitiesOf, type PerSeed, throughSeconds } from "./pilot-capacities.ts";
import { type PilotSeeds, readPilotSeeds } from "./pilot-seeds.ts";
import { atMost, type Interval, totalOf, type Wall, wallSeconds } from "./projection.ts";

/** Requests and tokens count remembered answers too. Cost is null where a price is unknown. */
export interface Figures<Value> {
  readonly requests: Value;
  readonly inputTokens: Value;
  readonly outputTokens: Value;
  readonly costUsd: Value | null;
  readonly examples: Value;
}

/** A stage in the pilot, and as expected of the whole run. */
export interface StageProjection {
  readonly stage: string;
  readonly pilot: { readonly in: number; readonly requests: number; readonly costUsd: number | null };
  readonly whole: { readonly in: Interval; readonly requests: Interval; readonly costUsd: Interval | null };
}

/** A pilot and what it says of the whole run; this is also `--json`. Intervals are of 95 %. */
export interface Projection {
  readonly run: string;
  readonly config: string;
  readonly seeds: { readonly pilot: number; readonly all: number };
  /** Examples that the config asks for. */
  readonly target: number;
  readonly pilot: Figures<number>;
  readonly whole: Figures<Interval>;
  readonly stages: readonly StageProjection[];
  /** Seconds of the whole run and what they are bound by; null where the pilot asked too little now to tell. */
  readonly wall: Wall | null;
  /** What to know before believing it. */
  readonly notes: readonly string[];
}

/**
 * Runs the pilot, an ordinary limited run whose answers are remembered, and projects it; null where the pilot came to no end that can be
 * projected, with the exit code that says why.
 */
export async function runPilot(
  options: RunOptions & { readonly limit: number },
): Promise<{ readonly exitCode: number; readonly projection: Projection | null }> {
  const journal = createJournal();
  const made: { opened?: OpenedRun; folder?: RunFolder } = {};
  const exitCode = await executeRun({
    ...options,
    pilot: {
      journal,
      opened(run) {
        made.opened = run;
      },
    },
    onFolder(folder) {
      made.folder = folder;
    },
  });
  const { opened, folder } = made;
  const summary = folder === undefined ? null : await readSummary(folder);
  if (opened === undefined || folder === undefined || summary === null || !["done", "owed"].includes(summary.status)) {
    return { exitCode, projection: null };
  }
  return { exitCode: exitCodes.done, projection: await project({ options, journal, opened, folder, summary }) };
}

interface Pilot {
  readonly options: RunOptions;
  readonly journal: Journal;
  readonly opened: OpenedRun;
  readonly folder: RunFolder;
  readonly summary: RunSummary;
}

async function project(pilot: Pilot): Promise<Projection> {
  const { options, opened, folder, summary } = pilot;
  const lastStage = opened.line.stages.at(-1)?.name ?? "";
  const found = await readPilotSeeds(readEvents(folder.eventsPath), lastStage);
  if (found.seeds.length === 0) {
    throw new UsageError(`Expected the pilot to finish a seed, got none: see \`npx tracemill audit ${folder.run}\``);
  }
  const all = Math.max(opened.startsInAll, found.seeds.length);
  const uses = pilot.journal.uses();
  const perSeed: PerSeed = (value, keep = () => true) =>
    found.perSeed(uses.filter(keep).map((use) => [use.item, value(use)] as const));
  const whole = (values: readonly number[]) => totalOf(values, all);
  const priced = uses.every(({ costUsd }) => costUsd !== null);
  const counted = (items: readonly string[]) => found.perSeed(items.map((item) => [item, 1] as const));
  const examples = counted(found.examples);
  const figures = <Value>(of: (values: readonly number[]) => Value): Figures<Value> => ({
    requests: of(perSeed((use) => use.requests)),
    inputTokens: of(perSeed((use) => use.inputTokens)),
    outputTokens: of(perSeed((use) => use.outputTokens)),
    costUsd: priced ? of(perSeed((use) => use.costUsd ?? 0)) : null,
    examples: of(examples),
  });
  const target = options.recipe.target(options.config);
  const projected = figures(whole);
  const stages = summary.funnel.map((row): StageProjection => {
    const here = (use: ItemUse) => use.stage === row.stage;
    const requests = perSeed((use) => use.requests, here);
    const cost = perSeed((use) => use.costUsd ?? 0, here);
    return {
      stage: row.stage,
      pilot: { in: row.in, requests: sumOf(requests), costUsd: priced ? sumOf(cost) : null },
      whole: {
        in: whole(counted(found.entered.get(row.stage) ?? [])),
        requests: whole(requests),
        costUsd: priced ? whole(cost) : null,
      },
    };
  });
  const asked = sumOf(uses.map(({ requests }) => requests));
  const remembered = sumOf(uses.map((use) => use.remembered));
  // Replayed work takes no time: from it nothing is learnt of how long the rest will take.
  const timed = asked > 0 && remembered < asked / 2;
  return {
    run: folder.run,
    config: options.configPath,
    seeds: { pilot: found.seeds.length, all },
    target,
    pilot: figures(sumOf),
    whole: target > 0 ? { ...projected, examples: atMost(projected.examples, target) } : projected,
    stages,
    wall: timed
      ? wallSeconds(capacitiesOf(options.config, opened, pilot.journal, perSeed), {
          all,
          throughSeconds: throughSeconds(uses),
        })
      : null,
    notes: notesOf(found, {
      all,
      priced,
      timed,
      wholeSetStages: opened.line.stages.filter(({ kind }) => kind === "all").map(({ name }) => name),
    }),
  };
}

/** From so few seeds on an interval is worth little more than a guess. */
const fewSeeds = 5;

function notesOf(
  found: PilotSeeds,
  facts: {
    readonly all: number;
    readonly priced: boolean;
    readonly timed: boolean;
    readonly wholeSetStages: readonly string[];
  },
): string[] {
  const started = found.seeds.length;
  const notes: string[] = [];
  if (started === 1 && facts.all > 1) notes.push("One seed says nothing of the spread: take a larger --pilot.");
  else if (started < fewSeeds && started < facts.all) {
    notes.push(`${started} seeds are few: the interval supposes that seeds cost much alike. Take a larger --pilot.`);
  }
  if (found.broken > 0)
    notes.push(`Something broke for ${found.broken} of the seeds: what they would have used is missing.`);
  if (!facts.priced) notes.push("A price is unknown, so cost is: state `price` at the model, or the file of `prices`.");
  if (!facts.timed)
    notes.push("Most of the pilot was remembered, which takes no time: how long the whole run takes is not told.");
  if (facts.wholeSetStages.length > 0) {
    notes.push(
      `${facts.wholeSetStages.join(", ")} decide over the whole set: they drop a larger share of many items than of few.`,
    );
  }
  return notes;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
