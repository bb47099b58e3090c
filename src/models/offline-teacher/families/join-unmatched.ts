import { type Family, label, py, rounding, text } from "../family.ts";
import { loadForReference, readerForSolving } from "../loading.ts";
import { rounded } from "../snippets.ts";

/** How many keys of one file nobody in another refers to. */
export const joinUnmatched: Family = {
  name: "join_unmatched",
  difficulty: "medium",
  joins: true,
  wordings: [
    "How many of the different values of {otherKey} in {other} never occur in {key} of the main table, and what percentage of them is that?",
    "Compare {key} with {otherKey} of the file {other}. How many distinct values of the latter stay without a match, as a number and in percent?",
    "The file {other} lists {otherKey}. Count the entries that no row of the main table refers to through {key}, and give their share in percent.",
  ],
  constraints: [
    [
      "Missing keys do not count on either side, and each value counts once.",
      "Leave missing keys out of both files and count every distinct value once.",
    ],
    rounding,
  ],
  answers: [
    { name: "unmatched", written: "is a whole number" },
    { name: "percent", written: "is a percentage rounded to {#places} decimals" },
  ],
  numeric: [],
  propose: (table, draw) =>
    table.joins.map(({ column, other, otherColumn }) => ({
      key: column,
      other: other.file,
      otherKey: otherColumn,
      places: draw.pick([1, 2]),
    })),
  reference: (slots) => `
referred = ${label(text(slots, "key"))}.dropna().unique()
${loadForReference(text(slots, "other"))}
listed = ${label(text(slots, "otherKey"))}.dropna().drop_duplicates()
alone = ~listed.isin(referred)
print(f"@unmatched[{int(alone.sum())}] @percent[${rounded("100 * alone.mean()", slots)}]")`,
  forget: (slots) => ({ ...slots, reversed: 1 }),
  solve: (slots) => [
    {
      think: "Both sets of keys, as texts, so that their types cannot get in the way.",
      code: `other = ${readerForSolving(text(slots, "other"))}
here = {str(entry) for entry in df[${py(text(slots, "key"))}] if not pd.isna(entry)}
there = {str(entry) for entry in other[${py(text(slots, "otherKey"))}] if not pd.isna(entry)}
print(len(here), "keys here,", len(there), "keys there,", len(here & there), "in both")`,
    },
    {
      think: `What stands in ${text(slots, "other")} only.`,
      code: `${"reversed" in slots ? "alone, listed = here - there, here" : "alone, listed = there - here, there"}
print("unmatched =", len(alone))
print(f"percent = ${rounded("100 * len(alone) / len(listed)", slots)}")`,
    },
  ],
};
