import { type Family, number, py, remark, rounding, skipMissing, text } from "../family.ts";
import { measuredGroups } from "../profile.ts";
import { groupArrays, groupFrame, rounded } from "../snippets.ts";

/** The Kruskal-Wallis statistic: do groups differ in rank? */
export const kruskal: Family = {
  name: "kruskal_wallis",
  difficulty: "hard",
  wordings: [
    "Do the groups of {group} differ in {value} by rank? Report the Kruskal-Wallis H and the number of groups compared.",
    "Run a Kruskal-Wallis comparison of {value} over {group}: how large is H, and how many groups entered?",
    "By a one-way analysis on ranks, how far apart are the values of {value} across {group}? Give H and the count of groups.",
  ],
  constraints: [
    skipMissing,
    [
      "Only groups of at least {#least} rows enter; ranks run over the rows that remain.",
      "Drop groups with fewer than {#least} rows, then rank what is left.",
    ],
    [
      "Average ranks for ties, and no correction of H for ties.",
      "H is not corrected for ties; tied values share their mean rank.",
    ],
    rounding,
  ],
  answers: [
    { name: "h", written: "is rounded to {#places} decimals" },
    { name: "groups", written: "is a whole number" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      measuredGroups(table)
        .filter(({ group }) => group.distinct >= 3)
        .map(({ group, value }) => ({ group: group.name, value: value.name, least: draw.pick([3, 5, 8]), places: 3 })),
    ),
  reference: (slots) => `
${groupFrame(slots)}
frame = frame[frame.groupby("group")["value"].transform("size") >= ${number(slots, "least")}]
frame["rank"] = frame["value"].rank()
parts = frame.groupby("group")["rank"]
n = len(frame)
h = 12 / (n * (n + 1)) * (parts.size() * (parts.mean() - (n + 1) / 2) ** 2).sum()
print(f"@h[${rounded("h", slots)}] @groups[{parts.ngroups}]")`,
  forget: (slots) => ({ ...slots, least: number(slots, "least") + 10 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. Groups of ${py(text(slots, "group"))} and their sizes.`,
      code: `${groupArrays(slots, facts)}
print({name: len(v) for name, v in list(groups.items())[:20]})`,
    },
    {
      think: `Those with ${number(slots, "least")} rows or more are ranked together.`,
      code: `kept = [v for v in groups.values() if len(v) >= ${number(slots, "least")}]
pool = np.concatenate(kept)
_, place, count = np.unique(pool, return_inverse=True, return_counts=True)
ranks = (np.cumsum(count) - (count - 1) / 2)[place]
print(len(pool), "rows, ranks from", ranks.min(), "to", ranks.max())`,
    },
    {
      think: "H from the rank sums: 12 / (n (n + 1)) * sum of R^2 / n_i, less 3 (n + 1).",
      code: `n = len(pool)
ends = np.cumsum([len(v) for v in kept])
sums = [ranks[end - len(v):end].sum() for v, end in zip(kept, ends)]
h = 12 / (n * (n + 1)) * sum(total ** 2 / len(v) for total, v in zip(sums, kept)) - 3 * (n + 1)
print(f"h = ${rounded("h", slots)}")
print("groups =", len(kept))`,
    },
  ],
};
