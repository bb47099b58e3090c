import { type Family, remark, rounding, skipMissing, text } from "../family.ts";
import { dates, measures } from "../profile.ts";
import { dailyArrays, dailySeries, rounded } from "../snippets.ts";

/** The longest run of dates above the middle. */
export const streak: Family = {
  name: "streak",
  difficulty: "hard",
  wordings: [
    "What is the longest run of consecutive dates in {date} on which {value} stays {side:above|below} its median? Give its length, its first date and the mean of {value} in it.",
    "Find the longest streak along {date} with {value} {side:above|below} the median of all dates: how many dates, starting when, and at what mean value?",
    "For how many dates of {date} in a row does {value} remain {side:above|below} its median at the longest, when does this begin, and what does {value} average meanwhile?",
  ],
  constraints: [
    skipMissing,
    [
      "Rows of one calendar date are averaged first; the median is over these averages, and dates follow each other as they occur in the data.",
      "Average each calendar date first. The median is that of the daily averages, and consecutive means next to each other among the dates present.",
    ],
    [
      "A value equal to the median ends a run; of equally long runs take the first.",
      "Being equal to the median breaks the run, and ties go to the earliest run.",
    ],
    rounding,
  ],
  answers: [
    { name: "length", written: "is a whole number" },
    { name: "start", written: "is written YYYY-MM-DD" },
    { name: "mean", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      dates(table)
        .filter(({ distinct }) => distinct >= 10)
        .flatMap((when) =>
          measures(table).map(({ name }) => ({
            date: when.name,
            value: name,
            side: draw.pick(["above", "below"]),
            places: 2,
          })),
        ),
    ),
  reference: (slots) => `
${dailySeries(slots, "mean")}
daily = daily.round(9)
out = daily ${text(slots, "side") === "above" ? ">" : "<"} daily.median()
run = (out != out.shift()).cumsum()[out]
lengths = run.value_counts().sort_index()
inside = daily[run[run == lengths.idxmax()].index]
print(f"@length[{len(inside)}] @start[{inside.index[0]}] @mean[${rounded("inside.mean()", slots)}]")`,
  forget: (slots) => ({ ...slots, side: text(slots, "side") === "above" ? "below" : "above" }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. One mean for each date, and the median of these means.`,
      code: `${dailyArrays(slots, facts, "mean")}
level = np.round(level, 9)
middle = float(np.median(level))
print(len(days), "dates; median", middle)`,
    },
    {
      think: `I walk along the dates and note every run ${text(slots, "side")} it.`,
      code: `runs, current = [], []
for at, one in enumerate(level):
    if one ${text(slots, "side") === "above" ? ">" : "<"} middle:
        current.append(at)
    elif current:
        runs.append(current)
        current = []
if current:
    runs.append(current)
print(len(runs), "runs")`,
    },
    {
      think: "The longest, the first of equal ones.",
      code: `longest = max(runs, key=len)
print("length =", len(longest))
print("start =", days[longest[0]])
print(f"mean = ${rounded("level[longest].sum() / len(longest)", slots)}")`,
    },
  ],
};
