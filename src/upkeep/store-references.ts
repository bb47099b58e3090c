import { exists, type RunFolder, readManifest } from "../archive/run-folder.ts";
import { readUsed, shortKey } from "../archive/used-keys.ts";
import { readEvents } from "../engine/events.ts";

/** What runs refer to. Keys are held shortened, about 60 bytes each. */
export interface References {
  readonly has: (key: string) => boolean;
  readonly datasets: ReadonlySet<string>;
  /** Runs that do not say which completions they used: made by an older version. */
  readonly silent: readonly string[];
  /** When the oldest of the runs began (ISO); null without runs. */
  readonly since: string | null;
}

/** Reads what `runs` refer to: bodies from their events, datasets from their manifests, other values from what they noted. */
export async function gatherReferences(runs: readonly RunFolder[], tick: (what: string) => void): Promise<References> {
  const keys = new Set<string>();
  const datasets = new Set<string>();
  const silent: string[] = [];
  let since: string | null = null;
  for (const run of runs) {
    tick(`reading run ${run.run}`);
    const manifest = await readManifest(run);
    for (const { id } of manifest?.datasets ?? []) datasets.add(id);
    if (manifest !== null && (since === null || manifest.startedAt < since)) since = manifest.startedAt;
    if (await exists(run.usedPath)) for await (const key of readUsed(run.usedPath)) keys.add(key);
    else if (manifest !== null) silent.push(run.run);
    if (!(await exists(run.eventsPath))) continue;
    for await (const event of readEvents(run.eventsPath)) {
      if (event.type === "item") for (const key of Object.values(event.bodies ?? {})) keys.add(shortKey(key));
    }
  }
  return { has: (key) => keys.has(shortKey(key)), datasets, silent, since };
}
