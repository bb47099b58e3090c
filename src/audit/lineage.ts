import { UsageError } from "../domain/errors.ts";
import type { RunEvent } from "../domain/run.ts";
import { becameOf } from "./funnel.ts";

export type ItemEvent = Extract<RunEvent, { type: "item" }>;

/** Opens the run's events from the start; called once for every pass, so that no pass has to hold them. */
export type OpenEvents = () => AsyncIterable<RunEvent>;

/** `last` is how it left the last stage it ended in; null when it ended in none. */
export interface Descendant {
  id: string;
  madeBy: string;
  last: ItemEvent | null;
}

/** How one thing came to be and where it ended. */
export interface Lineage {
  id: string;
  /** What it came from, seed first; usually one chain. */
  ancestors: string[];
  /** Every stage its ancestors and it ended in, in the order of events. */
  passages: ItemEvent[];
  /** Everything it became, in the order of events. */
  descendants: Descendant[];
  /** Store key of the latest body of each of these ids, where one was kept. */
  bodyKeys: Map<string, string>;
}

/**
 * The full id for an id or a unique prefix of one, with or without its kind (`query_3f9c` or `3f9c`).
 * @throws {UsageError} naming the matches, or the nearest ids.
 */
export async function resolveId(open: OpenEvents, wanted: string): Promise<string> {
  const matches = new Set<string>();
  const near = new Map<string, number>();
  for await (const event of open()) {
    if (event.type !== "item") continue;
    for (const id of [event.id, ...(event.out ?? [])]) {
      if (id === wanted) return id;
      if (id.startsWith(wanted) || hashOfId(id).startsWith(wanted)) {
        if (matches.size < 6) matches.add(id);
      } else if (matches.size === 0) keepNear(near, id, wanted);
    }
  }
  if (matches.size === 1) return [...matches][0] as string;
  if (matches.size > 1) {
    const shown = [...matches].slice(0, 5).sort();
    const more = matches.size > shown.length ? ", …" : "";
    throw new UsageError(
      `Expected the id of one item, got \`${wanted}\`, which begins several: ${shown.join(", ")}${more}`,
    );
  }
  if (near.size === 0)
    throw new UsageError(`Expected the id of an item, got \`${wanted}\`. No item has ended in this run yet`);
  const nearest = [...near.entries()].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([id]) => id);
  throw new UsageError(
    `Expected the id of an item of this run, got \`${wanted}\`. The nearest are: ${nearest.join(", ")}`,
  );
}

function hashOfId(id: string): string {
  return id.slice(id.lastIndexOf("_") + 1);
}

/** Keeps the three ids that share the longest beginning with what was asked. */
function keepNear(near: Map<string, number>, id: string, wanted: string): void {
  if (near.has(id)) return;
  near.set(id, Math.max(sharedPrefix(id, wanted), sharedPrefix(hashOfId(id), hashOfId(wanted))));
  if (near.size <= 3) return;
  let farthest = id;
  for (const [other, length] of near) if (length < (near.get(farthest) ?? 0)) farthest = other;
  near.delete(farthest);
}

function sharedPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

/** What came before `ids`, oldest generation first: one pass for each generation, holding only the ids of this family. */
export async function ancestorsOf(open: OpenEvents, ids: readonly string[]): Promise<Map<string, string>> {
  const parents = new Map<string, string>();
  let wanted = new Set(ids);
  while (wanted.size > 0) {
    const found = new Set<string>();
    for await (const event of open()) {
      if (event.type !== "item") continue;
      for (const id of becameOf(event)) {
        if (id === event.id || !wanted.has(id) || parents.has(id)) continue;
        parents.set(id, event.id);
        if (!parents.has(event.id) && !wanted.has(event.id)) found.add(event.id);
      }
    }
    wanted = found;
  }
  return parents;
}

/** The chain from the oldest ancestor down to the parent of `id`. */
export function chainTo(parents: ReadonlyMap<string, string>, id: string): string[] {
  const chain: string[] = [];
  for (let parent = parents.get(id); parent !== undefined; parent = parents.get(parent)) {
    if (chain.includes(parent)) break;
    chain.unshift(parent);
  }
  return chain;
}

/** Tells where `id` came from and what became of it. `id` is a full id (see `resolveId`). */
export async function traceLineage(open: OpenEvents, id: string): Promise<Lineage> {
  const ancestors = chainTo(await ancestorsOf(open, [id]), id);
  const family = new Set([...ancestors, id]);
  const descendants = new Map<string, Descendant>();
  const passages: ItemEvent[] = [];
  const bodyKeys = new Map<string, string>();
  for await (const event of open()) {
    if (event.type !== "item") continue;
    if (family.has(event.id)) passages.push(event);
    // A parent's end always stands before its children's, so one pass finds every generation below.
    const descendant = descendants.get(event.id);
    if (descendant) descendant.last = event;
    if (event.id === id || descendant) {
      for (const child of becameOf(event)) {
        if (!family.has(child) && !descendants.has(child)) {
          descendants.set(child, { id: child, madeBy: event.stage, last: null });
        }
      }
    }
    for (const [bodyId, key] of Object.entries(event.bodies ?? {})) {
      if (family.has(bodyId) || descendants.has(bodyId)) bodyKeys.set(bodyId, key);
    }
  }
  return {
    id,
    ancestors,
    passages,
    descendants: [...descendants.values()],
    bodyKeys,
  };
}
