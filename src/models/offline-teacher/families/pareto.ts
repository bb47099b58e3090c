import { type Family, floats, label, number, numeric, remark, skipMissing, strings, text } from "../family.ts";
import { groupings, measures } from "../profile.ts";

/** How few groups hold most of a total. */
export const pareto: Family = {
  name: "pareto",
  difficulty: "hard",
  wordings: [
    "What is the smallest number of values of {group} that together account for at least {#percent} percent of all {value}?",
    "Order the groups of {group} by their total {value}, largest first. How many of them does it take to reach {#percent} percent of the overall sum?",
    "Starting with the biggest, how many groups of {group} are needed before they hold {#percent} percent of {value}?",
    "A share of {#percent} percent of all {value} sits in how few values of {group}?",
  ],
  constraints: [
    skipMissing,
    [
      "Take the groups in order of falling totals and count until their sum is at least that share of the total.",
      "Groups are added from the largest total down, and the one that reaches the share is counted.",
    ],
  ],
  answers: [{ name: "groups", written: "is a whole number" }],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      groupings(table)
        .filter((group) => group.distinct >= 6)
        .flatMap((group) =>
          measures(table)
            .filter((value) => value.name !== group.name && !(value.min ?? "").startsWith("-"))
            .map((value) => ({ group: group.name, value: value.name, percent: draw.pick([50, 65, 80, 90]) })),
        ),
    ),
  reference: (slots) => `
frame = pd.DataFrame({"group": ${label(text(slots, "group"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
totals = frame.groupby("group")["value"].sum().sort_values(ascending=False)
print(f"@groups[{int((totals.cumsum() < ${number(slots, "percent") / 100} * totals.sum()).sum()) + 1}]")`,
  forget: (slots) => ({ ...slots, rising: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I add up each group.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
totals = {}
for name, entry in zip(labels, values):
    if name is not None and entry == entry:
        totals[name] = totals.get(name, 0.0) + entry
ordered = sorted(totals.values()${"rising" in slots ? "" : ", reverse=True"})
print(len(ordered), "groups, total", sum(ordered), "first three", ordered[:3])`,
    },
    {
      think: "Then I walk down the list until the share is reached.",
      code: `goal, held, needed = ${number(slots, "percent")} * sum(ordered) / 100, 0.0, 0
for total in ordered:
    if held >= goal:
        break
    held, needed = held + total, needed + 1
print("held", held, "goal", goal)
print("groups =", needed)`,
    },
  ],
};
