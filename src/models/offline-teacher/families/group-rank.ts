import { type Family, number, py, remark, rounding, skipMissing, text } from "../family.ts";
import { measuredLevels } from "../profile.ts";
import { groupArrays, groupFrame, rounded } from "../snippets.ts";

/** The place of one group among all. */
export const groupRank: Family = {
  name: "group_rank",
  difficulty: "easy",
  wordings: [
    "Order the groups of {group} by their median {value}, largest first. At which place is {level}, and what is its median?",
    "Which rank does {level} hold among the values of {group} by median {value} (1 is the largest), and how large is that median?",
    "If every {group} is ranked by the median of {value} from high to low, where does {level} stand, and with what median?",
  ],
  constraints: [
    skipMissing,
    ["Only groups with at least {#least} rows are ranked.", "Rank only groups of {#least} rows or more."],
    [
      "The place is one more than the number of groups with a larger median.",
      "Equal medians share a place: one plus the number of groups above.",
    ],
    rounding,
  ],
  answers: [
    { name: "place", written: "is a whole number" },
    { name: "median", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    measuredLevels(table, draw, {
      rows: 12,
      take: 2,
      more: () => ({ least: draw.pick([2, 4, 5]), places: draw.pick([2, 3]) }),
    }),
  reference: (slots) => `
${groupFrame(slots)}
parts = frame.groupby("group")["value"]
medians = parts.median()[parts.size() >= ${number(slots, "least")}]
mine = medians[${py(text(slots, "level"))}]
print(f"@place[{int((medians > mine).sum()) + 1}] @median[${rounded("mine", slots)}]")`,
  forget: (slots) => ({ ...slots, upwards: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. Values of each group of ${py(text(slots, "group"))}.`,
      code: `${groupArrays(slots, facts)}
print(len(groups), "groups,", len(groups[${py(text(slots, "level"))}]), "rows in the one asked about")`,
    },
    {
      think: `Medians of those with ${number(slots, "least")} rows or more, in order.`,
      code: `medians = {name: float(np.median(v)) for name, v in groups.items() if len(v) >= ${number(slots, "least")}}
print(sorted(medians.items(), key=lambda item: -item[1])[:5])
mine = medians[${py(text(slots, "level"))}]
print("place =", 1 + sum(other ${"upwards" in slots ? "<" : ">"} mine for other in medians.values()))
print(f"median = ${rounded("mine", slots)}")`,
    },
  ],
};
