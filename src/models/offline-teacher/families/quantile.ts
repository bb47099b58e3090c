import { type Family, floats, number, py, remark, rounding, strings, text } from "../family.ts";
import { measuredLevels } from "../profile.ts";

/** A percentile within one group. */
export const quantile: Family = {
  name: "quantile",
  difficulty: "easy",
  wordings: [
    "What is percentile {#percent} of {value} among rows whose {group} is {level}?",
    "Take only rows with {group} equal to {level}. What is the {#percent}th percentile of {value} there?",
    "Below which value of {value} do {#percent} percent of the rows with {group} equal to {level} lie (the percentile)?",
    "For {group} {level}, find the {#percent}th percentile of {value}.",
    "How high does {value} have to be to leave {#percent} percent of the {level} rows (by {group}) below it, as a percentile?",
  ],
  constraints: [
    ["Percentiles use linear interpolation.", "Interpolate linearly between neighbouring values."],
    ["Missing values of the measured column are ignored.", "Rows without a value to measure are dropped."],
    rounding,
  ],
  answers: [{ name: "percentile", written: "is rounded to {#places} decimals" }],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      measuredLevels(table, draw, {
        rows: 12,
        take: 2,
        more: () => ({ percent: draw.pick([10, 35, 60, 80, 90, 95]), places: 2 }),
      }),
    ),
  reference: (slots) => `
chosen = df[df[${py(text(slots, "group"))}].astype(str) == ${py(text(slots, "level"))}]
value = pd.to_numeric(chosen[${py(text(slots, "value"))}], errors="coerce").dropna()
print(f"@percentile[{value.quantile(${number(slots, "percent") / 100}):.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, percent: 100 - number(slots, "percent") }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I check that the value ${py(text(slots, "level"))} is spelled like that in the data.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
picked = np.array([name == ${py(text(slots, "level"))} for name in labels])
x = np.sort(values[picked & ~np.isnan(values)])
print(int(picked.sum()), "rows picked,", len(x), "with a value")`,
    },
    {
      think: "The position of the percentile in the sorted values, interpolated linearly.",
      code: `place = ${number(slots, "percent")} / 100 * (len(x) - 1)
below = int(place)
above = min(below + 1, len(x) - 1)
print("between", x[below], "and", x[above])
print(f"percentile = {x[below] + (place - below) * (x[above] - x[below]):.${number(slots, "places")}f}")`,
    },
  ],
};
