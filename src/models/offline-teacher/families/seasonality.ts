import { date, type Family, floats, numeric, remark, rounding, skipMissing, text, times } from "../family.ts";
import { dates, measures } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** Seasonal index: each calendar month against the average month. */
export const seasonality: Family = {
  name: "seasonality",
  difficulty: "hard",
  wordings: [
    "How seasonal is {value}? For the calendar months of {date}, give the month with the highest seasonal index, that index, and the spread between the highest and the lowest index.",
    "Compute a seasonal index of {value} for each calendar month (from {date}). Which month peaks, at what index, and how far apart are the extremes?",
    "Relative to an average month, in which month of {date} is {value} strongest? Report month, index, and the difference between the largest and the smallest index.",
  ],
  constraints: [
    skipMissing,
    [
      "The index of a month is its mean over all years, divided by the mean of the monthly means.",
      "Divide the mean of each calendar month (all years together) by the unweighted mean of these monthly means.",
    ],
    [
      "Months are numbered 1 to 12; ties go to the earlier month.",
      "Write the month as a number from 1 to 12, and of equal ones take the earlier.",
    ],
    rounding,
  ],
  answers: [
    { name: "month", written: "is a whole number" },
    { name: "index", written: "is rounded to {#places} decimals" },
    { name: "spread", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      dates(table)
        .filter(({ distinct }) => distinct >= 12)
        .flatMap((when) =>
          measures(table).map(({ name }) => ({ date: when.name, value: name, places: draw.pick([2, 3]) })),
        ),
    ),
  reference: (slots) => `
frame = pd.DataFrame({"when": ${date(text(slots, "date"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
monthly = frame.groupby(frame["when"].dt.month)["value"].mean()
index = (monthly / monthly.mean()).round(9)
assert len(index) > 1
print(f"@month[{int(index.idxmax())}] @index[${rounded("index.max()", slots)}] @spread[${rounded("index.max() - index.min()", slots)}]")`,
  forget: (slots) => ({ ...slots, weighted: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "date"), facts)}. I gather the values of each calendar month.`,
      code: `${times("stamps", text(slots, "date"))}
${floats("values", text(slots, "value"), facts)}
months = {}
for when, entry in zip(stamps, values):
    if when is not pd.NaT and entry == entry:
        months.setdefault(when.month, []).append(entry)
print({month: len(v) for month, v in sorted(months.items())})`,
    },
    {
      think: "Means by month, and what an average month is.",
      code: `means = {month: sum(v) / len(v) for month, v in sorted(months.items())}
average = ${"weighted" in slots ? "sum(map(sum, months.values())) / sum(map(len, months.values()))" : "sum(means.values()) / len(means)"}
print("average month", average)`,
    },
    {
      think: "Each month against it.",
      code: `index = {month: round(mean / average, 9) for month, mean in means.items()}
peak = max(index, key=index.get)
print(index)
print("month =", peak)
print(f"index = ${rounded("index[peak]", slots)}")
print(f"spread = ${rounded("index[peak] - min(index.values())", slots)}")`,
    },
  ],
};
