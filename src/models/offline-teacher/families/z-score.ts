import { type Family, number, remark, rounding, skipMissing, text } from "../family.ts";
import { measures } from "../profile.ts";
import { rounded, valueArray, valueSeries } from "../snippets.ts";

/** Values far from the mean, in standard deviations. */
export const zScore: Family = {
  name: "z_score_outliers",
  difficulty: "medium",
  wordings: [
    "How many values of {value} have a z-score above {#limit} in absolute terms, and how large is the largest absolute z-score?",
    "Standardise {value}. Count the entries more than {#limit} standard deviations away from the mean and give the greatest distance, in standard deviations.",
    "By the z-score rule with a cut-off of {#limit}, how many outliers does {value} have? Also say how many standard deviations the farthest value lies from the mean.",
    "We flag {value} wherever it is over {#limit} standard deviations from its average. How often does that happen, and what is the maximum of the absolute z-scores?",
  ],
  constraints: [
    skipMissing,
    [
      "The standard deviation uses ddof={#ddof}.",
      "Take ddof={#ddof} for the standard deviation, over all values used.",
    ],
    rounding,
  ],
  answers: [
    { name: "outliers", written: "is a whole number" },
    { name: "largest", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    measures(table).map(({ name }) => ({
      value: name,
      limit: draw.pick([1.5, 2, 2.5, 3]),
      ddof: draw.pick([0, 1]),
      places: draw.pick([2, 3]),
    })),
  reference: (slots) => `
${valueSeries(slots)}
z = ((values - values.mean()) / values.std(ddof=${number(slots, "ddof")})).abs()
print(f"@outliers[{int((z > ${number(slots, "limit")}).sum())}] @largest[${rounded("z.max()", slots)}]")`,
  forget: (slots) => ({ ...slots, ddof: 1 - number(slots, "ddof") }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. Centre and spread come first.`,
      code: `${valueArray(slots, facts)}
centre = values.sum() / len(values)
spread = np.sqrt(((values - centre) ** 2).sum() / (len(values) - ${number(slots, "ddof")}))
print("mean", centre, "sd", spread)`,
    },
    {
      think: `Distances in units of that spread, and those beyond ${number(slots, "limit")}.`,
      code: `distance = np.abs(values - centre) / spread
print("outliers =", int(np.count_nonzero(distance > ${number(slots, "limit")})))
print(f"largest = ${rounded("distance.max()", slots)}")`,
    },
  ],
};
