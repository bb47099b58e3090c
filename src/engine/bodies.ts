import type { Store } from "../contracts.ts";
import { sha256 } from "../domain/hash.ts";
import type { Identified } from "./stage.ts";

export interface KeptBody {
  readonly key: string;
  /** Length of the body as JSON. */
  readonly chars: number;
  /** Resolves once the body is committed. */
  readonly saved: Promise<void>;
}

/** Puts a body into the store under `body/<hash>`, unless it lies there already; `saved` throws {StoreError}. */
export function keepBody(store: Store, body: Identified): KeptBody {
  const text = JSON.stringify(body);
  const key = `body/${sha256(text)}`;
  return { key, chars: text.length, saved: holds(store, key) ? Promise.resolve() : store.put(key, body) };
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
