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
  tieByName,
} from "../family.ts";
import { groupings, measures } from "../profile.ts";

/** Which group varies most, relative to its mean. */
export const variation: Family = {
  name: "variation",
  difficulty: "medium",
  wordings: [
    "Within which {group} does {value} vary most relative to its mean (coefficient of variation), and by how much?",
    "For each {group} divide the standard deviation of {value} by its mean. Which group has the largest ratio, and what is it?",
    "Relative to its level, where is {value} least steady: which {group} has the greatest coefficient of variation, and how great is it?",
    "Find the {group} with the most relative scatter in {value} (standard deviation over mean), and state that quotient.",
  ],
  constraints: [
    skipMissing,
    [
      "Standard deviations use ddof={#ddof}; only groups with at least {#least} remaining rows and a positive mean count.",
      "Take ddof={#ddof} for the standard deviation, and only groups of {#least} or more remaining rows whose mean is positive.",
    ],
    tieByName,
    rounding,
  ],
  answers: [
    { name: "group", written: "is the group as it stands in the data" },
    { name: "ratio", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      groupings(table).flatMap((group) =>
        measures(table)
          .filter((value) => value.name !== group.name)
          .map((value) => ({
            group: group.name,
            value: value.name,
            ddof: draw.pick([0, 1]),
            least: draw.pick([4, 6]),
            places: 3,
          })),
      ),
    ),
  reference: (slots) => `
frame = pd.DataFrame({"group": ${label(text(slots, "group"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
parts = frame.groupby("group")["value"]
table = pd.DataFrame({"mean": parts.mean(), "sd": parts.std(ddof=${number(slots, "ddof")}), "size": parts.size()})
table = table[(table["size"] >= ${number(slots, "least")}) & (table["mean"] > 0)].sort_index()
ratio = table["sd"] / table["mean"]
print(f"@group[{ratio.idxmax()}] @ratio[{ratio.max():.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, plain: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. Values by group first.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
groups = {}
for name, entry in zip(labels, values):
    if name is not None and entry == entry:
        groups.setdefault(name, []).append(entry)
groups = {k: np.array(v) for k, v in sorted(groups.items()) if len(v) >= ${number(slots, "least")} and np.mean(v) > 0}
print(len(groups), "groups count")`,
    },
    {
      think: `Standard deviation with ddof=${number(slots, "ddof")} over mean, group by group.`,
      code: `ratios = {k: float(np.sqrt(np.sum((v - v.mean()) ** 2) / (len(v) - ${number(slots, "ddof")}))${"plain" in slots ? "" : " / v.mean()"}) for k, v in groups.items()}
winner = max(ratios, key=ratios.get)
print(sorted(ratios.items(), key=lambda kv: -kv[1])[:4])
print("group =", winner)
print(f"ratio = {ratios[winner]:.${number(slots, "places")}f}")`,
    },
  ],
};
