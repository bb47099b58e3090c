import { z } from "zod";
import { sameValue } from "./compare.ts";
import { metricOf, quote } from "./measure.ts";
import { onlyValue } from "./number.ts";
import { isNotFinite } from "./read-number.ts";

/** A short text, equal apart from case (unless `caseSensitive`), quotes, hyphens, white space and a final point. */
export const text = metricOf({
  name: "text",
  version: 1,
  about: "a short text, apart from case, quotes and hyphens",
  params: z.strictObject({ caseSensitive: z.boolean().optional() }),
  compare(reference, submission, params) {
    if (isNotFinite(reference)) return { unscored: `Expected a usable reference, got ${quote(reference)}` };
    const right = sameValue(onlyValue(reference), onlyValue(submission), params);
    return { right, why: `${quote(submission)} is ${right ? "" : "not "}${quote(reference)}` };
  },
});
