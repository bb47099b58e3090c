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
import { isNonNegative, measuredGroups, measures } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** The group with the highest or lowest ratio of two totals. */
export const ratioByGroup: Family = {
  name: "ratio_by_group",
  difficulty: "medium",
  wordings: [
    "For which {group} is the total of {x} relative to the total of {y} {end:highest|lowest}, and what is that ratio?",
    "Divide, for each {group}, the sum of {x} by the sum of {y}. Where is the quotient {end:highest|lowest}, and how large is it?",
    "How much {x} comes with each unit of {y}? Name the value of {group} where this ratio of sums is {end:highest|lowest}, and the ratio.",
  ],
  constraints: [
    skipMissing,
    [
      "Only groups of at least {#least} rows and with a positive sum below the line count.",
      "Groups with fewer than {#least} rows, or whose divisor does not sum to more than 0, are passed over.",
    ],
    tieByName,
    rounding,
  ],
  answers: [
    { name: "group", written: "is the group as it stands in the data" },
    { name: "ratio", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["x", "y"],
  propose: (table, draw) =>
    draw.shuffle(
      measuredGroups(table).flatMap(({ group, value }) =>
        measures(table)
          .filter((y) => y.name !== value.name && y.name !== group.name && isNonNegative(y))
          .map((y) => ({
            group: group.name,
            x: value.name,
            y: y.name,
            end: draw.pick(["highest", "lowest"]),
            least: draw.pick([3, 5]),
            places: 3,
          })),
      ),
    ),
  reference: (slots) => `
frame = pd.DataFrame({"group": ${label(text(slots, "group"))}, "x": ${numeric(text(slots, "x"))}, "y": ${numeric(text(slots, "y"))}}).dropna()
sums = frame.groupby("group")[["x", "y"]].sum()[frame.groupby("group").size() >= ${number(slots, "least")}]
sums = sums[sums["y"] > 0].sort_index()
ratio = (sums["x"] / sums["y"]).round(9)
best = ratio.idx${text(slots, "end") === "highest" ? "max" : "min"}()
print(f"@group[{best}] @ratio[${rounded("ratio[best]", slots)}]")`,
  forget: (slots) => ({ ...slots, perRow: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "x"), facts)}; ${remark(text(slots, "y"), facts)}. Both columns by ${py(text(slots, "group"))}, whole rows only.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("above", text(slots, "x"), facts)}
${floats("below", text(slots, "y"), facts)}
parts = {}
for name, one, two in zip(labels, above, below):
    if name is not None and one == one and two == two:
        parts.setdefault(name, []).append((one, two))
print(len(parts), "groups; smallest size", min(map(len, parts.values())))`,
    },
    {
      think: "The ratio of the two sums of each group that counts.",
      code: `ratios = {}
for name, pairs in sorted(parts.items()):
    one, two = sum(p[0] for p in pairs), sum(p[1] for p in pairs)
    if len(pairs) >= ${number(slots, "least")} and two > 0:
        ratios[name] = round(${"perRow" in slots ? "one / len(pairs)" : "one / two"}, 9)
print(len(ratios), "groups are compared")`,
    },
    {
      think: `And the ${text(slots, "end")}.`,
      code: `winner = ${text(slots, "end") === "highest" ? "max" : "min"}(ratios, key=ratios.get)
print("group =", winner)
print(f"ratio = ${rounded("ratios[winner]", slots)}")`,
    },
  ],
};
