import { type Family, list, number, pyList, rounding, tieByName } from "../family.ts";
import { gappy } from "../profile.ts";

/** Where values are missing, and how many rows are whole. */
export const missingValues: Family = {
  name: "missing_values",
  difficulty: "easy",
  most: 2,
  wordings: [
    "Which of the columns {*columns} has the most missing values, and what percentage of all rows has at least one of these columns missing?",
    "Looking at {*columns}: name the column with the most gaps, and give the percentage of rows that lack at least one of them.",
    "Where are the most gaps among {*columns}, and which percentage of rows would be lost by dropping incomplete ones?",
    "Check {*columns} for completeness: which column is the worst, and what share of the rows in percent is incomplete?",
  ],
  constraints: [
    [
      "A value is missing when pandas reads it as NaN or None; percentages run from 0 to 100.",
      "Missing means NaN or None after reading the file with pandas; give the percentage between 0 and 100.",
    ],
    tieByName,
    rounding,
  ],
  answers: [
    { name: "column", written: "is the column's name" },
    { name: "percent", written: "is rounded to {#places} decimals" },
  ],
  numeric: [],
  propose: (table, draw) => {
    const names = gappy(table).map((column) => column.name);
    if (names.length < 2) return [];
    const sets = [names, draw.shuffle(names).slice(0, 3), draw.shuffle(names).slice(0, 2)];
    return sets.map((columns) => ({ columns: columns.slice(0, 6), places: draw.pick([2, 3]) }));
  },
  reference: (slots) => `
gaps = df[${pyList(list(slots, "columns"))}].isna()
counts = gaps.sum().sort_index()
print(f"@column[{counts.idxmax()}] @percent[{100 * gaps.any(axis=1).mean():.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, columns: list(slots, "columns").slice(0, -1) }),
  solve: (slots) => [
    {
      think: "I count the gaps column by column.",
      code: `columns = ${pyList(list(slots, "columns"))}
gaps = {name: [bool(pd.isnull(entry)) for entry in df[name].tolist()] for name in columns}
counts = {name: sum(gaps[name]) for name in sorted(columns)}
print(counts, "of", len(df))`,
    },
    {
      think: "Then the rows in which at least one of them is missing.",
      code: `lacking = sum(any(row) for row in zip(*gaps.values()))
print(lacking, "rows lack at least one")
print("column =", max(counts, key=counts.get))
print(f"percent = {100 * lacking / len(df):.${number(slots, "places")}f}")`,
    },
  ],
};
