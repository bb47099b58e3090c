// What earlier runs of a recipe in the same output folder teach about the next.

import { exists, listRuns, type RunFolder, readManifest, readSummary } from "../archive/run-folder.ts";
import type { Store } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { candidate } from "../domain/trajectory.ts";
import { readEvents } from "../engine/events.ts";

const runsRead = 20;
const rolloutsRead = 200;

export interface Experience {
  /** Finished runs that were read. */
  readonly runs: number;
  /** Items that ended in each stage, and what they became. */
  readonly stages: ReadonlyMap<string, { readonly ended: number; readonly out: number }>;
  /** Rollouts by the alias of their model: how many were read, and their requests and tokens in all. */
  readonly rollouts: ReadonlyMap<string, Measured>;
}

export interface Measured {
  items: number;
  requests: number;
  inputTokens: number;
  outputTokens: number;
}

/** Reads the newest finished runs of `recipe` below `output`, and the rollouts of the newest of them. */
export async function experienceOf(options: {
  readonly output: string;
  readonly recipe: string;
  readonly store: Store;
}): Promise<Experience> {
  const stages = new Map<string, { ended: number; out: number }>();
  let rollouts: ReadonlyMap<string, Measured> = new Map();
  let runs = 0;
  for (const folder of (await listRuns(options.output)).reverse()) {
    if (runs >= runsRead) break;
    const rows = await finishedFunnel(folder, options.recipe);
    if (rows === null) continue;
    runs += 1;
    for (const row of rows) {
      const tally = stages.get(row.stage) ?? { ended: 0, out: 0 };
      stages.set(row.stage, { ended: tally.ended + row.passed + row.rejected, out: tally.out + row.out });
    }
    if (rollouts.size === 0) rollouts = await measureRollouts(folder, options.store);
  }
  return { runs, stages, rollouts };
}

async function finishedFunnel(folder: RunFolder, recipe: string) {
  try {
    const [manifest, summary] = [await readManifest(folder), await readSummary(folder)];
    const finished = summary !== null && ["done", "short", "owed"].includes(summary.status);
    return finished && manifest?.recipe === recipe ? summary.funnel : null;
  } catch (error) {
    // A run of another version, say: it teaches nothing here.
    if (error instanceof UsageError) return null;
    throw error;
  }
}

async function measureRollouts(folder: RunFolder, store: Store): Promise<Map<string, Measured>> {
  const found = new Map<string, Measured>();
  const seen = new Set<string>();
  if (!(await exists(folder.eventsPath))) return found;
  for await (const event of readEvents(folder.eventsPath)) {
    if (seen.size >= rolloutsRead) break;
    if (event.type !== "item") continue;
    for (const [id, key] of Object.entries(event.bodies ?? {})) {
      const read = seen.has(id) ? undefined : candidate.safeParse(store.get(key)).data;
      if (read === undefined) continue;
      seen.add(id);
      const { model, turns, usage } = read.trajectory;
      const tally = found.get(model) ?? { items: 0, requests: 0, inputTokens: 0, outputTokens: 0 };
      found.set(model, tally);
      tally.items += 1;
      tally.requests += turns.length;
      tally.inputTokens += usage.inputTokens;
      tally.outputTokens += usage.outputTokens;
    }
  }
  return found;
}
