import { type Family, number, remark, rounding, skipMissing, text } from "../family.ts";
import { dates, measures } from "../profile.ts";
import { dailyArrays, dailySeries, rounded } from "../snippets.ts";

/** The highest or lowest mean of a rolling window. */
export const rollingMean: Family = {
  name: "rolling_mean",
  difficulty: "hard",
  wordings: [
    "Over {#window} consecutive dates of {date}, where does the rolling mean of {value} reach its {end:maximum|minimum}? Give the last date of that window and the mean.",
    "Smooth {value} with a moving average of {#window} dates along {date}. When does the smoothed series have its {end:maximum|minimum}, and how large is it?",
    "Sort by {date} and average {value} over every window of {#window} dates in a row. Which window holds the {end:maximum|minimum} (name its final date), and what is its mean?",
  ],
  constraints: [
    skipMissing,
    [
      "Rows of one calendar date are averaged first; windows are counted in dates present, and only full windows count.",
      "First take the mean of each calendar date. A window is made of dates that occur in the data, and incomplete ones are ignored.",
    ],
    ["Of equal windows take the earliest.", "Ties go to the window that ends first."],
    rounding,
  ],
  answers: [
    { name: "date", written: "is written YYYY-MM-DD" },
    { name: "mean", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    dates(table)
      .filter(({ distinct }) => distinct >= 10)
      .flatMap((when) =>
        measures(table).map(({ name }) => ({
          date: when.name,
          value: name,
          window: draw.pick(when.distinct >= 60 ? [3, 5, 7, 10, 14] : [3, 4, 5]),
          end: draw.pick(["maximum", "minimum"]),
          places: draw.pick([2, 3]),
        })),
      ),
  reference: (slots) => `
${dailySeries(slots, "mean")}
smooth = daily.rolling(${number(slots, "window")}).mean().dropna().round(8)
best = smooth.idx${text(slots, "end") === "maximum" ? "max" : "min"}()
print(f"@date[{best}] @mean[${rounded("smooth[best]", slots)}]")`,
  forget: (slots) => ({ ...slots, window: number(slots, "window") + 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. One mean for each date, in order.`,
      code: `${dailyArrays(slots, facts, "mean")}
print(len(days), "dates from", days[0], "to", days[-1], "with up to", max(map(len, by_day.values())), "rows each")`,
    },
    {
      think: `A window of ${number(slots, "window")} dates slides over them.`,
      code: `width = ${number(slots, "window")}
means = [round(float(level[start:start + width].sum()) / width, 8) for start in range(len(level) - width + 1)]
print(len(means), "full windows")`,
    },
    {
      think: `The ${text(slots, "end")}, with the date on which its window ends.`,
      code: `at = ${text(slots, "end") === "maximum" ? "max" : "min"}(range(len(means)), key=means.__getitem__)
print("around it:", means[max(0, at - 1):at + 2])
print("date =", days[at + width - 1])
print(f"mean = ${rounded("means[at]", slots)}")`,
    },
  ],
};
