import { type Family, floats, numeric, remark, rounding, skipMissing, text } from "../family.ts";
import { isNonNegative, measures } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** A mean in which some rows weigh more, against the plain one. */
export const weightedMean: Family = {
  name: "weighted_mean",
  difficulty: "medium",
  wordings: [
    "What is the mean of {value} weighted by {weight}, and how much does it exceed the plain mean?",
    "Average {value} with {weight} as weights. Give the result and its difference from the unweighted average.",
    "If every row counts in proportion to its {weight}, what is the average {value}? Also report weighted minus unweighted mean.",
  ],
  constraints: [
    skipMissing,
    [
      "Both means are over the same rows; a row of weight 0 belongs to the unweighted mean as well.",
      "Use the same rows for both means, rows of weight 0 included in the plain one.",
    ],
    rounding,
  ],
  answers: [
    { name: "weighted_mean", written: "is rounded to {#places} decimals" },
    { name: "difference", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      measures(table)
        .filter(isNonNegative)
        .flatMap((weight) =>
          measures(table)
            .filter((value) => value !== weight)
            .map((value) => ({ value: value.name, weight: weight.name, places: draw.pick([2, 3]) })),
        ),
    ),
  reference: (slots) => `
frame = pd.DataFrame({"value": ${numeric(text(slots, "value"))}, "weight": ${numeric(text(slots, "weight"))}}).dropna()
weighted = (frame["value"] * frame["weight"]).sum() / frame["weight"].sum()
plain = frame["value"].mean()
print(f"@weighted_mean[${rounded("weighted", slots)}] @difference[${rounded("weighted - plain", slots)}]")`,
  forget: (slots) => ({ ...slots, squared: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}; ${remark(text(slots, "weight"), facts)}. Rows with both, and whether the weights make sense.`,
      code: `${floats("values", text(slots, "value"), facts)}
${floats("weights", text(slots, "weight"), facts)}
both = np.isfinite(values) & np.isfinite(weights)
values, weights = values[both], weights[both]
print(len(values), "rows; weights from", weights.min(), "to", weights.max())`,
    },
    {
      think: "Weighted and plain mean side by side.",
      code: `weighted = float(np.average(values, weights=weights${"squared" in slots ? " ** 2" : ""}))
plain = float(np.average(values))
print("plain", plain)
print(f"weighted_mean = ${rounded("weighted", slots)}")
print(f"difference = ${rounded("weighted - plain", slots)}")`,
    },
  ],
};
