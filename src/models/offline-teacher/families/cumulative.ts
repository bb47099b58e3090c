import { type Family, number, remark, rounding, skipMissing, text } from "../family.ts";
import { dates, isNonNegative, measures } from "../profile.ts";
import { dailyArrays, dailySeries, rounded } from "../snippets.ts";

/** When a running total passes a share of the whole. */
export const cumulative: Family = {
  name: "cumulative",
  difficulty: "hard",
  wordings: [
    "Add up {value} in the order of {date}. On which date has the running total reached {#percent} percent of the whole, and what percentage is it then?",
    "By which date in {date} was {#percent} percent of all {value} accumulated? Also give the exact percentage reached on it.",
    "Follow the cumulative sum of {value} along {date}: when does it first come to at least {#percent} percent of its end value, and at how many percent does it stand that day?",
  ],
  constraints: [
    skipMissing,
    ["Rows of one calendar date are added up first.", "Sum the rows of each calendar date before accumulating."],
    rounding,
  ],
  answers: [
    { name: "date", written: "is written YYYY-MM-DD" },
    { name: "percent", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      dates(table)
        .filter(({ distinct }) => distinct >= 10)
        .flatMap((when) =>
          measures(table)
            .filter(isNonNegative)
            .map(({ name }) => ({ date: when.name, value: name, percent: draw.pick([10, 25, 50, 75, 90]), places: 2 })),
        ),
    ),
  reference: (slots) => `
${dailySeries(slots, "sum")}
reached = (100 * daily.cumsum() / daily.sum()).round(8)
reached = reached[reached >= ${number(slots, "percent")}]
print(f"@date[{reached.index[0]}] @percent[${rounded("reached.iloc[0]", slots)}]")`,
  forget: (slots) => ({ ...slots, percent: number(slots, "percent") === 50 ? 60 : 50 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. Totals by calendar date, in order.`,
      code: `${dailyArrays(slots, facts, "sum")}
print(len(days), "dates from", days[0], "to", days[-1], "; whole", level.sum())`,
    },
    {
      think: `The running total in percent, up to where it first reaches ${number(slots, "percent")}.`,
      code: `whole = float(level.sum())
running = 0.0
for day, amount in zip(days, level):
    running += float(amount)
    if round(100 * running / whole, 8) >= ${number(slots, "percent")}:
        break
print("date =", day)
print(f"percent = ${rounded("100 * running / whole", slots)}")`,
    },
  ],
};
