import { openStore } from "../engine/store.ts";
import { exists, type RunFolder } from "./run-folder.ts";

/** Reads bodies of a run's items by store key; undefined for a body that is not there. */
export interface StoredBodies extends AsyncDisposable {
  readonly get: (key: string) => unknown;
}

/** Opens the store a run was written to; where there is none (a run folder that was copied alone) every body is missing. */
export async function openStoredBodies(folder: RunFolder): Promise<StoredBodies> {
  if (!(await exists(folder.storePath))) return { get: () => undefined, [Symbol.asyncDispose]: async () => {} };
  const store = await openStore(folder.storePath);
  return { get: (key) => store.get(key), [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}
