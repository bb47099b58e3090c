import { type Family, floats, number, numeric, remark, rounding, text } from "../family.ts";
import { measures } from "../profile.ts";

/** A robust spread: the median absolute deviation. */
export const deviation: Family = {
  name: "median_absolute_deviation",
  difficulty: "easy",
  wordings: [
    "What is the median absolute deviation of {value} from its median?",
    "Give a robust measure of the spread of {value}: the median of the absolute distances from the median.",
    "How far does a typical value of {value} lie from the median, taking the median of those distances?",
    "Compute the MAD (median absolute deviation) of {value}.",
    "Report how widely {value} scatters around its median, as the median of the absolute deviations.",
  ],
  constraints: [
    [
      "Missing values are ignored, and no factor for normality is applied.",
      "Leave out missing values; do not scale the result for normality.",
    ],
    rounding,
  ],
  answers: [{ name: "mad", written: "is rounded to {#places} decimals" }],
  numeric: ["value"],
  most: 2,
  propose: (table, draw) =>
    draw.shuffle(measures(table)).map((value) => ({ value: value.name, places: draw.pick([2, 3]) })),
  reference: (slots) => `
value = ${numeric(text(slots, "value"))}.dropna()
print(f"@mad[{(value - value.median()).abs().median():.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, scaled: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. The median first, from the sorted values.`,
      code: `${floats("x", text(slots, "value"), facts)}
def middle(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
x = [entry for entry in x.tolist() if entry == entry]
centre = middle(x)
print(len(x), "values, median", centre)`,
    },
    {
      think: "Then the median of the distances from it.",
      code: `spread = middle([abs(entry - centre) for entry in x])
print(f"mad = {spread${"scaled" in slots ? " * 1.4826" : ""}:.${number(slots, "places")}f}")`,
    },
  ],
};
