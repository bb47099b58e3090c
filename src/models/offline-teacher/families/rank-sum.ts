import { type Family, floats, numeric, py, remark, rounding, strings, text } from "../family.ts";
import { groupings, levels, measures } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** Mann-Whitney U of two groups, and the chance that one beats the other. */
export const rankSum: Family = {
  name: "rank_sum",
  difficulty: "hard",
  wordings: [
    "Rank {value} over the rows where {group} is {first} or {second}. What is the Mann-Whitney U of {first}, and U divided by the number of pairs?",
    "Compare {value} between {first} and {second} (both values of {group}) by ranks: report the Mann-Whitney U statistic of {first} and its share of all pairs.",
    "How often does a row with {group} {first} exceed one with {second} in {value}? Give Mann-Whitney's U of {first} and U over the product of the two group sizes.",
  ],
  constraints: [
    ["Tied values share their average rank.", "Ties get average ranks, so that a tied pair counts one half."],
    [
      "U is the rank sum of the first group minus n1(n1 + 1)/2; rows without a value are left out.",
      "Leave out rows without a value, and take U as the first group's rank sum less n1(n1 + 1)/2.",
    ],
    rounding,
  ],
  answers: [
    { name: "u", written: "is rounded to {#places} decimals" },
    { name: "share", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      groupings(table).flatMap((group) => {
        const [first, second] = draw.shuffle(levels(group, 10));
        if (first === undefined || second === undefined) return [];
        return measures(table)
          .filter(({ name }) => name !== group.name)
          .map(({ name }) => ({ group: group.name, value: name, first, second, places: draw.pick([2, 3]) }));
      }),
    ),
  reference: (slots) => `
name = df[${py(text(slots, "group"))}].astype(str)
frame = pd.DataFrame({"name": name, "value": ${numeric(text(slots, "value"))}}).dropna()
frame = frame[frame["name"].isin([${py(text(slots, "first"))}, ${py(text(slots, "second"))}])]
frame["rank"] = frame["value"].rank()
mine = frame[frame["name"] == ${py(text(slots, "first"))}]
u = mine["rank"].sum() - len(mine) * (len(mine) + 1) / 2
print(f"@u[${rounded("u", slots)}] @share[${rounded("u / (len(mine) * (len(frame) - len(mine)))", slots)}]")`,
  forget: (slots) => ({ ...slots, strict: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. The two groups first.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
one = np.array([v for k, v in zip(labels, values) if k == ${py(text(slots, "first"))} and v == v])
two = np.sort([v for k, v in zip(labels, values) if k == ${py(text(slots, "second"))} and v == v])
print("sizes", len(one), len(two), "medians", np.median(one), np.median(two))`,
    },
    {
      think:
        "U counts, over all pairs, how often the first exceeds the second; a tie is one half. Sorting finds both counts.",
      code: `below = np.searchsorted(two, one, side="left").sum()
ties = np.searchsorted(two, one, side="right").sum() - below
u = float(below${"strict" in slots ? "" : " + 0.5 * ties"})
print("pairs", len(one) * len(two), "ties", int(ties))
print(f"u = ${rounded("u", slots)}")
print(f"share = ${rounded("u / (len(one) * len(two))", slots)}")`,
    },
  ],
};
