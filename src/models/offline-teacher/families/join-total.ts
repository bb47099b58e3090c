import { type Family, floats, label, numeric, py, remark, rounding, text, tieByName } from "../family.ts";
import { loadForReference, readerForSolving } from "../loading.ts";
import { groupings, measures } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** A measure of one file, summed up by a column of another. */
export const joinTotal: Family = {
  name: "join_total",
  difficulty: "hard",
  joins: true,
  wordings: [
    "Join {key} of the main table with {otherKey} of {other}. Which {group} there has the {end:highest|lowest} {how:mean|total} of {value}, and how much is it?",
    "The column {key} refers to {otherKey} in the file {other}. By the {group} found there, where is the {how:mean|total} of {value} {end:highest|lowest}, and what is it?",
    "Look each {key} up in {other} (column {otherKey}) and group the rows by the {group} that it gives. Name the group with the {end:highest|lowest} {how:mean|total} of {value} and that figure.",
  ],
  constraints: [
    [
      "Rows without a partner, without a group or without a value are dropped.",
      "Keep only rows whose key has a partner and that have a group and a readable value.",
      "This is an inner join; a row that then lacks the group or the value is left out.",
    ],
    tieByName,
    rounding,
  ],
  answers: [
    { name: "group", written: "is the group as it stands in the data" },
    { name: "result", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      table.joins.flatMap(({ column, other, otherColumn }) =>
        groupings(other)
          .filter((group) => group.name !== otherColumn)
          .flatMap((group) =>
            measures(table)
              .filter(({ name }) => name !== column)
              .map(({ name }) => ({
                key: column,
                other: other.file,
                otherKey: otherColumn,
                group: group.name,
                value: name,
                how: draw.pick(["mean", "total"]),
                end: draw.pick(["highest", "lowest"]),
                places: 2,
              })),
          ),
      ),
    ),
  reference: (slots) => `
left = pd.DataFrame({"key": ${label(text(slots, "key"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
${loadForReference(text(slots, "other"))}
right = pd.DataFrame({"key": ${label(text(slots, "otherKey"))}, "group": ${label(text(slots, "group"))}}).dropna(subset=["key"])
joined = left.merge(right, on="key", how="inner").dropna()
found = joined.groupby("group")["value"].${text(slots, "how") === "mean" ? "mean" : "sum"}().sort_index().round(9)
best = found.idx${text(slots, "end") === "highest" ? "max" : "min"}()
print(f"@group[{best}] @result[${rounded("found[best]", slots)}]")`,
  forget: (slots) => ({ ...slots, how: text(slots, "how") === "mean" ? "total" : "mean" }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. The other file comes next: is ${py(text(slots, "otherKey"))} unique there?`,
      code: `other = ${readerForSolving(text(slots, "other"))}
print(other.shape, other.columns.tolist())
print("rows", len(other), "distinct keys", other[${py(text(slots, "otherKey"))}].nunique(), "missing", int(other[${py(text(slots, "otherKey"))}].isna().sum()))`,
    },
    {
      think: `Each key stands for one ${py(text(slots, "group"))}: a dictionary does the join. How many rows find a partner?`,
      code: `place = {str(k): None if pd.isna(v) else str(v) for k, v in zip(other[${py(text(slots, "otherKey"))}], other[${py(text(slots, "group"))}]) if not pd.isna(k)}
${floats("values", text(slots, "value"), facts)}
keys = [None if pd.isna(entry) else str(entry) for entry in df[${py(text(slots, "key"))}]]
print(sum(key in place for key in keys), "of", len(keys), "rows have a partner")`,
    },
    {
      think: `Values by ${py(text(slots, "group"))}, then the ${text(slots, "end")} ${text(slots, "how")}.`,
      code: `parts = {}
for key, entry in zip(keys, values):
    if entry == entry and place.get(key) is not None:
        parts.setdefault(place[key], []).append(entry)
found = {name: round(sum(v)${text(slots, "how") === "mean" ? " / len(v)" : ""}, 9) for name, v in sorted(parts.items())}
winner = ${text(slots, "end") === "highest" ? "max" : "min"}(found, key=found.get)
print(len(found), "groups")
print("group =", winner)
print(f"result = ${rounded("found[winner]", slots)}")`,
    },
  ],
};
