// Which split a source dataset falls into, and the order of items: from hashes alone, so that both stay as they are when data is added.
import { sha256 } from "../domain/hash.ts";

/** The splits in the order in which they are written. */
export const splitNames = ["train", "validation", "test"] as const;
export type SplitName = (typeof splitNames)[number];

/** Shares of the source datasets that are kept apart, 0 to 1. */
export interface SplitShares {
  readonly validation: number;
  readonly test: number;
}

/** The split of everything made from one source dataset. */
export function splitOf(group: string, { validation, test }: SplitShares, seed: number): SplitName {
  // 48 bits are a number exactly.
  const place = Number.parseInt(sha256(`${seed} ${group}`).slice(0, 12), 16) / 2 ** 48;
  if (place < test) return "test";
  return place < test + validation ? "validation" : "train";
}

/** `ids` in an order drawn by the seed; in which order they came does not matter. */
export function shuffled(ids: readonly string[], seed: number): string[] {
  return ids
    .map((id) => ({ id, place: sha256(`${seed} ${id}`) }))
    .sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0))
    .map(({ id }) => id);
}
