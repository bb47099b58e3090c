// What must hold around every case, whatever it tries: on the host, for the sessions beside it, and for the session after it.
import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "./case.ts";
import { type HostLook, lookAtHost, openFiles } from "./host.ts";
import { type Innocents, p95, startInnocents } from "./innocents.ts";
import type { Planted } from "./planted.ts";
import { lookInside, type World, worldChanges } from "./world.ts";

const sampleMs = 200;

/** Bounds; `latencyFactor` is against the innocents' p95 beside nothing, never less than `latencyFloorMs`. */
export interface Bounds {
  readonly innocents: number;
  /** How long the innocents are measured beside nothing. */
  readonly aloneMs: number;
  readonly latencyFactor: number;
  readonly latencyFloorMs: number;
  readonly hostRssMb: number;
  readonly hostDiskMb: number;
  /** How long after a group something may still be on the host. */
  readonly cleanWithinMs: number;
}

/** How the conditions did around one group of cases. Latencies in milliseconds; `broken` is empty when they held. */
export interface Conditions {
  readonly honestSteps: number;
  readonly aloneP95Ms: number | null;
  readonly besideP95Ms: number | null;
  readonly hostRssMb: number;
  readonly cleanAfterMs: number | null;
  readonly broken: readonly string[];
}

export interface Watch extends AsyncDisposable {
  /** Opens the next session and says in what it is not as the first was. */
  lookAtNext(signal: AbortSignal): Promise<string[]>;
  /** Watches what happens until `end` is called, which waits until nothing is left. */
  group(): Promise<{ end(): Promise<Conditions> }>;
  /**
   * A line where the host process has more files open than before the first group. Once for all groups: the connections to an engine
   * that are kept for the next request close after seconds.
   */
  openFiles(): Promise<string[]>;
}

/** Opens the innocents and looks at host and world while nothing hostile runs. */
export async function openWatch(target: Target, planted: Planted, bounds: Bounds): Promise<Watch> {
  const innocents: Innocents = await startInnocents(target, bounds.innocents, planted.dataDir);
  let clean: World;
  try {
    clean = await lookInside(target, planted.dataDir, AbortSignal.timeout(60_000));
    if (clean.files.length > 0) throw new Error(`Expected an empty world, got ${clean.files.join(", ")}`);
    for (const [name, hash] of Object.entries(planted.dataHashes))
      if (clean.data[`/data/${name}`] !== hash) throw new Error(`Expected /data/${name} as it is on the host`);
  } catch (error) {
    await innocents.stop();
    throw error;
  }
  await sleep(200);
  innocents.take();
  await sleep(bounds.aloneMs);
  const alone = innocents.take();
  const aloneP95Ms = p95(alone);
  const filesBefore = openFiles();
  const early = first(alone.flatMap(({ trouble }) => trouble ?? []));

  return {
    lookAtNext: async (signal) => worldChanges(clean, await lookInside(target, planted.dataDir, signal)),
    async group() {
      innocents.take();
      const before = lookAtHost([clean.uid]);
      const leftBefore = new Set(await target.leftOnHost());
      let rssBytes = process.memoryUsage.rss();
      const sampling = setInterval(() => {
        rssBytes = Math.max(rssBytes, process.memoryUsage.rss());
      }, sampleMs);
      return {
        async end() {
          clearInterval(sampling);
          const steps = innocents.take();
          const left = await whatIsLeft(target, before, leftBefore, clean.uid, bounds);
          const besideP95Ms = p95(steps);
          const hostRssMb = Math.round(rssBytes / 1024 / 1024);
          const broken = [
            ...early.splice(0),
            ...first(steps.flatMap(({ trouble }) => trouble ?? [])),
            ...left.lines,
            ...planted.changed(),
          ];
          const limitMs = Math.max(bounds.latencyFloorMs, (aloneP95Ms ?? 0) * bounds.latencyFactor);
          if (besideP95Ms !== null && besideP95Ms > limitMs)
            broken.push(`innocents' p95 was ${Math.round(besideP95Ms)} ms, more than ${Math.round(limitMs)} ms`);
          if (hostRssMb > bounds.hostRssMb)
            broken.push(`the host process held ${hostRssMb} MB, more than ${bounds.hostRssMb} MB`);
          return { honestSteps: steps.length, aloneP95Ms, besideP95Ms, hostRssMb, cleanAfterMs: left.afterMs, broken };
        },
      };
    },
    async openFiles() {
      const began = performance.now();
      while (openFiles().length > filesBefore.length && performance.now() - began < bounds.cleanWithinMs)
        await sleep(100);
      const more = openFiles().length - filesBefore.length;
      return more > 0 ? [`left behind: ${more} open files of the host process: ${openFiles().join(", ")}`] : [];
    },
    [Symbol.asyncDispose]: () => innocents.stop(),
  };
}

/** The first few lines, and how many more there are. */
function first(lines: readonly string[]): string[] {
  return lines.length <= 5 ? [...lines] : [...lines.slice(0, 5), `and ${lines.length - 5} more like these`];
}

/** Looks until the host is as before, at most `cleanWithinMs`; a line for everything that then still is not. */
async function whatIsLeft(
  target: Target,
  before: HostLook,
  leftBefore: ReadonlySet<string>,
  insideUid: number,
  bounds: Bounds,
) {
  const began = performance.now();
  for (;;) {
    const now = lookAtHost([insideUid]);
    const left = (await target.leftOnHost()).filter((line) => !leftBefore.has(line));
    const lines = [...left, ...[...now.lines].filter((line) => !before.lines.has(line))].map(
      (line) => `left behind: ${line}`,
    );
    const taken = (before.freeDiskBytes - now.freeDiskBytes) / 1024 / 1024;
    if (taken > bounds.hostDiskMb) lines.push(`left behind: ${Math.round(taken)} MB on the host's disks`);
    const afterMs = performance.now() - began;
    if (lines.length === 0) return { lines, afterMs };
    if (afterMs > bounds.cleanWithinMs) return { lines, afterMs: null };
    await sleep(100);
  }
}
