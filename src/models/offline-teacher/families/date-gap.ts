import { date, type Family, py, rounding, text, times } from "../family.ts";
import { dates } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** The longest pause between two dates. */
export const dateGap: Family = {
  name: "date_gap",
  difficulty: "medium",
  wordings: [
    "What is the longest gap, in days, between neighbouring dates of {date}, after which date does it begin, and how long is a gap on average?",
    "Sort the different dates of {date}. Where is the largest pause between one and the next (name the date before it), how many days is it, and what is the mean pause?",
    "How regular is {date}? Report the greatest number of days between two successive distinct dates, the date that opens that gap, and the mean gap.",
  ],
  constraints: [
    [
      "Times of day are cut off, each calendar date counts once, and unreadable dates are left out.",
      "Use distinct calendar dates without time of day; what is no date does not count.",
    ],
    ["Of equal gaps take the earliest.", "Ties go to the gap that begins first."],
    rounding,
  ],
  answers: [
    { name: "days", written: "is a whole number" },
    { name: "after", written: "is written YYYY-MM-DD" },
    { name: "mean_gap", written: "is the mean gap in days rounded to {#places} decimals" },
  ],
  numeric: [],
  propose: (table, draw) => draw.shuffle(dates(table).map(({ name }) => ({ date: name, places: draw.pick([1, 2]) }))),
  reference: (slots) => `
day = ${date(text(slots, "date"))}.dt.normalize().dropna().drop_duplicates().sort_values().reset_index(drop=True)
gap = day.diff().dt.days.dropna()
at = gap.idxmax()
print(f"@days[{int(gap[at])}] @after[{day[at - 1]:%Y-%m-%d}] @mean_gap[${rounded("gap.mean()", slots)}]")`,
  forget: (slots) => ({ ...slots, last: 1 }),
  solve: (slots) => [
    {
      think: `The distinct calendar dates of ${py(text(slots, "date"))}.`,
      code: `${times("stamps", text(slots, "date"))}
days = sorted({when.date() for when in stamps if when is not pd.NaT})
print(len(days), "distinct dates from", days[0], "to", days[-1])`,
    },
    {
      think: "Days from each date to the next.",
      code: `gaps = [((later - earlier).days, earlier) for earlier, later in zip(days, days[1:])]
longest = max(size for size, _ in gaps)
starts = [earlier for size, earlier in gaps if size == longest]
print(len(starts), "gap(s) of that size")
print("days =", longest)
print("after =", starts[${"last" in slots ? "-1" : "0"}].isoformat())
print(f"mean_gap = ${rounded("sum(size for size, _ in gaps) / len(gaps)", slots)}")`,
    },
  ],
};
