import { z } from "zod";
import { decimalPlaces, sameValue, toleranceShape } from "./compare.ts";
import { metricOf, quote } from "./measure.ts";
import { isNotFinite } from "./read-number.ts";
import { type NamedValue, readNamedValues, readReferencePairs } from "./read-values.ts";

const params = z.strictObject({
  ...toleranceShape,
  /** One number of decimals for all, or one per name. */
  places: z.union([decimalPlaces, z.record(z.string(), decimalPlaces)]).optional(),
});

/** `@name[value]` answers: every reference pair has to be there, each value compared by its own type; extra pairs do no harm. */
export const namedValues = metricOf({
  name: "named_values",
  version: 1,
  about: "`@name[value]` answers, each value by its own type",
  params,
  compare(reference, submission, { places, ...tolerance }) {
    const expected = readReferencePairs(reference);
    if (expected.length === 0)
      return { unscored: `Expected the reference to hold named values, got ${quote(reference)}` };
    const unusable = expected.find(({ value }) => value === "" || isNotFinite(value));
    if (unusable !== undefined) {
      return {
        unscored: `Expected every reference value to be usable, got ${quote(`${unusable.name}[${unusable.value}]`)}`,
      };
    }
    const got = submission.includes("@") ? lookUp(readNamedValues(submission), expected) : new Map<string, string>();
    if (got.size === 0) return { right: false, why: "Expected @name[value], got none of the asked names" };
    for (const { name, value } of expected) {
      const predicted = got.get(name);
      if (predicted === undefined) return { right: false, why: `${name} is missing` };
      const stated = typeof places === "object" ? places[name] : places;
      if (!sameValue(value, predicted, { ...tolerance, places: stated })) {
        return { right: false, why: `${name} is ${quote(predicted)}, expected ${quote(value)}` };
      }
    }
    return { right: true, why: `${expected.length} of ${expected.length} values agree` };
  },
});

/** The values under the reference's names, the last of each; names are compared loosely where that cannot confuse two of them. */
function lookUp(values: readonly NamedValue[], expected: readonly NamedValue[]): Map<string, string> {
  const names = new Set(expected.map(({ name }) => name));
  const loose = new Map([...names].map((name) => [loosely(name), name]));
  const found = new Map<string, string>();
  for (const { name, value } of values) {
    const known = names.has(name) ? name : loose.size === names.size ? loose.get(loosely(name)) : undefined;
    if (known !== undefined) found.set(known, value);
  }
  return found;
}

function loosely(name: string): string {
  return name.toLowerCase().replace(/[\s_-]+/g, "_");
}
