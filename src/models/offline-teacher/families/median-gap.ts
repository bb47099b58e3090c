import {
  type Family,
  floats,
  label,
  number,
  numeric,
  remark,
  rounding,
  skipMissing,
  strings,
  text,
} from "../family.ts";
import { groupings, measures } from "../profile.ts";

/** How far apart the group medians lie. */
export const medianGap: Family = {
  name: "median_gap",
  difficulty: "medium",
  wordings: [
    "How far apart are the largest and the smallest group median of {value} when rows are grouped by {group}?",
    "Take the median of {value} within each {group}. What is the difference between the largest and the smallest of these medians?",
    "The medians of {value} differ between the groups of {group}. By how much do the two most extreme ones differ?",
    "Subtract the lowest from the highest group median of {value}, the groups being those of {group}. What comes out?",
  ],
  constraints: [
    skipMissing,
    [
      "Only groups with at least {#least} remaining rows take part.",
      "Ignore groups that keep fewer than {#least} rows.",
    ],
    rounding,
  ],
  answers: [{ name: "median_gap", written: "is rounded to {#places} decimals" }],
  numeric: ["value"],
  propose: (table, draw) =>
    groupings(table).flatMap((group) =>
      measures(table)
        .filter((value) => value.name !== group.name)
        .map((value) => ({ group: group.name, value: value.name, least: draw.pick([3, 5, 8]), places: 2 })),
    ),
  reference: (slots) => `
frame = pd.DataFrame({"group": ${label(text(slots, "group"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
stats = frame.groupby("group")["value"].agg(["median", "size"])
medians = stats.loc[stats["size"] >= ${number(slots, "least")}, "median"]
print(f"@median_gap[{medians.max() - medians.min():.${number(slots, "places")}f}]")`,
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I sort the values of each group so that I can read the medians off.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
groups = {}
for name, entry in zip(labels, values):
    if name is not None and entry == entry:
        groups.setdefault(name, []).append(entry)
large = {k: sorted(v) for k, v in groups.items() if len(v) >= ${number(slots, "least")}}
print(len(groups), "groups,", len(large), "of them large enough")`,
    },
    {
      think: "The middle value (or the mean of the two middle values) of each sorted group, then the spread of these.",
      code: `middle = {k: (v[(len(v) - 1) // 2] + v[len(v) // 2]) / 2 for k, v in large.items()}
print(sorted(middle.items(), key=lambda kv: kv[1])[:5], "...", sorted(middle.items(), key=lambda kv: kv[1])[-2:])
print(f"median_gap = {max(middle.values()) - min(middle.values()):.${number(slots, "places")}f}")`,
    },
  ],
  forget: (slots) => ({ ...slots, least: 1, places: 0 }),
};
