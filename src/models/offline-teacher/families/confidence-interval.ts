import { type Family, floats, number, numeric, py, remark, rounding, strings, text } from "../family.ts";
import { measuredLevels } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** A confidence interval of a mean by the normal approximation. */
export const confidenceInterval: Family = {
  name: "confidence_interval",
  difficulty: "medium",
  wordings: [
    "Give a confidence interval for the mean of {value} in the rows whose {group} is {level}: lower and upper bound.",
    "Between which bounds does the mean {value} of {group} {level} lie, by a normal-approximation confidence interval?",
    "How precisely is the average {value} known for rows with {group} equal to {level}? State the lower and the upper end of its confidence interval.",
    "Estimate the mean of {value} where {group} is {level}, as an interval from lower to upper bound.",
  ],
  constraints: [
    [
      "The interval is mean plus or minus {#z} standard errors, with the standard deviation taken with ddof=1.",
      "Use {#z} standard errors on either side of the mean; the standard error is the sample standard deviation (ddof=1) over the root of n.",
    ],
    ["Rows without a readable value do not count.", "Leave out rows in which the value is missing or no number."],
    rounding,
  ],
  answers: [
    { name: "lower", written: "is rounded to {#places} decimals" },
    { name: "upper", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    measuredLevels(table, draw, {
      rows: 20,
      take: 2,
      more: () => ({ z: draw.pick([1.645, 1.96, 2.576]), places: draw.pick([2, 3]) }),
    }),
  reference: (slots) => `
values = ${numeric(text(slots, "value"))}[df[${py(text(slots, "group"))}].astype(str) == ${py(text(slots, "level"))}].dropna()
mean, error = values.mean(), values.sem()
print(f"@lower[${rounded(`mean - ${number(slots, "z")} * error`, slots)}] @upper[${rounded(`mean + ${number(slots, "z")} * error`, slots)}]")`,
  forget: (slots) => ({ ...slots, z: number(slots, "z") === 1.96 ? 2.576 : 1.96 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. The rows of ${text(slots, "level")}, and how many have a value.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
mine = np.array([v for k, v in zip(labels, values) if k == ${py(text(slots, "level"))} and v == v])
print(labels.count(${py(text(slots, "level"))}), "rows,", len(mine), "with a value")`,
    },
    {
      think: "Mean, standard deviation with ddof=1 and the standard error.",
      code: `centre = mine.sum() / len(mine)
spread = np.sqrt(((mine - centre) ** 2).sum() / (len(mine) - 1))
half = ${number(slots, "z")} * spread / np.sqrt(len(mine))
print("mean", centre, "sd", spread, "half width", half)`,
    },
    {
      think: "Both ends.",
      code: `print(f"lower = ${rounded("centre - half", slots)}")
print(f"upper = ${rounded("centre + half", slots)}")`,
    },
  ],
};
