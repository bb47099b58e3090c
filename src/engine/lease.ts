import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { RootDatabase } from "lmdb";
import { type Holder, isAlive, thisHolder } from "./holder.ts";

type Commit = <R>(write: (database: RootDatabase<string, string>) => R) => Promise<R>;

/** Leases over a store's transactions: in one process they queue, between processes they are looked at every `pollMs`. */
export function createLeases(commit: Commit, { pollMs = 50 }: { pollMs?: number } = {}) {
  // The token tells two stores that one process has open on one folder apart.
  const holder = JSON.stringify({ ...thisHolder(), token: randomUUID() });
  const waiting = new Map<string, (() => void)[]>();

  /** Resolves once this process alone holds `key`. @throws the signal's reason. */
  async function take(key: string, signal: AbortSignal): Promise<AsyncDisposable> {
    signal.throwIfAborted();
    await ownTurn(key, signal);
    try {
      while (!(await commit((database) => claim(database, `lease/${key}`, holder)))) {
        await sleep(pollMs, undefined, { signal });
      }
    } catch (error) {
      await giveBack(key);
      throw signal.aborted ? signal.reason : error;
    }
    let released = false;
    return {
      async [Symbol.asyncDispose]() {
        if (released) return;
        released = true;
        await giveBack(key);
      },
    };
  }

  async function giveBack(key: string): Promise<void> {
    try {
      await commit((database) => {
        if (database.get(`lease/${key}`) === holder) database.remove(`lease/${key}`);
      });
    } finally {
      const queue = waiting.get(key);
      const next = queue?.shift();
      if (next) next();
      else waiting.delete(key);
    }
  }

  function ownTurn(key: string, signal: AbortSignal): Promise<void> | undefined {
    const queue = waiting.get(key);
    if (!queue) {
      waiting.set(key, []);
      return;
    }
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        queue.splice(queue.indexOf(turn), 1);
        reject(signal.reason);
      };
      queue.push(turn);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  return { take };
}

function claim(database: RootDatabase<string, string>, key: string, holder: string): boolean {
  const current = database.get(key);
  if (current !== undefined && isAlive(JSON.parse(current) as Holder)) return false;
  database.put(key, holder);
  return true;
}
