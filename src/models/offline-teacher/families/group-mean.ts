import {
  type Family,
  floats,
  label,
  number,
  numeric,
  py,
  remark,
  rounding,
  skipMissing,
  strings,
  text,
  tieByName,
} from "../family.ts";
import { groupings, measures } from "../profile.ts";

/** Which group has the highest or lowest mean. */
export const groupMean: Family = {
  name: "group_mean",
  difficulty: "easy",
  wordings: [
    "Which value of {group} has the {end:highest|lowest} mean of {value}, and what is that mean?",
    "Rows are grouped by {group}. Name the group with the {end:highest|lowest} average {value} and give the average.",
    "Comparing the groups formed by {group}, where is the arithmetic mean of {value} {end:highest|lowest}, and how large is it there?",
    "Average {value} for every {group}. Which of them comes out {end:highest|lowest}, and at what figure?",
    "Who has the {end:highest|lowest} typical {value}, taking the mean by {group}? Give the group and its mean.",
    "Of all groups that {group} makes, find the one whose {value} averages {end:highest|lowest}, and report that average.",
  ],
  constraints: [
    skipMissing,
    [
      "Consider only groups with at least {#least} remaining rows.",
      "Groups with fewer than {#least} remaining rows do not count.",
    ],
    tieByName,
    rounding,
  ],
  answers: [
    { name: "group", written: "is the group as it stands in the data" },
    { name: "mean", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    groupings(table).flatMap((group) =>
      measures(table)
        .filter((value) => value.name !== group.name)
        .map((value) => ({
          group: group.name,
          value: value.name,
          end: draw.pick(["highest", "lowest"]),
          least: draw.pick([2, 3, 5, 10]),
          places: draw.pick([2, 3]),
        })),
    ),
  reference: (slots) => `
frame = pd.DataFrame({"group": ${label(text(slots, "group"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
stats = frame.groupby("group")["value"].agg(["mean", "size"])
means = stats.loc[stats["size"] >= ${number(slots, "least")}, "mean"].sort_index()
best = means.idx${text(slots, "end") === "highest" ? "max" : "min"}()
print(f"@group[{best}] @mean[{means[best]:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, end: text(slots, "end") === "highest" ? "lowest" : "highest" }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I collect the values of each group of ${py(text(slots, "group"))} and look at the sizes.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
groups = {}
for name, entry in zip(labels, values):
    if name is not None and not np.isnan(entry):
        groups.setdefault(name, []).append(entry)
print(len(groups), "groups; sizes:", dict(sorted(((k, len(v)) for k, v in groups.items()), key=lambda kv: kv[1])[:12]))`,
    },
    {
      think: `Now the means of the groups with at least ${number(slots, "least")} rows, and the ${text(slots, "end")} of them.`,
      code: `means = {k: sum(v) / len(v) for k, v in sorted(groups.items()) if len(v) >= ${number(slots, "least")}}
winner = ${text(slots, "end") === "highest" ? "max" : "min"}(means, key=means.get)
print(sorted(means.items(), key=lambda kv: kv[1])[:4], "...", sorted(means.items(), key=lambda kv: kv[1])[-4:])
print("group =", winner)
print(f"mean = {means[winner]:.${number(slots, "places")}f}")`,
    },
  ],
};
