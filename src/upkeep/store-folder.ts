// The folders around a store: where they lie, how large they are.
import { readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { exists, storePathOf } from "../archive/run-folder.ts";
import { UsageError } from "../domain/errors.ts";

/** Where the parts of an output folder lie. */
export interface StorePlaces {
  readonly output: string;
  readonly values: string;
  readonly datasets: string;
  readonly blobs: string;
}

/** The places of an output folder's store. @throws {UsageError} where it has none. */
export async function storePlaces(output: string): Promise<StorePlaces> {
  const values = storePathOf(resolve(output));
  if (!(await exists(join(values, "data.mdb")))) {
    throw new UsageError(`Expected a store in \`${values}\`, got none: name the folder of your runs with --output`);
  }
  const beside = (name: string) => join(dirname(values), name);
  return { output: resolve(output), values, datasets: beside("datasets"), blobs: beside("blobs") };
}

/** Files and bytes below a folder; none where it is missing. What goes away while it is looked at is not counted. */
export async function measureFolder(path: string): Promise<{ files: number; bytes: number }> {
  const total = { files: 0, bytes: 0 };
  const entries = await readdir(path, { withFileTypes: true, recursive: true }).catch(ifMissing([]));
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const found = await stat(join(entry.parentPath, entry.name)).catch(ifMissing(null));
    if (found === null) continue;
    total.files += 1;
    total.bytes += found.size;
  }
  return total;
}

/** Names of the folders in a folder; none where it is missing. */
export async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(ifMissing([]));
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

function ifMissing<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return instead;
    throw error;
  };
}

/** Says on stderr how far long work is, once it has taken a second and every second from then on. */
export function workTicker(now: () => number = Date.now): (what: string) => void {
  let last = now();
  return (what) => {
    if (now() - last < 1000) return;
    last = now();
    process.stderr.write(`${what} …\n`);
  };
}
