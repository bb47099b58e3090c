// How fast a run goes, told from counters looked at now and then.

interface Sample {
  readonly atMs: number;
  readonly counts: readonly number[];
}

/** Counters over time. Holds five minutes of them, one a second. */
export interface Pace {
  /** Takes the counters as they are now; of several within a second the first is kept. */
  see(counts: readonly number[]): void;
  /** How much counter `index` grew a minute, over about the last `overMs`; null before two seconds were seen. */
  perMinute(index: number, overMs: number): number | null;
}

const keptMs = 300_000;
const everyMs = 1000;

/** A pace that begins now, with all counters at zero. */
export function createPace(now: () => number): Pace {
  const startedMs = now();
  const samples: Sample[] = [{ atMs: startedMs, counts: [] }];
  let latest: Sample = samples[0] as Sample;
  return {
    see(counts) {
      if (now() - latest.atMs < everyMs) return;
      latest = { atMs: now(), counts };
      samples.push(latest);
      while (samples.length > 1 && latest.atMs - (samples[1]?.atMs ?? 0) >= keptMs) samples.shift();
    },
    perMinute(index, overMs) {
      const from = samples.findLast((sample) => latest.atMs - sample.atMs >= overMs) ?? (samples[0] as Sample);
      const spanMs = latest.atMs - from.atMs;
      if (spanMs < 2 * everyMs) return null;
      return (((latest.counts[index] ?? 0) - (from.counts[index] ?? 0)) * 60_000) / spanMs;
    },
  };
}

/** What the estimate of the time left looks at in a stage. */
export interface StageCounts {
  readonly in: number;
  readonly passed: number;
  readonly rejected: number;
  readonly failed: number;
  readonly pending: number;
  readonly underWay: number;
  readonly out: number;
}

/**
 * Rough on purpose: each stage ends what is left of it at its present pace (ends a minute, by position), and the slowest decides. What is
 * left includes what stages before it still hold, multiplied as they multiplied so far. Null while the first stage still lets items in, and
 * where a stage at work has done less than a tenth or stands still.
 */
export function secondsLeft(rows: readonly StageCounts[], pace: (index: number) => number | null): number | null {
  const [first] = rows;
  if (!first || first.pending > 0 || first.in === 0) return null;
  let seconds = 0;
  let coming = 0;
  for (const [index, row] of rows.entries()) {
    const done = row.passed + row.rejected + row.failed;
    if (done === 0) return row.underWay > 0 ? null : seconds; // a stage that waits for all its items is quick at the end
    const left = row.pending + coming;
    if (done < left / 9) return null;
    const perMinute = left === 0 ? null : pace(index);
    if (left > 0 && (perMinute === null || perMinute <= 0)) return null;
    if (perMinute) seconds = Math.max(seconds, (left / perMinute) * 60);
    coming = left * (row.out / done);
  }
  return seconds;
}
