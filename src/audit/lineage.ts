import { UsageError } from "../domain/errors.ts";
import type { RunEvent } from "../domain/run.ts";
import { becameOf } from "./funnel.ts";

export type ItemEvent = Extract<RunEvent, { type: "item" }>;

/** Opens the run's events from the start; called once for every pass, so that events need not be held. */
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

/** Finds the one id that `wanted` means while ids go by: the id itself or a unique beginning, with or without its kind. */
interface IdSearch {
  see(id: string): void;
  /** @throws {UsageError} naming the matches, or the nearest ids. */
  found(): string;
}

function searchId(wanted: string): IdSearch {
  let exact = false;
  const matches = new Set<string>();
  const near = new Map<string, number>();
  return {
    see(id) {
      if (exact) return;
      if (id === wanted) exact = true;
      else if (id.startsWith(wanted) || hashOfId(id).startsWith(wanted)) {
        if (matches.size < 6) matches.add(id);
      } else if (matches.size === 0) keepNear(near, id, wanted);
    },
    found() {
      if (exact) return wanted;
      if (matches.size === 1) return [...matches][0] as string;
      if (matches.size > 1) {
        const shown = [...matches].slice(0, 5).sort();
        const more = matches.size > shown.length ? ", …" : "";
        throw new UsageError(
          `Expected the id of one item, got \`${wanted}\`, which begins several: ${shown.join(", ")}${more}. Write more of it`,
        );
      }
      if (near.size === 0) {
        throw new UsageError(
          `Expected the id of an item, got \`${wanted}\`. No item has ended in this run yet: ask again once one has`,
        );
      }
      const nearest = [...near.entries()].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([id]) => id);
      throw new UsageError(
        `Expected the id of an item of this run, got \`${wanted}\`. The nearest are: ${nearest.join(", ")}`,
      );
    },
  };
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

/** Adds to `parents` what each thing an event made came from. About 130 bytes for each thing a run makes is all that is held. */
export function addParents(parents: Map<string, string>, event: ItemEvent): void {
  for (const id of becameOf(event)) if (id !== event.id && !parents.has(id)) parents.set(id, event.id);
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

/**
 * Tells where an item came from and what became of it, in two passes. `wanted` is its id or a unique beginning of it, with or
 * without its kind (`query_3f9c` or `3f9c`). @throws {UsageError} naming the matches, or the nearest ids.
 */
export async function traceLineage(open: OpenEvents, wanted: string): Promise<Lineage> {
  const search = searchId(wanted);
  const parents = new Map<string, string>();
  for await (const event of open()) {
    if (event.type !== "item") continue;
    for (const seen of [event.id, ...becameOf(event)]) search.see(seen);
    addParents(parents, event);
  }
  const id = search.found();
  const ancestors = chainTo(parents, id);
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
