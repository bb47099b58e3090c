// Whether the disks have room for a run, before anything is spent.
import { readdir, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { exists } from "../archive/run-folder.ts";
import { bytesText } from "../audit/text.ts";
import { findFiles } from "../datasets/find.ts";
import type { DatasetEntry } from "../datasets/load.ts";
import { StoreError, UsageError } from "../domain/errors.ts";
import type { RunConfig } from "../recipe.ts";

/** Free bytes and files below which no run begins; docs/trouble.md says what takes them. */
export const roomFloor = { bytes: 16_000_000, files: 64 } as const;

interface Place {
  readonly path: string;
  readonly device: number;
  readonly wayOut: string;
}

/**
 * Compares what is free for the store, the runs and temporary files with a floor for each disk, and for the store's with what
 * copies of the datasets will take besides. @throws {StoreError} saying what is needed and where.
 */
export async function checkRoom(run: {
  readonly output: string;
  readonly storeFolder: string;
  readonly config: RunConfig;
  readonly configPath: string;
}): Promise<void> {
  const copyBytes = await bytesToCopy(run);
  const elsewhere = "or name a folder on another disk with --output";
  const places = [
    await placeAt(run.storeFolder, elsewhere),
    await placeAt(join(run.output, "runs"), elsewhere),
    await placeAt(tmpdir(), "or name another folder for temporary files in the variable TMPDIR"),
  ];
  const looked = new Set<number>();
  for (const { path, device, wayOut } of places) {
    if (looked.has(device)) continue;
    looked.add(device);
    const { bavail, bsize, files, ffree } = await statfs(path);
    const copies = device === places[0]?.device ? copyBytes : 0;
    const needed = roomFloor.bytes + copies;
    const free = bavail * bsize;
    if (free < needed) {
      const what =
        copies === 0 ? bytesText(needed) : `${bytesText(needed)} (copies of the datasets take ${bytesText(copies)})`;
      throw new StoreError(
        `Expected room for a run in ${path}: ${what}, got ${bytesText(free)}. Free some space ${wayOut}, then run the same command again.`,
      );
    }
    // Some file systems count no files at all.
    if (files > 0 && ffree < roomFloor.files) {
      throw new StoreError(
        `Expected room for ${roomFloor.files} new files in ${path}, got ${ffree} (\`df -i\`: the disk has bytes left, but no inodes). Remove some files ${wayOut}, then run the same command again.`,
      );
    }
  }
}

/** The nearest folder that is there, since a run makes what is missing. */
async function placeAt(path: string, wayOut: string): Promise<Place> {
  let there = path;
  while (!(await exists(there)) && dirname(there) !== there) there = dirname(there);
  return { path: there, device: (await stat(there)).dev, wayOut };
}

/** Bytes of the datasets' files, but for those of which the store has a copy by that name and size. */
async function bytesToCopy({
  storeFolder,
  output,
  config,
  configPath,
}: Parameters<typeof checkRoom>[0]): Promise<number> {
  const copied = new Set<string>();
  const datasets = join(storeFolder, "datasets");
  const entries = await readdir(datasets, { withFileTypes: true, recursive: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    // Another run's copies under way may move while they are looked at.
    const there = await stat(join(entry.parentPath, entry.name)).catch(() => null);
    if (there !== null) copied.add(`${entry.name} ${there.size}`);
  }
  const base = resolve(dirname(configPath));
  const passOver = [storeFolder, join(output, "runs")];
  const paths = config.datasets.flatMap((entry: DatasetEntry) => (typeof entry === "string" ? [entry] : entry.files));
  let bytes = 0;
  for (const path of paths) {
    try {
      for (const file of await findFiles(path, { base, option: "datasets", passOver })) {
        const { size } = await stat(file.path);
        if (!copied.has(`${file.name} ${size}`)) bytes += size;
      }
    } catch (error) {
      // A mistake in the config is told by whoever loads the dataset, with the entry's place.
      if (!(error instanceof UsageError)) throw error;
    }
  }
  return bytes;
}
