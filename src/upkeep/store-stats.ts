import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { listRuns } from "../archive/run-folder.ts";
import { bytesText, count, table } from "../audit/text.ts";
import { openStore } from "../engine/store.ts";
import { scanStore } from "../engine/store-scan.ts";
import { liveUsers } from "../engine/store-users.ts";
import { listBlobs, mentionsOf } from "./store-blobs.ts";
import { foldersIn, measureFolder, type StorePlaces, workTicker } from "./store-folder.ts";
import { gatherReferences } from "./store-references.ts";
import { kindOfKey, rememberedKinds } from "./store-values.ts";

interface Amount {
  entries: number;
  /** Of values: characters of their JSON, which the file holds compressed. */
  bytes: number;
  /** Entries that no run refers to; null where that cannot be told. */
  unused: number | null;
}

/** What `store stats` tells; this is also its `--json`. */
export interface StoreStats {
  readonly store: string;
  /** Bytes of the file that holds the values, and what its disk has left. */
  readonly fileBytes: number;
  readonly freeBytes: number;
  readonly kinds: Readonly<Record<string, Amount>>;
  readonly datasets: Amount;
  /** Files that agents submitted or that they are compared with, and pictures. */
  readonly blobs: Amount;
  readonly runs: Amount;
  /** Commands that work on the store now. */
  readonly users: readonly string[];
}

/** Counts what lies in a store and around it, in one pass that holds no value. */
export async function storeStats(places: StorePlaces): Promise<StoreStats> {
  const tick = workTicker();
  const runs = await listRuns(places.output);
  const references = await gatherReferences(runs, tick);
  const kinds: Record<string, Amount> = {};
  await using store = scanStore(places.values);
  const blobs = await listBlobs(places.blobs);
  const mentions = mentionsOf(blobs);
  let looked = 0;
  for (const { key, text } of store.entries()) {
    const kind = kindOfKey(key);
    const isKept = kind === "body" || (rememberedKinds as readonly string[]).includes(kind);
    const canTell = kind === "body" || (isKept && references.silent.length === 0);
    kinds[kind] ??= { entries: 0, bytes: 0, unused: canTell ? 0 : null };
    const amount = kinds[kind];
    amount.entries += 1;
    amount.bytes += text.length;
    if (amount.unused !== null && !references.has(key)) amount.unused += 1;
    else mentions.see(text);
    looked += 1;
    if (looked % 1000 === 0) tick(`looked at ${count(looked)} values`);
  }
  const datasets = await foldersIn(places.datasets);
  const { bavail, bsize } = await statfs(places.values);
  const runBytes = await measureFolder(join(places.output, "runs"));
  await using open = await openStore(places.values);
  return {
    store: places.values,
    fileBytes: store.fileBytes(),
    freeBytes: bavail * bsize,
    kinds,
    datasets: {
      entries: datasets.length,
      bytes: (await measureFolder(places.datasets)).bytes,
      unused: datasets.filter((name) => !references.datasets.has(name)).length,
    },
    blobs: {
      entries: blobs.length,
      bytes: blobs.reduce((sum, { bytes }) => sum + bytes, 0),
      unused: references.silent.length > 0 ? null : blobs.filter(({ sha256 }) => !mentions.has(sha256)).length,
    },
    runs: { entries: runs.length, bytes: runBytes.bytes, unused: null },
    users: liveUsers(open).map(({ what, pid, since }) => `${what} (process ${pid}, since ${since})`),
  };
}

/** The stats as text for a terminal. */
export function statsText(stats: StoreStats): string {
  const row = (name: string, { entries, bytes, unused }: Amount) => [
    name,
    count(entries),
    bytesText(bytes),
    unused === null ? "-" : count(unused),
  ];
  const rows = [
    ["", "entries", "size", "used by no run"],
    ...Object.entries(stats.kinds).map(([kind, amount]) => row(kind, amount)),
    row("datasets/", stats.datasets),
    row("blobs/", stats.blobs),
    row("runs/", stats.runs),
  ];
  const users = stats.users.length === 0 ? [] : ["", "In use by", ...stats.users.map((user) => `  ${user}`)];
  return [
    `Store ${stats.store}: ${bytesText(stats.fileBytes)} on disk (values are compressed), ${bytesText(stats.freeBytes)} free`,
    "",
    table(rows, [1, 2, 3]),
    ...users,
  ].join("\n");
}
