import { type Family, floats, label, number, numeric, py, rounding, skipMissing, strings, text } from "../family.ts";
import { groupings, measures } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** The largest or smallest cell of a pivot table. */
export const pivot: Family = {
  name: "pivot",
  difficulty: "medium",
  wordings: [
    "Build a pivot table of {value} with {a} down the side and {b} across the top, each cell holding the {how:mean|total}. Which cell is the {end:largest|smallest}, and what does it hold?",
    "For which combination of {a} and {b} is the {how:mean|total} of {value} {end:largest|smallest}, and how much is it?",
    "Cross {a} with {b} and fill the table with the {how:mean|total} of {value}. Name the row, the column and the content of the {end:largest|smallest} cell.",
    "Which pair, one value of {a} and one of {b}, has the {end:largest|smallest} {how:mean|total} {value}? Give the pair and the figure.",
  ],
  constraints: [
    skipMissing,
    ["Cells with fewer than {#least} rows stay empty.", "Only cells of at least {#least} rows are compared."],
    [
      "Of equal cells take the one whose row, then column, comes first alphabetically.",
      "Ties are broken alphabetically, by row and then by column.",
    ],
    rounding,
  ],
  answers: [
    { name: "row", written: "is the value of the first column named" },
    { name: "column", written: "is the value of the second" },
    { name: "cell", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) => {
    const columns = groupings(table);
    return draw.shuffle(
      columns.flatMap((a, index) =>
        columns.slice(index + 1).flatMap((b) =>
          measures(table)
            .filter(({ name }) => name !== a.name && name !== b.name)
            .map(({ name }) => ({
              a: a.name,
              b: b.name,
              value: name,
              how: draw.pick(["mean", "total"]),
              end: draw.pick(["largest", "smallest"]),
              least: draw.pick([2, 3]),
              places: 2,
            })),
        ),
      ),
    );
  },
  reference: (slots) => `
frame = pd.DataFrame({"a": ${label(text(slots, "a"))}, "b": ${label(text(slots, "b"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
sizes = frame.pivot_table(index="a", columns="b", values="value", aggfunc="size")
cells = frame.pivot_table(index="a", columns="b", values="value", aggfunc="${text(slots, "how") === "mean" ? "mean" : "sum"}")
flat = cells.where(sizes >= ${number(slots, "least")}).stack().dropna().sort_index().round(9)
row, column = flat.idx${text(slots, "end") === "largest" ? "max" : "min"}()
print(f"@row[{row}] @column[{column}] @cell[${rounded("flat[(row, column)]", slots)}]")`,
  forget: (slots) => ({ ...slots, end: text(slots, "end") === "largest" ? "smallest" : "largest" }),
  solve: (slots, facts) => [
    {
      think: `I collect ${py(text(slots, "value"))} for each pair of ${py(text(slots, "a"))} and ${py(text(slots, "b"))}.`,
      code: `${strings("rows", text(slots, "a"))}
${strings("columns", text(slots, "b"))}
${floats("values", text(slots, "value"), facts)}
cells = {}
for one, two, entry in zip(rows, columns, values):
    if one is not None and two is not None and entry == entry:
        cells.setdefault((one, two), []).append(entry)
print(len(cells), "cells are filled; sizes from", min(map(len, cells.values())), "to", max(map(len, cells.values())))`,
    },
    {
      think: `Now the ${text(slots, "how")} of each cell that is large enough.`,
      code: `filled = {pair: round(sum(v)${text(slots, "how") === "mean" ? " / len(v)" : ""}, 9) for pair, v in sorted(cells.items()) if len(v) >= ${number(slots, "least")}}
print(len(filled), "cells are compared")`,
    },
    {
      think: `The ${text(slots, "end")} of them.`,
      code: `row, column = ${text(slots, "end") === "largest" ? "max" : "min"}(filled, key=filled.get)
print("row =", row)
print("column =", column)
print(f"cell = ${rounded("filled[(row, column)]", slots)}")`,
    },
  ],
};
