/** Examples of at least `from` and less than twice as much. */
export interface LengthBucket {
  readonly from: number;
  readonly examples: number;
}

/** Counts lengths by powers of two. */
export function lengthBuckets() {
  const counts = new Map<number, number>();
  return {
    add(length: number): void {
      const from = length < 1 ? 0 : 2 ** Math.floor(Math.log2(length));
      counts.set(from, (counts.get(from) ?? 0) + 1);
    },
    /** In order; empty ones are left out. */
    all: (): LengthBucket[] => [...counts].sort(([a], [b]) => a - b).map(([from, examples]) => ({ from, examples })),
  };
}
