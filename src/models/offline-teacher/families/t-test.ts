import { type Family, floats, number, numeric, py, remark, rounding, strings, text } from "../family.ts";
import { groupings, levels, measures } from "../profile.ts";

/** Welch's or Student's t between two groups; the statistic alone, so that nobody has to import scipy. */
export const tTest: Family = {
  name: "t_test",
  difficulty: "hard",
  wordings: [
    "Do {first} and {second} (values of {group}) differ in mean {value}? Give the t statistic of a two-sample t-test.",
    "Run a two-sample t-test on {value} between the rows with {group} {first} and those with {group} {second}. What are t and the degrees of freedom?",
    "Is the mean of {value} different for {first} than for {second}, both values of {group}? Report t and the degrees of freedom.",
    "Contrast {first} with {second} in {group}: what are the t statistic and the degrees of freedom for their means of {value}?",
  ],
  constraints: [
    [
      "Use {test:Welch's test (unequal variances)|Student's test (pooled variance)} with sample variances (ddof 1).",
      "The test is {test:Welch's test (unequal variances)|Student's test (pooled variance)}; variances divide by n - 1.",
    ],
    [
      "t is the first group named minus the second; missing values are ignored.",
      "Subtract the second group's mean from the first's; rows without a value are dropped.",
    ],
    rounding,
  ],
  answers: [
    { name: "t", written: "is rounded to {#places} decimals" },
    { name: "df", written: "is the degrees of freedom rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      groupings(table).flatMap((group) => {
        const [first, second] = draw.shuffle(levels(group, 10));
        if (first === undefined || second === undefined) return [];
        return measures(table)
          .filter((value) => value.name !== group.name)
          .map((value) => ({
            group: group.name,
            value: value.name,
            first,
            second,
            test: draw.pick(["Welch's test (unequal variances)", "Student's test (pooled variance)"]),
            places: draw.pick([2, 3]),
          }));
      }),
    ),
  reference: (slots) => `
name = df[${py(text(slots, "group"))}].astype(str)
value = ${numeric(text(slots, "value"))}
a, b = value[name == ${py(text(slots, "first"))}].dropna(), value[name == ${py(text(slots, "second"))}].dropna()
${
  text(slots, "test").startsWith("Welch")
    ? `va, vb = a.var() / len(a), b.var() / len(b)
t = (a.mean() - b.mean()) / (va + vb) ** 0.5
dof = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))`
    : `dof = len(a) + len(b) - 2
pooled = (a.var() * (len(a) - 1) + b.var() * (len(b) - 1)) / dof
t = (a.mean() - b.mean()) / (pooled * (1 / len(a) + 1 / len(b))) ** 0.5`
}
print(f"@t[{t:.${number(slots, "places")}f}] @df[{dof:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({
    ...slots,
    test: text(slots, "test").startsWith("Welch")
      ? "Student's test (pooled variance)"
      : "Welch's test (unequal variances)",
  }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I split the two groups and check that both are large enough.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
one = np.array([v for k, v in zip(labels, values) if k == ${py(text(slots, "first"))} and v == v])
two = np.array([v for k, v in zip(labels, values) if k == ${py(text(slots, "second"))} and v == v])
print("sizes", len(one), len(two), "means", one.mean(), two.mean(), "sd", one.std(ddof=1), two.std(ddof=1))`,
    },
    {
      think: `Now the statistic by the formula of ${text(slots, "test")}.`,
      code: `ss1, ss2 = np.sum((one - one.mean()) ** 2), np.sum((two - two.mean()) ** 2)
n1, n2 = len(one), len(two)
${
  text(slots, "test").startsWith("Welch")
    ? `e1, e2 = ss1 / (n1 * (n1 - 1)), ss2 / (n2 * (n2 - 1))
freedom = (e1 + e2) ** 2 / (e1 * e1 / (n1 - 1) + e2 * e2 / (n2 - 1))
error = np.sqrt(e1 + e2)`
    : `freedom = n1 + n2 - 2
error = np.sqrt((ss1 + ss2) / freedom) * np.sqrt((n1 + n2) / (n1 * n2))`
}
print(f"t = {(one.mean() - two.mean()) / error:.${number(slots, "places")}f}")
print(f"df = {freedom:.${number(slots, "places")}f}")`,
    },
  ],
};
