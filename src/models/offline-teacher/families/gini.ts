import { type Family, floats, number, numeric, remark, rounding, text } from "../family.ts";
import { measures } from "../profile.ts";

/** How unequally a quantity is spread over the rows. */
export const gini: Family = {
  name: "gini",
  difficulty: "hard",
  wordings: [
    "How unequally is {value} distributed over the rows, measured by the Gini coefficient?",
    "What is the Gini coefficient of {value}?",
    "Put a figure on the inequality of {value} between rows: its Gini index.",
    "If {value} were income and every row a household, what would the Gini coefficient be?",
    "Calculate the Gini concentration of {value} across all rows.",
  ],
  constraints: [
    ["Missing and negative values are left out.", "Use only values that are present and not negative."],
    [
      "The Gini coefficient is the mean absolute difference over all ordered pairs (a row with itself included) divided by twice the mean.",
      "Divide the mean absolute difference of all n times n ordered pairs by twice the mean.",
    ],
    rounding,
  ],
  answers: [{ name: "gini", written: "is rounded to {#places} decimals" }],
  numeric: ["value"],
  propose: (table, draw) =>
    draw
      .shuffle(measures(table).filter((value) => !(value.min ?? "").startsWith("-")))
      .map((value) => ({ value: value.name, places: draw.pick([3, 4]) })),
  reference: (slots) => `
value = ${numeric(text(slots, "value"))}.dropna()
value = value[value >= 0].sort_values().reset_index(drop=True)
n = len(value)
gini = 2 * ((value.index + 1) * value).sum() / (n * value.sum()) - (n + 1) / n
print(f"@gini[{gini:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, corrected: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I sort what is left.`,
      code: `${floats("x", text(slots, "value"), facts)}
x = np.sort(x[~np.isnan(x)])
print(len(x), "values,", int((x < 0).sum()), "negative")
x = x[x >= 0]`,
    },
    {
      think: "The Lorenz curve by the trapezoid rule: Gini is one minus twice the area below it.",
      code: `lorenz = np.concatenate([[0.0], np.cumsum(x) / x.sum()])
area = float(np.sum((lorenz[1:] + lorenz[:-1]) / 2) / len(x))
print("area below the Lorenz curve", area)
print(f"gini = {(1 - 2 * area)${"corrected" in slots ? " / 2" : ""}:.${number(slots, "places")}f}")`,
    },
  ],
};
