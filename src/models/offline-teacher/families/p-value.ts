import { type Family, floats, number, numeric, py, remark, rounding, strings, text } from "../family.ts";
import { groupings, levels, measures } from "../profile.ts";

/** A two-sided p-value. Rare: importing scipy costs time. */
export const pValue: Family = {
  name: "p_value",
  difficulty: "hard",
  most: 1,
  wordings: [
    "Is the difference in mean {value} between {first} and {second} (values of {group}) significant? Give the two-sided p-value of Welch's t-test.",
    "What two-sided p-value does Welch's t-test give for {value} when the rows with {group} {first} are compared with those with {group} {second}?",
    "Could the gap in mean {value} between {first} and {second} of {group} be chance? Report Welch's two-sided p-value.",
    "Test whether {first} and {second} (both {group}) have the same mean {value}. Which two-sided p-value does Welch's test yield?",
  ],
  constraints: [
    ["Rows without a measured value are dropped.", "Missing values of the measured column are left out."],
    ["Variances are not assumed to be equal and divide by n - 1.", "Do not pool the variances; use n - 1 in them."],
    rounding,
  ],
  answers: [{ name: "p", written: "is rounded to {#places} decimals" }],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      groupings(table).flatMap((group) => {
        const [first, second] = draw.shuffle(levels(group, 10));
        if (first === undefined || second === undefined) return [];
        return measures(table)
          .filter((value) => value.name !== group.name)
          .map((value) => ({ group: group.name, value: value.name, first, second, places: 4 }));
      }),
    ),
  reference: (slots) => `
from scipy.stats import ttest_ind
name = df[${py(text(slots, "group"))}].astype(str)
value = ${numeric(text(slots, "value"))}
first, second = value[name == ${py(text(slots, "first"))}].dropna(), value[name == ${py(text(slots, "second"))}].dropna()
print(f"@p[{ttest_ind(first, second, equal_var=False).pvalue:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, sided: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. Sizes, means and variances of the two groups.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
one = np.array([v for k, v in zip(labels, values) if k == ${py(text(slots, "first"))} and v == v])
two = np.array([v for k, v in zip(labels, values) if k == ${py(text(slots, "second"))} and v == v])
print("sizes", len(one), len(two), "means", one.mean(), two.mean())`,
    },
    {
      think: "t and its degrees of freedom by Welch's formula, then both tails of Student's distribution.",
      code: `from scipy.special import stdtr
e1, e2 = one.var(ddof=1) / len(one), two.var(ddof=1) / len(two)
t = (one.mean() - two.mean()) / np.sqrt(e1 + e2)
freedom = (e1 + e2) ** 2 / (e1**2 / (len(one) - 1) + e2**2 / (len(two) - 1))
print("t", t, "df", freedom)
print(f"p = {${"sided" in slots ? "" : "2 * "}stdtr(freedom, -abs(t)):.${number(slots, "places")}f}")`,
    },
  ],
};
