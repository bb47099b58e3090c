import { z } from "zod";
import { decimalPlaces, sameItems, sameValue, toleranceShape } from "./compare.ts";
import { metricOf, quote } from "./measure.ts";
import { isNotFinite } from "./read-number.ts";
import { readItems } from "./read-values.ts";

const params = z.strictObject({
  ...toleranceShape,
  /** One number of decimals for all, or one per item of an ordered list. */
  places: z.union([decimalPlaces, z.array(decimalPlaces.nullable())]).optional(),
});

/** A list of values; duplicates count, and the order counts unless `ordered` is false. */
export const list = metricOf({
  name: "list",
  version: 1,
  about: "a list of values, in order or not",
  params,
  compare(reference, submission, { places, ...tolerance }) {
    const expected = readItems(reference);
    if (expected.length === 0 || expected.some(isNotFinite)) {
      return { unscored: `Expected the reference to be a list of values, got ${quote(reference)}` };
    }
    const got = readItems(submission);
    if (got.length !== expected.length) {
      return { right: false, why: `Expected ${expected.length} items, got ${got.length}` };
    }
    const right =
      Array.isArray(places) && tolerance.ordered !== false
        ? expected.every((item, at) =>
            sameValue(item, got[at] ?? "", { ...tolerance, places: places[at] ?? undefined }),
          )
        : sameItems(expected, got, { ...tolerance, places: typeof places === "number" ? places : undefined });
    return { right, why: `${quote(submission)} ${right ? "agrees" : "does not agree"} with ${quote(reference)}` };
  },
});
