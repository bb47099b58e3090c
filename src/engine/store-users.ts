// Who works on a store: a run says so under `user/…` for as long as it lives, so that nothing it needs is tidied away.
import { randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../contracts.ts";
import { StoreError } from "../domain/errors.ts";
import { type Holder, isAlive, thisHolder } from "./holder.ts";
import { openStore } from "./store.ts";
import { refuseOwned } from "./store-owner.ts";

/** A process that works on a store, what it does there, and since when (ISO). */
export interface StoreUser extends Holder {
  readonly what: string;
  readonly since: string;
}

const prefix = "user/";

/** Opens a store and says so in it until it is disposed. @throws {StoreError} as `openStore`, and where the store was replaced meanwhile. */
export async function openStoreInUse(folder: string, what: string): Promise<Store> {
  const before = fileOf(folder);
  const store = await openStore(folder);
  const key = `${prefix}${randomUUID()}`;
  const leave = async () => {
    // Where the store refuses, the user that stays behind is a dead one soon.
    await store.delete(key).catch(() => undefined);
    await store[Symbol.asyncDispose]();
  };
  try {
    await store.put(key, { ...thisHolder(), what, since: new Date().toISOString() } satisfies StoreUser);
    refuseOwned(folder);
    if (before !== null && fileOf(folder) !== before) {
      throw new StoreError(`The store in ${folder} was replaced while it was opened: run the same command again.`);
    }
  } catch (error) {
    await leave();
    throw error;
  }
  return { ...store, [Symbol.asyncDispose]: leave };
}

/** Who works on the store now; the dead are passed over. */
export function liveUsers(store: Store): StoreUser[] {
  return [...store.keys(prefix)].flatMap((key) => {
    const user = store.get(key) as StoreUser | undefined;
    return user !== undefined && isAlive(user) ? [user] : [];
  });
}

/** Which file holds the store's values; null where there is none yet. */
function fileOf(folder: string): number | null {
  return statSync(join(folder, "data.mdb"), { throwIfNoEntry: false })?.ino ?? null;
}
