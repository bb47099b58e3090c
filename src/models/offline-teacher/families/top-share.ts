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

/** What share of a total the k largest groups hold. */
export const topShare: Family = {
  name: "top_k_share",
  difficulty: "medium",
  wordings: [
    "What percentage of the total {value} belongs to the {#k} values of {group} with the largest totals?",
    "Sum {value} by {group}. Which percentage of the grand total do the top {#k} groups hold together?",
    "How concentrated is {value}: what percent of its overall sum falls to the {#k} biggest groups of {group}?",
    "Do few values of {group} dominate {value}? Give the percentage that the {#k} largest hold of the sum.",
    "Out of 100 units of {value}, how many belong to the {#k} leading groups of {group}?",
  ],
  constraints: [
    skipMissing,
    ["The percentage runs from 0 to 100.", "Give a percentage between 0 and 100, without a sign."],
    rounding,
  ],
  answers: [{ name: "share", written: "is a percentage rounded to {#places} decimals" }],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      groupings(table)
        .filter((group) => group.distinct >= 3)
        .flatMap((group) =>
          measures(table)
            .filter((value) => value.name !== group.name && !(value.min ?? "").startsWith("-"))
            .map((value) => ({
              group: group.name,
              value: value.name,
              k: group.distinct <= 4 ? 1 : draw.pick([2, 3]),
              places: draw.pick([2, 3]),
            })),
        ),
    ),
  reference: (slots) => `
frame = pd.DataFrame({"group": ${label(text(slots, "group"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
totals = frame.groupby("group")["value"].sum()
print(f"@share[{100 * totals.nlargest(${number(slots, "k")}).sum() / totals.sum():.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, k: number(slots, "k") + 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. Totals per group first.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
totals = {}
for name, entry in zip(labels, values):
    if name is not None and entry == entry:
        totals[name] = totals.get(name, 0.0) + entry
ordered = sorted(totals.items(), key=lambda kv: -kv[1])
print(len(ordered), "groups; largest:", ordered[:5])`,
    },
    {
      think: `The first ${number(slots, "k")} against all.`,
      code: `whole = sum(total for _, total in ordered)
top = sum(total for _, total in ordered[:${number(slots, "k")}])
print("top", top, "of", whole)
print(f"share = {100 * top / whole:.${number(slots, "places")}f}")`,
    },
  ],
};
