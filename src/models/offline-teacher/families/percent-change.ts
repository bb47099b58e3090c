import { type Family, floats, numeric, remark, rounding, skipMissing, text } from "../family.ts";
import { measures, yearSources } from "../profile.ts";
import { rounded, yearArray, yearSeries, yearsFrom } from "../snippets.ts";

/** The change in percent from the first to the last year. */
export const percentChange: Family = {
  name: "percent_change",
  difficulty: "medium",
  wordings: [
    "By how many percent did the yearly {how:mean|total|median} of {value} change from the first to the last year?",
    "Take the {how:mean|total|median} of {value} in the earliest and in the latest year. What is the percent change between them?",
    "Compared with the first year in the data, how much higher or lower (in percent) is the {how:mean|total|median} {value} of the last year?",
    "What is the relative change, in percent, of the annual {how:mean|total|median} of {value} over the whole period?",
  ],
  constraints: [
    skipMissing,
    yearsFrom,
    [
      "First and last year are those among the rows used; a decrease is negative.",
      "Take the first and the last year that have a row used. The sign tells an increase from a decrease.",
    ],
    rounding,
  ],
  answers: [{ name: "percent_change", written: "is rounded to {#places} decimals" }],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      yearSources(table).flatMap((source) =>
        measures(table).flatMap(({ name }) =>
          draw
            .shuffle(["mean", "total", "median"])
            .slice(0, 2)
            .map((how) => ({ ...source, value: name, how, places: draw.pick([1, 2]) })),
        ),
      ),
    ),
  reference: (slots) => `
frame = pd.DataFrame({"year": ${yearSeries(slots)}, "value": ${numeric(text(slots, "value"))}}).dropna()
yearly = frame.groupby("year")["value"].${{ total: "sum", median: "median" }[text(slots, "how")] ?? "mean"}().sort_index()
assert len(yearly) > 1 and yearly.iloc[0] != 0
print(f"@percent_change[${rounded("100 * (yearly.iloc[-1] - yearly.iloc[0]) / abs(yearly.iloc[0])", slots)}]")`,
  forget: (slots) => ({ ...slots, how: text(slots, "how") === "mean" ? "total" : "mean" }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. Which years are there?`,
      code: `${yearArray(slots)}
${floats("values", text(slots, "value"), facts)}
keep = ~np.isnan(year) & ~np.isnan(values)
year, values = year[keep], values[keep]
print("years", year.min(), "to", year.max(), "with", int((year == year.min()).sum()), "and", int((year == year.max()).sum()), "rows at the ends")`,
    },
    {
      think: `The ${text(slots, "how")} at both ends, and the change against the first.`,
      code: `start, stop = (float(np.${{ total: "sum", median: "median" }[text(slots, "how")] ?? "mean"}(values[year == one])) for one in (year.min(), year.max()))
print("from", start, "to", stop)
print(f"percent_change = ${rounded("(stop - start) / abs(start) * 100", slots)}")`,
    },
  ],
};
