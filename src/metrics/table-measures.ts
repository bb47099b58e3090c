// How the values of two tables' target columns are compared, row by row and then as a whole. Every measure is in [0, 1].

/**
 * `accuracy` and `within`: the share of rows that are right; `exact`: all of them; `auc`: how well the rows are ordered; the others: how far from
 * guessing a constant to right.
 */
export const measures = ["accuracy", "within", "exact", "auc", "r2", "rmse", "mae"] as const;
export type Measure = (typeof measures)[number];

export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

export const needsNumbers = (measure: Measure) => measure !== "accuracy" && measure !== "exact";

const plainNumber = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** A finite number as programs write it (`-1.5e3`); null for `nan`, `inf`, `1,5`, `1 000`, `5 %` and all else. */
export function finiteNumber(text: string): number | null {
  if (!plainNumber.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** Whether two cells say the same: the same text, or the same number within the tolerance. An empty cell equals nothing. */
export function sameCell(expected: string, got: string, { absolute, relative }: Tolerance): boolean {
  if (expected === "" || got === "") return false;
  if (expected === got) return true;
  const [a, b] = [finiteNumber(expected), finiteNumber(got)];
  return a !== null && b !== null && Math.abs(a - b) <= Math.max(absolute, relative * Math.abs(a));
}

/** What is wrong with a reference's values for a measure; null where it can be measured against them. */
export function referenceProblem(measure: Measure, values: readonly string[]): string | null {
  const at = values.findIndex((value) => value === "" || (needsNumbers(measure) && finiteNumber(value) === null));
  if (at >= 0)
    return `expected ${needsNumbers(measure) ? "a number" : "a value"} in row ${at + 1}, got \`${values[at]}\``;
  if (measure === "auc") {
    const kinds = [...new Set(values.map(Number))].sort();
    return kinds.length === 2 && kinds[0] === 0 && kinds[1] === 1
      ? null
      : "auc needs rows of 0 and of 1, and no others";
  }
  if (measure !== "r2" && measure !== "rmse" && measure !== "mae") return null;
  const guess = guessErrors(values.map(Number));
  const total = measure === "mae" ? guess.absolute : guess.square;
  return total > 0 && Number.isFinite(total)
    ? null
    : `${measure} needs values that differ, and whose squares can be added`;
}

/**
 * The score of a submission, with its reason. `pairs` are the expected and the submitted cell of each row. `r2` is the coefficient of
 * determination; `rmse` is 1 - RMSE / the reference's standard deviation, `mae` 1 - MAE / its mean distance from the median: 1 is
 * right, 0 is no better than the best constant; what is below 0 is 0.
 */
export function measureTable(
  measure: Measure,
  expected: readonly string[],
  got: readonly string[],
  tolerance: Tolerance,
): { readonly value: number; readonly reason: string } {
  const rows = expected.length;
  if (measure === "accuracy" || measure === "within" || measure === "exact") {
    const slack = measure === "accuracy" ? { absolute: 0, relative: 0 } : tolerance;
    const right = expected.filter((value, row) => sameCell(value, got[row] ?? "", slack)).length;
    const value = measure === "exact" ? Number(right === rows) : right / rows;
    return { value, reason: `${right} of ${rows} rows are right` };
  }
  const truth = expected.map(Number);
  if (measure === "auc") {
    const value = areaUnderCurve(truth, got.map(Number));
    return { value, reason: `auc ${short(value)} over ${rows} rows (0.5 by chance)` };
  }
  const guess = guessErrors(truth);
  let square = 0;
  let absolute = 0;
  for (const [row, value] of truth.entries()) {
    const error = Math.abs(value - Number(got[row]));
    square += error * error;
    absolute += error;
  }
  const worse = { r2: square / guess.square, rmse: Math.sqrt(square / guess.square), mae: absolute / guess.absolute }[
    measure
  ];
  const value = Math.min(1, Math.max(0, 1 - worse));
  const raw = measure === "mae" ? absolute / rows : Math.sqrt(square / rows);
  const constant = measure === "mae" ? guess.absolute / rows : Math.sqrt(guess.square / rows);
  const error = `${measure === "mae" ? "MAE" : "RMSE"} ${short(raw)}, ${short(constant)} by the best constant`;
  return { value, reason: `${measure} ${short(value)} over ${rows} rows (${error})` };
}

/** The share of pairs of a 1 and a 0 in which the 1 was given the higher value; a tie counts half (Mann-Whitney). */
function areaUnderCurve(truth: readonly number[], given: readonly number[]): number {
  const order = given.map((_, row) => row).sort((a, b) => (given[a] as number) - (given[b] as number));
  let zerosBelow = 0;
  let wins = 0;
  for (let from = 0; from < order.length; ) {
    const tied = { zeros: 0, ones: 0 };
    const value = given[order[from] as number];
    for (; from < order.length && given[order[from] as number] === value; from++)
      tied[truth[order[from] as number] === 1 ? "ones" : "zeros"] += 1;
    wins += tied.ones * (zerosBelow + tied.zeros / 2);
    zerosBelow += tied.zeros;
  }
  return wins / (zerosBelow * (truth.length - zerosBelow));
}

/** Summed errors of the best constant: the mean for squares, the median for distances. */
function guessErrors(values: readonly number[]): { readonly square: number; readonly absolute: number } {
  const mean = values.reduce((sum, value) => sum + value / values.length, 0);
  const median = Float64Array.from(values).sort()[Math.floor(values.length / 2)] ?? 0;
  let square = 0;
  let absolute = 0;
  for (const value of values) {
    square += (value - mean) ** 2;
    absolute += Math.abs(value - median);
  }
  return { square, absolute };
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
