import { type Family, floats, number, numeric, py, remark, rounding, strings, text } from "../family.ts";
import { measuredLevels } from "../profile.ts";

/** What part of a group lies above everybody's median or mean. */
export const shareAbove: Family = {
  name: "share_above",
  difficulty: "medium",
  wordings: [
    "What percentage of the rows with {group} equal to {level} has {value} above the {bar:median|mean} of all rows?",
    "Compare {value} with its overall {bar:median|mean}: which percentage of the rows whose {group} is {level} lies above it?",
    "How common is it for rows of {group} {level} to exceed the {bar:median|mean} of {value} (taken over all rows), in percent?",
    "Let the {bar:median|mean} of {value} over all rows be the bar. Which part of {level}, a value of {group}, clears it, as a percentage?",
  ],
  constraints: [
    ["Above means strictly greater.", "Count only values strictly greater than that bar."],
    [
      "Rows without a valid measured value are dropped before anything else, for the bar too.",
      "First drop rows whose measured value is missing or no number; bar and percentage use the rest.",
    ],
    ["The percentage runs from 0 to 100.", "Give a percentage between 0 and 100, without a sign."],
    rounding,
  ],
  answers: [{ name: "percent", written: "is a percentage rounded to {#places} decimals" }],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      measuredLevels(table, draw, {
        rows: 10,
        take: 1,
        more: () => ({ bar: draw.pick(["median", "mean"]), places: draw.pick([2, 3]) }),
      }),
    ),
  reference: (slots) => `
df["measured"] = ${numeric(text(slots, "value"))}
df = df.dropna(subset=["measured"])
part = df.loc[df[${py(text(slots, "group"))}].astype(str) == ${py(text(slots, "level"))}, "measured"]
print(f"@percent[{100 * (part > df['measured'].${text(slots, "bar")}()).mean():.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, bar: text(slots, "bar") === "median" ? "mean" : "median" }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. The bar comes from all rows that have a value.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
bar = float(np.nan${text(slots, "bar")}(values))
print("bar", bar, "from", int((~np.isnan(values)).sum()), "values")`,
    },
    {
      think: `Now the rows of ${py(text(slots, "level"))} against it.`,
      code: `part = [entry for name, entry in zip(labels, values) if name == ${py(text(slots, "level"))} and entry == entry]
above = sum(entry > bar for entry in part)
print(above, "of", len(part))
print(f"percent = {100 * above / len(part):.${number(slots, "places")}f}")`,
    },
  ],
};
