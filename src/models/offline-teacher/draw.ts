import { createHash } from "node:crypto";

/** Seeded choices: equal seeds give equal sequences, in every process and on every machine. */
export interface Draw {
  /** Uniform in [0, 1). */
  number(): number;
  /** True with probability `rate`. */
  chance(rate: number): boolean;
  pick<T>(items: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
}

/** A sequence of choices that is a function of `parts` alone. */
export function drawFrom(...parts: readonly unknown[]): Draw {
  let state = createHash("sha256").update(JSON.stringify(parts)).digest().readUInt32LE(0);
  const number = () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return {
    number,
    chance: (rate) => number() < rate,
    pick(items) {
      const item = items[Math.floor(number() * items.length)];
      if (item === undefined) throw new Error("Expected something to pick from, got an empty list");
      return item;
    },
    shuffle(items) {
      return items
        .map((item) => ({ item, at: number() }))
        .sort((a, b) => a.at - b.at)
        .map(({ item }) => item);
    },
  };
}
