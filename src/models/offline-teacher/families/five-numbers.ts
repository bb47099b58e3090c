import { type Family, floats, numeric, py, remark, rounding, strings, text } from "../family.ts";
import { measuredLevels } from "../profile.ts";
import { rounded } from "../snippets.ts";

const names = ["minimum", "q1", "median", "q3", "maximum"] as const;

/** The five-number summary of a group. */
export const fiveNumbers: Family = {
  name: "five_numbers",
  difficulty: "easy",
  wordings: [
    "Give the five-number summary (minimum, lower quartile, median, upper quartile, maximum) of {value} where {group} is {level}.",
    "For {group} {level}, what are the smallest value, the quartiles and the largest value of {value}?",
    "Summarise {value} among the rows with {group} equal to {level} by its minimum, first quartile, median, third quartile and maximum.",
    "Draw up the figures of a box plot of {value} for {level} (a value of {group}): minimum, both quartiles, median, maximum.",
  ],
  constraints: [
    [
      "Quartiles interpolate linearly between neighbouring values; rows without a value are left out.",
      "Leave out missing values and interpolate quartiles linearly.",
    ],
    rounding,
  ],
  answers: names.map((name) => ({ name, written: "is rounded to {#places} decimals" })),
  numeric: ["value"],
  propose: (table, draw) =>
    measuredLevels(table, draw, { rows: 15, take: 2, more: () => ({ places: draw.pick([1, 2]) }) }),
  reference: (slots) => `
values = ${numeric(text(slots, "value"))}[df[${py(text(slots, "group"))}].astype(str) == ${py(text(slots, "level"))}].dropna()
five = [values.quantile(q / 4) for q in range(5)]
print(" ".join(f"@{name}[${rounded("number", slots)}]" for name, number in zip(["${names.join('", "')}"], five)))`,
  forget: (slots) => ({ ...slots, nearest: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I sort what belongs to ${text(slots, "level")}.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
mine = sorted(float(v) for k, v in zip(labels, values) if k == ${py(text(slots, "level"))} and v == v)
print("values in this group:", len(mine))`,
    },
    {
      think: "Quarter points by linear interpolation.",
      code: `def at(share):
    place = share * (len(mine) - 1)
    low = int(place)
    high = min(low + 1, len(mine) - 1)
    return ${"nearest" in slots ? "mine[low]" : "mine[low] + (mine[high] - mine[low]) * (place - low)"}
for name, share in [${names.map((name, index) => `("${name}", ${index / 4})`).join(", ")}]:
    print(name, "=", f"${rounded("at(share)", slots)}")`,
    },
  ],
};
