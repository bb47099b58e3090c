import { z } from "zod";
import { isNotFinite, readNumber, type WrittenNumber } from "./read-number.ts";
import { readItems } from "./read-values.ts";

const places = z.number().int().min(0).max(30);

/** How near counts as right. `places`: stated decimals, half a unit of the last one is allowed; `percent`: the values are percentages. */
export const toleranceShape = {
  absolute: z.number().min(0).optional(),
  relative: z.number().min(0).max(1).optional(),
  places: places.optional(),
  percent: z.boolean().optional(),
  /** Lists: whether the order counts. */
  ordered: z.boolean().optional(),
  caseSensitive: z.boolean().optional(),
};
export const decimalPlaces = places;

export interface Tolerance {
  readonly absolute?: number | undefined;
  readonly relative?: number | undefined;
  readonly places?: number | undefined;
  readonly percent?: boolean | undefined;
  readonly ordered?: boolean | undefined;
  readonly caseSensitive?: boolean | undefined;
}

/** Whether a predicted value is the reference value, each read by its own type: number, list, date, or text. Not-a-number never matches. */
export function sameValue(reference: string, predicted: string, tolerance: Tolerance): boolean {
  if (isNotFinite(reference) || isNotFinite(predicted)) return false;
  if (reference.trim() === "" || predicted.trim() === "") return false;
  const expected = readNumber(reference);
  if (expected !== null) {
    const got = readNumber(predicted);
    if (got !== null) return sameNumber(expected, got, tolerance);
    if (!reference.includes(",")) return false;
  }
  if (sameText(reference, predicted, tolerance.caseSensitive)) return true;
  if (withoutMidnight(reference) === withoutMidnight(predicted)) return true;
  const items = readItems(reference);
  return items.length > 1 && sameItems(items, readItems(predicted), tolerance);
}

/** Whether two numbers are the same within the tolerance: `5.36%`, `5.36 %` and, for a percent reference, `0.0536` are one number. */
export function sameNumber(reference: WrittenNumber, predicted: WrittenNumber, tolerance: Tolerance): boolean {
  if (reference.unit !== "" && predicted.unit !== "" && reference.unit !== predicted.unit) return false;
  const near = (value: number) => within(value, reference.value, tolerance);
  if (reference.percent === predicted.percent) return near(predicted.value);
  if (reference.percent) return near(predicted.value) || near(predicted.value * 100);
  // A share may be written as a percent; a percent sign after a value above 1 is only its unit. 5 asked as a percentage is not 500%.
  const isPercent = tolerance.percent === true;
  const large = Math.abs(reference.value) > 1;
  const isShare = !(isPercent && large);
  return (isShare && near(predicted.value / 100)) || ((isPercent || large) && near(predicted.value));
}

function within(value: number, reference: number, tolerance: Tolerance): boolean {
  const allowed = Math.max(
    tolerance.absolute ?? 0,
    (tolerance.relative ?? 0) * Math.abs(reference),
    tolerance.places === undefined ? 0 : 0.5 * 10 ** -tolerance.places,
  );
  const noise = 8 * Number.EPSILON * Math.max(Math.abs(value), Math.abs(reference));
  return Math.abs(value - reference) <= allowed * (1 + 1e-9) + noise;
}

/** Whether two lists hold the same values, as often, and in the same order unless `ordered` is false. */
export function sameItems(reference: readonly string[], predicted: readonly string[], tolerance: Tolerance): boolean {
  if (reference.length !== predicted.length) return false;
  const inOrder = tolerance.ordered === false ? sorted : (items: readonly string[]) => items;
  const got = inOrder(predicted);
  return inOrder(reference).every((item, index) => sameScalar(item, got[index] ?? "", tolerance));
}

function sameScalar(reference: string, predicted: string, tolerance: Tolerance): boolean {
  if (isNotFinite(reference) || isNotFinite(predicted)) return false;
  const expected = readNumber(reference);
  const got = readNumber(predicted);
  if (expected !== null && got !== null) return sameNumber(expected, got, tolerance);
  return expected === null && got === null && sameText(reference, predicted, tolerance.caseSensitive);
}

function sorted(items: readonly string[]): readonly string[] {
  return items
    .map((item) => ({ item, number: readNumber(item)?.value ?? null, text: plainText(item) }))
    .toSorted((a, b) =>
      a.number !== null && b.number !== null
        ? a.number - b.number
        : a.number !== null
          ? -1
          : b.number !== null
            ? 1
            : a.text < b.text
              ? -1
              : Number(a.text > b.text),
    )
    .map(({ item }) => item);
}

/** Whether two texts say the same apart from case, quotes, hyphens, underscores, white space and a final point. */
export function sameText(reference: string, predicted: string, caseSensitive = false): boolean {
  // Normalising a megabyte to compare it with a word would cost and could not match.
  if (predicted.length > 4 * reference.length + 1000) return false;
  return plainText(reference, caseSensitive) === plainText(predicted, caseSensitive);
}

/** A text as texts are compared. */
export function plainText(text: string, caseSensitive = false): string {
  const folded = text
    .normalize("NFKC")
    .replace(/["'`“”‘’*]/g, "")
    .replace(/[-_\s\u2010-\u2015]+/g, " ")
    .replace(/[.!]+\s*$/, "")
    .trim();
  return caseSensitive ? folded : folded.toLowerCase();
}

function withoutMidnight(text: string): string {
  return plainText(
    text
      .trim()
      .slice(0, 200)
      .replace(/[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:00)?$/, ""),
  );
}
