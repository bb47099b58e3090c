import { type Family, floats, label, numeric, py, rounding, skipMissing, strings, text } from "../family.ts";
import { isNonNegative, measuredLevels, measures, yearSources } from "../profile.ts";
import { rounded, yearArray, yearSeries, yearsFrom } from "../snippets.ts";

/** A group's share of a total, year by year. */
export const shareOverTime: Family = {
  name: "share_over_time",
  difficulty: "hard",
  wordings: [
    "In which year was the share of {group} {level} in the total {value} {end:largest|smallest}, and what percentage was it?",
    "Track what part of each year's {value} falls to {level} ({group}). When is that part {end:largest|smallest}, and how many percent is it then?",
    "Year by year, which percentage of the sum of {value} comes from rows with {group} {level}? Name the year with the {end:largest|smallest} percentage, and give it.",
  ],
  constraints: [
    skipMissing,
    yearsFrom,
    [
      "Years in which the total is not positive are passed over; a year without the group has a share of 0; ties go to the earlier year.",
      "Only years with a positive total count, the share is 0 where the group is absent, and of equal years take the earlier.",
    ],
    rounding,
  ],
  answers: [
    { name: "year", written: "is a year" },
    { name: "percent", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) => {
    const plain = new Set(
      measures(table)
        .filter(isNonNegative)
        .map(({ name }) => name),
    );
    return draw.shuffle(
      yearSources(table).flatMap((source) =>
        measuredLevels(table, draw, {
          rows: 10,
          take: 2,
          more: () => ({ ...source, end: draw.pick(["largest", "smallest"]), places: draw.pick([1, 2]) }),
        }).filter(({ group, value, time }) => plain.has(value) && time !== group && time !== value),
      ),
    );
  },
  reference: (slots) => `
frame = pd.DataFrame({"year": ${yearSeries(slots)}, "group": ${label(text(slots, "group"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
whole = frame.groupby("year")["value"].sum()
part = frame[frame["group"] == ${py(text(slots, "level"))}].groupby("year")["value"].sum().reindex(whole.index).fillna(0)
share = (100 * part / whole)[whole > 0].sort_index().round(9)
best = share.idx${text(slots, "end") === "largest" ? "max" : "min"}()
print(f"@year[{int(best)}] @percent[${rounded("share[best]", slots)}]")`,
  forget: (slots) => ({ ...slots, end: text(slots, "end") === "largest" ? "smallest" : "largest" }),
  solve: (slots, facts) => [
    {
      think: "Year, group and value of each row, whole rows only.",
      code: `${yearArray(slots)}
${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
rows = [(int(y), k, v) for y, k, v in zip(year, labels, values) if y == y and k is not None and v == v]
print(len(rows), "rows, years", min(rows)[0], "to", max(rows)[0])`,
    },
    {
      think: `Totals of each year, all and ${text(slots, "level")} alone.`,
      code: `whole, part = {}, {}
for y, k, v in rows:
    whole[y] = whole.get(y, 0.0) + v
    part[y] = part.get(y, 0.0) + (v if k == ${py(text(slots, "level"))} else 0.0)
print("totals of the first years:", [(y, whole[y], part[y]) for y in sorted(whole)[:4]])`,
    },
    {
      think: `Shares in percent, and the ${text(slots, "end")}.`,
      code: `share = {y: round(100 * part[y] / whole[y], 9) for y in sorted(whole) if whole[y] > 0}
best = ${text(slots, "end") === "largest" ? "max" : "min"}(share, key=share.get)
print("year =", best)
print(f"percent = ${rounded("share[best]", slots)}")`,
    },
  ],
};
