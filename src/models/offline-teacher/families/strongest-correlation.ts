import { type Family, list, number, numeric, pyList, remark, rounding, text } from "../family.ts";
import { measures } from "../profile.ts";

/** Which of several columns moves most with a given one. */
export const strongestCorrelation: Family = {
  name: "strongest_correlation",
  difficulty: "medium",
  wordings: [
    "Among the columns {*others}, which one is most strongly correlated with {value}, and how strongly?",
    "Which of {*others} has the strongest linear association with {value}? Give the coefficient as well.",
    "Rank the columns {*others} by the strength of their linear relation with {value}. Which one leads, and with what coefficient?",
    "If only one of {*others} could be used to follow {value} linearly, which would it be, and what is its correlation?",
  ],
  constraints: [
    [
      "Strength is the absolute value of Pearson's r; report r with its sign.",
      "Compare absolute Pearson correlations but give the signed coefficient.",
    ],
    [
      "Each pair of columns uses the rows where both are present.",
      "Missing values are removed pair by pair, not for all columns at once.",
    ],
    rounding,
  ],
  answers: [
    { name: "column", written: "is the column's name" },
    { name: "r", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) => {
    const columns = measures(table).map((column) => column.name);
    if (columns.length < 4) return [];
    return draw.shuffle(columns).map((value) => ({
      value,
      others: draw.shuffle(columns.filter((other) => other !== value)).slice(0, 5),
      places: 3,
    }));
  },
  reference: (slots) => `
others = ${pyList(list(slots, "others"))}
value = ${numeric(text(slots, "value"))}
found = pd.Series({name: pd.to_numeric(df[name], errors="coerce").corr(value) for name in others})
best = found.abs().idxmax()
print(f"@column[{best}] @r[{found[best]:.${number(slots, "places")}f}]")`,
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I turn all candidates into float arrays and count the complete pairs.`,
      code: `target = pd.to_numeric(df[${JSON.stringify(text(slots, "value"))}], errors="coerce").to_numpy(dtype=float)
others = {name: pd.to_numeric(df[name], errors="coerce").to_numpy(dtype=float) for name in ${pyList(list(slots, "others"))}}
for name, column in others.items():
    print(name, int((~np.isnan(target) & ~np.isnan(column)).sum()), "pairs")`,
    },
    {
      think: "Pearson's r for each candidate over its own complete pairs.",
      code: `found = {}
for name, column in others.items():
    keep = ~np.isnan(target) & ~np.isnan(column)
    found[name] = float(np.corrcoef(target[keep], column[keep])[0, 1])
print(found)
winner = max(found, key=lambda name: abs(found[name]))
print("column =", winner)
print(f"r = {found[winner]:.${number(slots, "places")}f}")`,
    },
  ],
};
