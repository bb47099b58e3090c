import { type Family, floats, number, numeric, remark, rounding, text } from "../family.ts";
import { measures } from "../profile.ts";

/** How many values lie outside the fences of the interquartile range. */
export const outliers: Family = {
  name: "outliers_iqr",
  difficulty: "medium",
  wordings: [
    "How many outliers does {value} have by the interquartile range rule, and where is the upper fence?",
    "Using the IQR rule on {value}, count the outlying values and state the upper fence.",
    "By Tukey's fences, how many values of {value} are outliers, and what is the upper limit beyond which a value counts as one?",
    "How far up does the IQR rule let {value} go, and how many of its values break the rule? Count first, upper fence second.",
    "Draw the whiskers' fences for {value}. How many points fall outside, and where does the upper fence lie?",
  ],
  constraints: [
    [
      "The fences lie {#factor} times the IQR below Q1 and above Q3.",
      "Fences: Q1 - {#factor} IQR and Q3 + {#factor} IQR.",
    ],
    [
      "Quartiles use linear interpolation.",
      "Compute the quartiles with linear interpolation between order statistics.",
    ],
    [
      "A value is an outlier when it lies strictly outside the fences; missing values are ignored.",
      "Only values strictly beyond a fence count, and missing values are left out.",
    ],
    rounding,
  ],
  answers: [
    { name: "outliers", written: "is a whole number" },
    { name: "upper_fence", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw
      .shuffle(measures(table))
      .map((value) => ({ value: value.name, factor: draw.pick([1.5, 1.5, 2, 3]), places: 2 })),
  reference: (slots) => `
value = ${numeric(text(slots, "value"))}.dropna()
q1, q3 = value.quantile(0.25), value.quantile(0.75)
low, high = q1 - ${number(slots, "factor")} * (q3 - q1), q3 + ${number(slots, "factor")} * (q3 - q1)
print(f"@outliers[{int(((value < low) | (value > high)).sum())}] @upper_fence[{high:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, factor: number(slots, "factor") === 1.5 ? 3 : 1.5 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I need the quartiles of what is there.`,
      code: `${floats("x", text(slots, "value"), facts)}
x = np.sort(x[~np.isnan(x)])
def quartile(p):
    place = p * (len(x) - 1)
    below = int(place)
    above = min(below + 1, len(x) - 1)
    return x[below] + (place - below) * (x[above] - x[below])
q1, q3 = quartile(0.25), quartile(0.75)
print(len(x), "values, q1", q1, "q3", q3, "iqr", q3 - q1)`,
    },
    {
      think: `The fences at ${number(slots, "factor")} times the IQR, then the values strictly outside.`,
      code: `low = q1 - ${number(slots, "factor")} * (q3 - q1)
high = q3 + ${number(slots, "factor")} * (q3 - q1)
below, above = int(np.sum(x < low)), int(np.sum(x > high))
print("fences", low, high, "below", below, "above", above)
print("outliers =", below + above)
print(f"upper_fence = {high:.${number(slots, "places")}f}")`,
    },
  ],
};
