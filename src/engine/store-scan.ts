import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../domain/errors.ts";
import { openDatabase } from "./store.ts";

export interface StoredText {
  readonly key: string;
  /** The value as it lies there: JSON, unless it was damaged. */
  readonly text: string;
}

/** A look through a store's values as they lie there, in key order. */
export interface StoreScan extends AsyncDisposable {
  /** Every value whose key begins so, read in pages: the caller may take its time, and holds one page at most. */
  entries(prefix?: string): Iterable<StoredText>;
  /** Bytes of the store's file. */
  fileBytes(): number;
}

const pageEntries = 100;

/** Opens the store in `folder` for a look through it. @throws {StoreError} where there is none or it cannot be read. */
export function scanStore(folder: string): StoreScan {
  const file = join(folder, "data.mdb");
  if (!existsSync(file)) throw new StoreError(`Expected a store in ${folder}, got none: no run has written there yet.`);
  const database = openDatabase(folder);

  function page(prefix: string, after: string | undefined): { key: string; value: string }[] {
    const from =
      after === undefined ? (prefix === "" ? {} : { start: prefix }) : { start: after, exclusiveStart: true };
    try {
      return [...database.getRange({ ...from, limit: pageEntries })];
    } catch (cause) {
      throw new StoreError(`Cannot read the store in ${folder}: ${(cause as Error).message}.`, { cause });
    }
  }

  return {
    *entries(prefix = "") {
      for (let after: string | undefined; ; ) {
        const read = page(prefix, after);
        for (const { key, value } of read) {
          if (!key.startsWith(prefix)) return;
          yield { key, text: value };
        }
        if (read.length < pageEntries) return;
        after = read.at(-1)?.key;
      }
    },
    fileBytes: () => statSync(file).size,
    [Symbol.asyncDispose]: () => database.close(),
  };
}

/**
 * Copies the store in `folder` without its free pages and puts the copy in its place, so that its file is as small as what it
 * holds. Only for a process that owns the store and has it open nowhere. Returns the file's bytes before and after.
 */
export async function compactStore(folder: string): Promise<{ readonly before: number; readonly after: number }> {
  const file = join(folder, "data.mdb");
  const copy = `${folder}.compacted`;
  rmSync(copy, { recursive: true, force: true });
  const before = statSync(file).size;
  try {
    mkdirSync(copy);
    const database = openDatabase(folder);
    try {
      await database.backup(copy, true);
    } finally {
      await database.close();
    }
    const copied = join(copy, "data.mdb");
    const after = statSync(copied).size;
    if (after < before) {
      // The lock file counts the old file's transactions: with it the new one would be misread.
      renameSync(copied, file);
      rmSync(join(folder, "lock.mdb"), { force: true });
    }
    return { before, after: Math.min(before, after) };
  } catch (cause) {
    throw new StoreError(`Cannot compact the store in ${folder}: ${(cause as Error).message}. It is as it was.`, {
      cause,
    });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
