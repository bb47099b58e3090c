import { type Family, number, remark, rounding, skipMissing, text } from "../family.ts";
import { dates, measures } from "../profile.ts";
import { dailyArrays, dailySeries, rounded } from "../snippets.ts";

/** How much a series resembles itself some dates later. */
export const autocorrelation: Family = {
  name: "autocorrelation",
  difficulty: "hard",
  wordings: [
    "How strongly does {value} depend on itself {#lag} dates earlier, along {date}? Report the lag-{#lag2} autocorrelation.",
    "Correlate the series of {value}, ordered by {date}, with the same series shifted by {#lag} dates (lag {#lag2}). What is the coefficient?",
    "Does {value} persist over {date}? Give Pearson's correlation between each date's value and the one {#lag} dates before (a lag of {#lag2}).",
  ],
  constraints: [
    skipMissing,
    [
      "Rows of one calendar date are averaged first; lags count dates present in the data.",
      "Average each calendar date first, and count the lag in dates that occur.",
    ],
    [
      "It is Pearson's correlation of the pairs, each side with its own mean.",
      "Use Pearson's coefficient over the pairs that exist, with separate means for the two sides.",
    ],
    rounding,
  ],
  answers: [{ name: "autocorrelation", written: "is rounded to {#places} decimals" }],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      dates(table)
        .filter(({ distinct }) => distinct >= 12)
        .flatMap((when) =>
          measures(table).map(({ name }) => {
            const lag = draw.pick(when.distinct > 60 ? [1, 2, 3, 7, 12] : [1, 2]);
            return { date: when.name, value: name, lag, lag2: lag, places: draw.pick([3, 4]) };
          }),
        ),
    ),
  reference: (slots) => `
${dailySeries(slots, "mean")}
print(f"@autocorrelation[${rounded(`daily.corr(daily.shift(${number(slots, "lag")}))`, slots)}]")`,
  forget: (slots) => ({ ...slots, lag: number(slots, "lag") + 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. One value for each date, in order.`,
      code: `${dailyArrays(slots, facts, "mean")}
print(len(days), "dates from", days[0], "to", days[-1])`,
    },
    {
      think: `The series against itself, ${number(slots, "lag")} apart.`,
      code: `later, earlier = level[${number(slots, "lag")}:], level[:-${number(slots, "lag")}]
later, earlier = later - later.mean(), earlier - earlier.mean()
print(len(later), "pairs")
print(f"autocorrelation = ${rounded("(later @ earlier) / np.sqrt((later @ later) * (earlier @ earlier))", slots)}")`,
    },
  ],
};
