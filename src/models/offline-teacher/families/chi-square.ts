import { type Family, label, number, py, rounding, skipMissing, strings, text } from "../family.ts";
import { groupings } from "../profile.ts";

/** Pearson's chi-square statistic of two groupings, and Cramer's V. */
export const chiSquare: Family = {
  name: "chi_square",
  difficulty: "hard",
  wordings: [
    "Are {a} and {b} independent? Give Pearson's chi-square statistic of their contingency table and Cramer's V.",
    "How strongly do {a} and {b} depend on each other? Report the chi-square statistic of the cross-tabulation and Cramer's V.",
    "Cross-tabulate {a} and {b}. What are the chi-square statistic and Cramer's V?",
    "Is there a link between {a} and {b}? Measure it by chi-square and by Cramer's V.",
    "Put {a} against {b} in a contingency table and report chi-square together with Cramer's V.",
  ],
  constraints: [
    skipMissing,
    ["No continuity correction, and no bias correction of V.", "Use neither Yates' correction nor a bias-corrected V."],
    rounding,
  ],
  answers: [
    { name: "chi2", written: "is rounded to {#places} decimals" },
    { name: "cramers_v", written: "is rounded to {#places} decimals" },
  ],
  numeric: [],
  propose: (table, draw) => {
    const columns = groupings(table).filter((column) => column.distinct <= 20);
    return draw.shuffle(
      columns.flatMap((a, index) =>
        columns.slice(index + 1).map((b) => ({ a: a.name, b: b.name, places: draw.pick([3, 4]) })),
      ),
    );
  },
  reference: (slots) => `
frame = pd.DataFrame({"a": ${label(text(slots, "a"))}, "b": ${label(text(slots, "b"))}}).dropna()
seen = pd.crosstab(frame["a"], frame["b"])
n = seen.to_numpy().sum()
expected = seen.sum(axis=1).to_frame().to_numpy() * seen.sum(axis=0).to_numpy() / n
chi2 = ((seen.to_numpy() - expected) ** 2 / expected).sum()
v = (chi2 / n / (min(seen.shape) - 1)) ** 0.5
print(f"@chi2[{chi2:.${number(slots, "places")}f}] @cramers_v[{v:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, corrected: 1 }),
  solve: (slots) => [
    {
      think: `I count the pairs of ${py(text(slots, "a"))} and ${py(text(slots, "b"))}.`,
      code: `${strings("first", text(slots, "a"))}
${strings("second", text(slots, "b"))}
pairs = {}
for pair in zip(first, second):
    if None not in pair:
        pairs[pair] = pairs.get(pair, 0) + 1
rows, columns = {}, {}
for (one, two), count in pairs.items():
    rows[one] = rows.get(one, 0) + count
    columns[two] = columns.get(two, 0) + count
n = sum(rows.values())
print(n, "rows in a table of", len(rows), "by", len(columns))`,
    },
    {
      think: "chi2 = n (sum of n_ij^2 / (r_i c_j) - 1), which needs only the cells that occur.",
      code: `chi2 = max(0.0, n * (sum(c * c / (rows[one] * columns[two]) for (one, two), c in pairs.items()) - 1))
v = (chi2 / (n * (${"corrected" in slots ? "max" : "min"}(len(rows), len(columns)) - 1))) ** 0.5
print(f"chi2 = {chi2:.${number(slots, "places")}f}")
print(f"cramers_v = {v:.${number(slots, "places")}f}")`,
    },
  ],
};
