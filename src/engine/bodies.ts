import type { Store } from "../contracts.ts";
import { sha256 } from "../domain/hash.ts";
import type { Identified } from "./stage.ts";

/** Puts a body into the store under `body/<hash>`, unless it lies there already. @throws {StoreError} */
export async function keepBody(store: Store, body: Identified): Promise<string> {
  const key = `body/${sha256(JSON.stringify(body))}`;
  if (!holds(store, key)) await store.put(key, body);
  return key;
}

/** Reads a kept body back. @throws {Error} when it is not in the store. */
export function readBody(store: Store, key: string): Identified {
  const body = store.get(key);
  if (body === undefined) throw new Error(`Expected a body in the store under \`${key}\`, got nothing`);
  return body as Identified;
}

function holds(store: Store, key: string): boolean {
  for (const found of store.keys(key)) return found === key;
  return false;
}
