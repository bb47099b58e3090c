// A lock that is a file, for one process at a time, which a dead one does not keep.
import { randomUUID } from "node:crypto";
import { link, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "../domain/reply-json.ts";
import { type Holder, isAlive, thisHolder } from "../engine/holder.ts";

export type Unlock = () => Promise<void>;

const prefix = "lock.";

/**
 * Takes the lock of a folder; a dead holder's is taken at once. Gives the holder where that lives. Each holding has a number of its own, one above
 * the last, and the highest counts: a lock that was seen to be free cannot be taken when another has had it meanwhile.
 */
export async function takeLock(folder: string): Promise<Unlock | Holder> {
  // Linked into place whole: an empty lock would be taken for a dead one's.
  const own = join(folder, `taking-${randomUUID()}`);
  await writeFile(own, JSON.stringify(thisHolder()));
  try {
    for (;;) {
      const last = Math.max(0, ...(await numbersIn(folder)));
      const holder = await holderIn(join(folder, `${prefix}${last}`));
      if (holder !== null && isAlive(holder)) return holder;
      const path = join(folder, `${prefix}${last + 1}`);
      try {
        await link(own, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
        throw error;
      }
      const numbers = await numbersIn(folder);
      if (Math.max(...numbers) > last + 1) {
        // It was taken and left so often meanwhile that this number had been cleared away.
        await rm(path, { force: true });
        continue;
      }
      for (const number of numbers) if (number <= last) await rm(join(folder, `${prefix}${number}`), { force: true });
      return () => release(folder, path);
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** The number stays taken, by nobody. */
async function release(folder: string, path: string): Promise<void> {
  const free = join(folder, `leaving-${randomUUID()}`);
  await writeFile(free, "null");
  await rename(free, path);
}

async function numbersIn(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.filter((name) => /^lock\.\d+$/.test(name)).map((name) => Number(name.slice(prefix.length)));
}

async function holderIn(path: string): Promise<Holder | null> {
  return (parseJson(await readFile(path, "utf8").catch(() => "")) as Holder | null | undefined) ?? null;
}
