import { z } from "zod";
import { sameNumber, toleranceShape } from "./compare.ts";
import { metricOf, quote } from "./measure.ts";
import { bare, isNotFinite, readNumber } from "./read-number.ts";
import { readNamedValues } from "./read-values.ts";

const leadIn = /^(?:the\s+)?(?:final\s+)?(?:answer|result|value)\s*(?:is|=|:)\s*/i;

/** One number, within `absolute`, `relative` or half a unit of the last of the stated `places`. */
export const number = metricOf({
  name: "number",
  version: 1,
  about: "one number, to the decimals asked for",
  params: z.strictObject(toleranceShape),
  compare(reference, submission, tolerance) {
    const expected = readNumber(onlyValue(reference));
    if (expected === null) return { unscored: `Expected the reference to be a finite number, got ${quote(reference)}` };
    const value = onlyValue(submission);
    if (isNotFinite(value)) return { right: false, why: `Expected a finite number, got ${quote(value)}` };
    const got = readNumber(value);
    if (got === null) return { right: false, why: `Expected a number, got ${quote(value)}` };
    const right = sameNumber(expected, got, tolerance);
    return { right, why: `${quote(value)} is ${right ? "" : "not "}${quote(reference)} within the tolerance` };
  },
});

/** The value that an answer consists of: out of its only `@name[value]`, or after "the answer is". */
export function onlyValue(text: string): string {
  const named = text.includes("@") ? readNamedValues(text) : [];
  const [only] = named;
  if (only !== undefined && named.length === 1) return only.value;
  return text.length > 500 ? text : bare(text).replace(leadIn, "");
}
