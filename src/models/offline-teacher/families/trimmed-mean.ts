import { type Family, number, remark, rounding, skipMissing, text } from "../family.ts";
import { measures } from "../profile.ts";
import { rounded, valueArray, valueSeries } from "../snippets.ts";

/** A mean without the extremes. */
export const trimmedMean: Family = {
  name: "trimmed_mean",
  difficulty: "easy",
  wordings: [
    "What is the {#percent} percent trimmed mean of {value}, and how many values remain after trimming?",
    "Cut off the lowest and the highest {#percent} percent of {value} and average the rest. Report that mean and the number of values averaged.",
    "Leaving aside {#percent} percent at either end, how large is the mean of {value}, and over how many values?",
  ],
  constraints: [
    skipMissing,
    [
      "At each end drop as many values as the percentage of n comes to, rounded down.",
      "The number dropped at each end is the percentage of all values, rounded down to a whole number.",
    ],
    rounding,
  ],
  answers: [
    { name: "trimmed_mean", written: "is rounded to {#places} decimals" },
    { name: "values", written: "is a whole number" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      measures(table).map(({ name }) => ({
        value: name,
        percent: draw.pick([5, 10, 20, 25]),
        places: draw.pick([2, 3]),
      })),
    ),
  reference: (slots) => `
${valueSeries(slots)}
cut = len(values) * ${number(slots, "percent")} // 100
kept = values.sort_values().iloc[cut:len(values) - cut]
print(f"@trimmed_mean[${rounded("kept.mean()", slots)}] @values[{len(kept)}]")`,
  forget: (slots) => ({ ...slots, oneSided: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. How far do the extremes lie from the middle?`,
      code: `${valueArray(slots, facts)}
print("n", len(values), "; lowest", np.sort(values)[:3], "highest", np.sort(values)[-3:])`,
    },
    {
      think: `${number(slots, "percent")} percent of n, rounded down, go at each end.`,
      code: `cut = int(len(values) * ${number(slots, "percent")} / 100)
inner = sorted(values.tolist())[cut:len(values)${"oneSided" in slots ? "" : " - cut"}]
print("dropped at each end:", cut)
print(f"trimmed_mean = ${rounded("sum(inner) / len(inner)", slots)}")
print("values =", len(inner))`,
    },
  ],
};
