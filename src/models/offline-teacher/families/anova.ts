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

/** One-way analysis of variance: F and eta squared. */
export const anova: Family = {
  name: "anova",
  difficulty: "hard",
  wordings: [
    "Does the mean of {value} depend on {group}? Report the F statistic of a one-way ANOVA and eta squared.",
    "Run a one-way analysis of variance of {value} across the groups of {group}. What are F and eta squared?",
    "How much of the variance of {value} lies between the groups of {group}? Report F and eta squared.",
    "Test equality of the group means of {value} over {group}: give F of the one-way ANOVA, and eta squared as effect size.",
  ],
  constraints: [
    skipMissing,
    [
      "Only groups with at least {#least} remaining rows enter the analysis.",
      "Leave out groups that have fewer than {#least} rows after that.",
    ],
    [
      "Eta squared is the between-group sum of squares over the total one.",
      "Eta squared means SS between divided by SS total.",
    ],
    rounding,
  ],
  answers: [
    { name: "f", written: "is rounded to {#places} decimals" },
    { name: "eta_squared", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      groupings(table)
        .filter((group) => group.distinct >= 3)
        .flatMap((group) =>
          measures(table)
            .filter((value) => value.name !== group.name)
            .map((value) => ({ group: group.name, value: value.name, least: draw.pick([2, 5, 8]), places: 3 })),
        ),
    ),
  reference: (slots) => `
frame = pd.DataFrame({"group": ${label(text(slots, "group"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
frame["value"] = frame["value"].astype(float)
frame = frame[frame.groupby("group")["value"].transform("size") >= ${number(slots, "least")}]
parts = frame.groupby("group")["value"]
within = ((parts.size() - 1) * parts.var()).sum()
total = (len(frame) - 1) * frame["value"].var()
k = parts.ngroups
f = ((total - within) / (k - 1)) / (within / (len(frame) - k))
print(f"@f[{f:.${number(slots, "places")}f}] @eta_squared[{1 - within / total:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, rootless: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. Groups and their sizes first.`,
      code: `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
groups = {}
for name, entry in zip(labels, values):
    if name is not None and entry == entry:
        groups.setdefault(name, []).append(entry)
groups = [np.array(v) for v in groups.values() if len(v) >= ${number(slots, "least")}]
n = sum(len(v) for v in groups)
print(len(groups), "groups,", n, "rows")`,
    },
    {
      think: "Sums of squares between and within the groups.",
      code: `grand = np.concatenate(groups).mean()
between = sum(len(v) * (v.mean() - grand) ** 2 for v in groups)
within = sum(np.sum((v - v.mean()) ** 2) for v in groups)
print("between", between, "within", within)
print(f"f = {between / (len(groups) - 1) / (within / (n - len(groups))):.${number(slots, "places")}f}")
print(f"eta_squared = {between / ${"rootless" in slots ? "within" : "(between + within)"}:.${number(slots, "places")}f}")`,
    },
  ],
};
