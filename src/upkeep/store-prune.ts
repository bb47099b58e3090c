import { rm } from "node:fs/promises";
import { join } from "node:path";
import { listRuns, type RunFolder } from "../archive/run-folder.ts";
import { bytesText, count, plural } from "../audit/text.ts";
import { UsageError } from "../domain/errors.ts";
import { type Holder, isAlive } from "../engine/holder.ts";
import { scanStore } from "../engine/store-scan.ts";
import { type BlobFile, listBlobs, mentionsOf, removeBlobs } from "./store-blobs.ts";
import { foldersIn, measureFolder, type StorePlaces, workTicker } from "./store-folder.ts";
import { gatherReferences, type References } from "./store-references.ts";
import { kindOfKey, problemOfValue, rememberedKinds, storedAt } from "./store-values.ts";

export interface PruneOptions {
  /** Of the runs, the last so many stay; null keeps all. The newest run stays in any case. */
  readonly keepRuns: number | null;
  /** Only runs that began longer ago than this go; null means any. */
  readonly olderThanDays: number | null;
  /** Completions, sandbox steps and profiles that no kept run used go too. */
  readonly completions: boolean;
  readonly now: Date;
}

interface Part {
  entries: number;
  bytes: number;
}

/** What would go, and how to tell it while the store is walked through. */
export interface PrunePlan {
  readonly runs: readonly RunFolder[];
  readonly datasets: readonly string[];
  /** Blobs that no value mentions which stays, and what killed processes left half-written. */
  readonly blobs: readonly BlobFile[];
  /** Entries and bytes by part: `runs/`, `datasets/`, `blobs/`, and the kinds of values. */
  readonly parts: Readonly<Record<string, Part>>;
  readonly goes: (key: string, text: string) => boolean;
}

/** Finds what no kept run refers to. Changes nothing. @throws {UsageError} where that cannot be told. */
export async function planPrune(places: StorePlaces, options: PruneOptions): Promise<PrunePlan> {
  const tick = workTicker();
  const all = await listRuns(places.output);
  const runs = runsToGo(all, options);
  const references = await gatherReferences(
    all.filter((run) => !runs.includes(run)),
    tick,
  );
  if (options.completions && references.silent.length > 0) {
    throw new UsageError(
      `Expected every kept run to say which completions it used, got none from ${references.silent.slice(0, 3).join(", ")} (an older version made it): leave --completions out, or prune such runs with --keep-runs`,
    );
  }
  const goes = goesFrom(references, options.completions);
  const datasets = (await foldersIn(places.datasets)).filter((name) => !references.datasets.has(name));
  const parts: Record<string, Part> = {};
  const add = (part: string, bytes: number) => {
    parts[part] ??= { entries: 0, bytes: 0 };
    parts[part].entries += 1;
    parts[part].bytes += bytes;
  };
  for (const run of runs) add("runs/", (await measureFolder(run.path)).bytes);
  for (const name of datasets) add("datasets/", (await measureFolder(join(places.datasets, name))).bytes);
  const there = await listBlobs(places.blobs);
  const mentions = mentionsOf(there);
  await using store = scanStore(places.values);
  let looked = 0;
  for (const { key, text } of store.entries()) {
    if (goes(key, text)) add(kindOfKey(key), text.length);
    else mentions.see(text);
    looked += 1;
    if (looked % 1000 === 0) tick(`looked at ${count(looked)} values`);
  }
  const blobs = there.filter(({ sha256 }) => !mentions.has(sha256));
  for (const { bytes } of blobs) add("blobs/", bytes);
  return { runs, datasets, blobs, parts, goes };
}

function runsToGo(all: readonly RunFolder[], { keepRuns, olderThanDays, now }: PruneOptions): RunFolder[] {
  if (keepRuns === null && olderThanDays === null) return [];
  const spared = Math.max(1, keepRuns ?? 1);
  const limit = olderThanDays === null ? null : new Date(now.getTime() - olderThanDays * 86_400_000);
  // A run's name begins with the time it began: `20261123T101500Z-…`.
  const before = limit?.toISOString().replace(/[-:]|\.\d+/g, "") ?? null;
  return all.slice(0, -spared).filter(({ run }) => before === null || run < before);
}

function goesFrom(references: References, completions: boolean): PrunePlan["goes"] {
  return (key, text) => {
    const kind = kindOfKey(key);
    if (kind === "body") return !references.has(key);
    if (kind === "lease" || kind === "user")
      return problemOfValue(key, text) !== null || !isAlive(JSON.parse(text) as Holder);
    if (!completions || !(rememberedKinds as readonly string[]).includes(kind) || references.has(key)) return false;
    // What a killed run was given last it may not have noted: whatever is younger than the oldest kept run stays.
    const at = storedAt(text);
    return at !== null && references.since !== null && at < references.since;
  };
}

/** Removes what a plan says. Only for a process that owns the store. */
export async function prune(
  places: StorePlaces,
  plan: PrunePlan,
  remove: (key: string) => Promise<void>,
): Promise<void> {
  const tick = workTicker();
  {
    await using store = scanStore(places.values);
    let removals: Promise<void>[] = [];
    let removed = 0;
    for (const { key, text } of store.entries()) {
      if (!plan.goes(key, text)) continue;
      removals.push(remove(key));
      removed += 1;
      if (removals.length < 1000) continue;
      await Promise.all(removals);
      removals = [];
      tick(`removed ${count(removed)} values`);
    }
    await Promise.all(removals);
  }
  await removeBlobs(plan.blobs);
  for (const name of plan.datasets) await rm(join(places.datasets, name), { recursive: true, force: true });
  for (const run of plan.runs) await rm(run.path, { recursive: true, force: true });
}

/** What goes (or went), a line for each part. */
export function planText(plan: PrunePlan, verb: "Would remove" | "Removed"): string {
  const parts = Object.entries(plan.parts);
  if (parts.length === 0)
    return "Nothing to remove: the runs refer to all of it. `npx tracemill store prune --help` says what else can go.";
  return [
    `${verb}:`,
    ...parts.map(([part, { entries, bytes }]) => `  ${part.padEnd(14)} ${count(entries)} (${bytesText(bytes)})`),
    ...plan.runs.map(({ run }) => `  run ${run}`),
  ].join("\n");
}

/** The same for `--json`. */
export function planJson(plan: PrunePlan) {
  return { parts: plan.parts, runs: plan.runs.map(({ run }) => run), datasets: plan.datasets };
}

/** @throws {UsageError} where commands work on the store. */
export function refuseWhileUsed(users: readonly { readonly what: string; readonly pid: number }[]): void {
  if (users.length === 0) return;
  const shown = users.map(({ what, pid }) => `\`${what}\` (process ${pid})`).join(", ");
  throw new UsageError(
    `Expected a store that no run works on, got ${plural(users.length, "user")}: ${shown}. Wait for the end, or stop it.`,
  );
}
