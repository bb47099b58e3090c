import { mkdirSync, statfsSync } from "node:fs";
import { constants } from "node:os";
import { open, type RootDatabase } from "lmdb";
import type { Store } from "../contracts.ts";
import { fullDisk, StoreError } from "../domain/errors.ts";
import { createLeases } from "./lease.ts";
import { expectStoreFile } from "./store-file.ts";
import { refuseOwned } from "./store-owner.ts";

export interface StoreOptions {
  /** Time between two looks at a lease that a live process holds. */
  readonly leasePollMs?: number;
  /** This process has the store to itself (`ownStore`): without it a store that another process owns is not opened. */
  readonly isOwner?: boolean;
  /** Bytes free on the disk that holds a folder; asked of the system unless given. */
  readonly freeBytes?: (folder: string) => number;
}

/** A write, run inside the batch's transaction; what it returns is handed to whoever asked for it, once committed. */
export type Write<R> = (database: RootDatabase<string, string>) => R;

interface Queued {
  readonly write: Write<unknown>;
  readonly bytes: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

// Changed pages of one transaction lie in anonymous memory until it commits, so a transaction stays small.
const transactionBytes = 4 * 1024 * 1024;
const spareBytes = 1024 * 1024;
// What a write changes besides its own bytes: pages of the tree, copied before they are changed.
const pagesBytesPerWrite = 2 * 4096;
const longestKeyBytes = 1_900;
const longestPauseMs = 50;
const longestPage = 1_000;
// A transaction is flushed before it becomes visible, and runs on this thread: only so are a full disk's errors thrown here, where
// lmdb's own write thread prints them and leaves promises rejected that nobody holds.
const synchronousCommit: number = 2;

/**
 * Opens the store in `folder`, which is made where it is missing. Writes of one event-loop turn share a transaction.
 * @throws {StoreError} naming the folder when it cannot be opened; {UsageError} when what lies there is no store.
 */
export async function openStore(folder: string, options: StoreOptions = {}): Promise<Store> {
  expectStoreFile(folder);
  if (!options.isOwner) refuseOwned(folder);
  const database = openDatabase(folder);
  let queue: Queued[] = [];
  let scheduled = false;
  let lastCommitMs = 0;
  let closed = false;
  let broken: StoreError | undefined;
  const { freeBytes = freeOnDisk } = options;

  function commit<R>(bytes: number, write: Write<R>): Promise<R> {
    if (closed) return Promise.reject(new StoreError(`The store in ${folder} is closed.`));
    if (broken) return Promise.reject(broken);
    return new Promise<R>((resolve, reject) => {
      queue.push({ write, bytes, resolve: resolve as (value: unknown) => void, reject });
      schedule();
    });
  }

  // A commit holds up this thread until the disk has it. Waiting as long as the last one took lets a slow disk gather more
  // writes into each commit and leaves at least half the time to everything else.
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    if (lastCommitMs < 1) setImmediate(writeQueue);
    else setTimeout(writeQueue, Math.min(lastCommitMs, longestPauseMs));
  }

  function writeQueue(): void {
    scheduled = false;
    const writes = queue;
    queue = [];
    for (let start = 0; start < writes.length; ) {
      let end = start;
      for (let bytes = 0; end < writes.length && (end === start || bytes < transactionBytes); end++) {
        bytes += (writes[end] as Queued).bytes;
      }
      writeBatch(writes.slice(start, end));
      start = end;
    }
  }

  function writeBatch(batch: readonly Queued[]): void {
    // A failed commit damages LMDB's memory a little more each time (seen: aborts in `free`), so there is no second one.
    if (broken) {
      for (const { reject } of batch) reject(broken);
      return;
    }
    const needed = batch.reduce((sum, { bytes }) => sum + bytes + pagesBytesPerWrite, spareBytes / 4);
    if (freeBytes(folder) < needed) {
      // Refused before LMDB tries: nothing is damaged, and what comes once there is room is taken.
      const refusal = storeError(folder, "write to", { code: "ENOSPC" });
      for (const { reject } of batch) reject(refusal);
      return;
    }
    let results: unknown[];
    const started = performance.now();
    try {
      results = database.transactionSync(() => batch.map(({ write }) => write(database)), synchronousCommit);
    } catch (error) {
      broken = storeError(folder, "write to", error);
      for (const { reject } of batch) reject(broken);
      return;
    } finally {
      lastCommitMs = performance.now() - started;
    }
    batch.forEach(({ resolve }, index) => {
      resolve(results[index]);
    });
  }

  function read<R>(look: () => R): R {
    try {
      return look();
    } catch (error) {
      throw storeError(folder, "read", error);
    }
  }

  const leases = createLeases(
    (write) => commit(200, write),
    options.leasePollMs === undefined ? {} : { pollMs: options.leasePollMs },
  );

  return {
    get(key) {
      const text = read(() => database.get(checked(key)));
      return text === undefined ? undefined : read(() => JSON.parse(text) as unknown);
    },
    async put(key, value) {
      checked(key);
      const text: string | undefined = JSON.stringify(value);
      if (text === undefined)
        throw new TypeError(`Expected a JSON value to store under \`${key}\`, got ${typeof value}`);
      await commit(text.length + key.length, (within) => {
        within.put(key, text);
      });
    },
    async delete(key) {
      checked(key);
      await commit(key.length, (within) => {
        within.remove(key);
      });
    },
    keys: (prefix) => keysFrom(prefix),
    async lease(key, signal) {
      const held = await leases.take(checked(key), signal);
      // Whatever the last holder committed has to be visible now, not from the next turn on.
      database.resetReadTxn();
      return held;
    },
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      writeQueue();
      // After a failed commit LMDB's close frees what is freed already, and the process dies of it. Nothing uncommitted is worth that.
      if (broken) return;
      try {
        await database.flushed;
        await database.close();
      } catch (error) {
        throw storeError(folder, "close", error);
      }
    },
  };

  function* keysFrom(prefix: string): Iterable<string> {
    // In pages, so that no read transaction stays open while the caller works; small ones first, for whoever asks for one key.
    let after: string | undefined;
    for (let pageSize = 1; ; pageSize = Math.min(pageSize * 10, longestPage)) {
      const from = after;
      const page = read(() => [
        ...database.getKeys(
          from === undefined
            ? { ...(prefix === "" ? {} : { start: prefix }), limit: pageSize }
            : { start: from, exclusiveStart: true, limit: pageSize },
        ),
      ]);
      for (const key of page) {
        if (!key.startsWith(prefix)) return;
        yield key;
      }
      if (page.length < pageSize) return;
      after = page.at(-1);
    }
  }
}

/** The LMDB environment in `folder`, which is made where it is missing: texts by key, compressed. @throws {StoreError} */
export function openDatabase(folder: string): RootDatabase<string, string> {
  try {
    mkdirSync(folder, { recursive: true });
    // LMDB maps its lock file into memory: on a full disk touching it would kill the process instead of failing a call.
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < spareBytes) throw Object.assign(new Error("the disk is full"), { code: "ENOSPC" });
    return open<string, string>({
      path: folder,
      noSubdir: false,
      encoding: "string",
      compression: true,
      overlappingSync: false,
    });
  } catch (error) {
    throw storeError(folder, "open", error);
  }
}

function checked(key: string): string {
  if (key === "" || Buffer.byteLength(key) > longestKeyBytes) {
    throw new RangeError(`Expected a key of 1 to ${longestKeyBytes} bytes, got ${Buffer.byteLength(key)}`);
  }
  return key;
}

function storeError(folder: string, verb: string, cause: unknown): StoreError {
  return new StoreError(`Cannot ${verb} the store in ${folder}: ${reason(folder, cause)}.`, { cause });
}

function reason(folder: string, cause: unknown): string {
  const { code, message } = cause as { code?: unknown; message?: string };
  // LMDB reports a short write, which is what a full disk gives, as a plain I/O error.
  const { EDQUOT, EIO, ENOSPC } = constants.errno;
  const isFull = code === ENOSPC || (code === EIO && freeOnDisk(folder) < spareBytes);
  const full = fullDisk(isFull ? "ENOSPC" : code === EDQUOT ? "EDQUOT" : code);
  if (full !== null) return full;
  if (code === "EACCES" || code === "EPERM" || code === 13) return "permission denied";
  return String(message ?? cause).replace(/\.$/, "");
}

function freeOnDisk(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
