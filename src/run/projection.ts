// From a pilot of some seeds to the whole run: arithmetic only. Seeds are the clusters of a simple random sample without replacement, so a
// total is estimated by expansion, N times the mean of the pilot's seeds, with Student's t for the interval and the finite population
// correction (Cochran, Sampling Techniques, 1977, sections 2.5 to 2.8 and 9A.2).

/** An estimate with its 95 % interval; `low` and `high` are null where one seed alone says nothing of the spread. */
export interface Interval {
  readonly estimate: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Seconds of a whole run, and what they are bound by. */
export interface Wall {
  readonly seconds: Interval;
  readonly boundBy: string;
}

/** Something that can do only so much at once: a stage, an endpoint. `seconds` are the busy seconds that each seed of the pilot cost it. */
export interface Capacity {
  readonly what: string;
  readonly atOnce: number;
  readonly seconds: readonly number[];
}

// Quantiles of Student's t at 0.975 for 1 to 30 degrees of freedom; beyond, the expansion by Cornish and Fisher to three terms.
const quantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** The 0.975 quantile of Student's t with `freedom` degrees of freedom. */
export function studentT(freedom: number): number {
  const z = 1.959964;
  return (
    quantiles[freedom - 1] ??
    z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
  );
}

/**
 * The total over `all` seeds, from the values of those in the pilot. Never below what the pilot itself used: that much is certain.
 * @throws {Error} without a value, or with more values than seeds.
 */
export function totalOf(values: readonly number[], all: number): Interval {
  const n = values.length;
  if (n === 0 || n > all) throw new Error(`Expected the values of 1 to ${all} seeds, got ${n}`);
  const sum = values.reduce((total, value) => total + value, 0);
  const mean = sum / n;
  const estimate = all * mean;
  if (n === all) return { estimate: sum, low: sum, high: sum };
  if (n === 1) return { estimate, low: null, high: null };
  const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / (n - 1);
  const half = studentT(n - 1) * all * Math.sqrt((variance / n) * (1 - n / all));
  return { estimate, low: Math.max(sum, estimate - half), high: estimate + half };
}

/** An interval none of whose ends is above `most`. */
export function atMost(interval: Interval, most: number): Interval {
  const cut = (value: number | null) => (value === null ? null : Math.min(most, value));
  return { estimate: Math.min(most, interval.estimate), low: cut(interval.low), high: cut(interval.high) };
}

/**
 * Seconds of the whole run: those of what is busiest for its size, and one item's way through the line before and after. Every other
 * wait (a ramp, a pause, a limit a minute that is not in `capacities`) comes on top.
 */
export function wallSeconds(
  capacities: readonly Capacity[],
  options: { readonly all: number; readonly throughSeconds: number },
): Wall | null {
  const { all, throughSeconds } = options;
  const bounds = capacities.map(({ what, atOnce, seconds }) => ({ what, atOnce, busy: totalOf(seconds, all) }));
  const [longest] = bounds.sort((a, b) => b.busy.estimate / b.atOnce - a.busy.estimate / a.atOnce);
  if (longest === undefined || longest.busy.estimate === 0) return null;
  const { busy, atOnce, what } = longest;
  const of = (value: number | null) => (value === null ? null : value / atOnce + throughSeconds);
  return {
    seconds: { estimate: busy.estimate / atOnce + throughSeconds, low: of(busy.low), high: of(busy.high) },
    boundBy: what,
  };
}
