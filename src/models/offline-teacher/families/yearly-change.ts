import {
  date,
  type Family,
  floats,
  number,
  numeric,
  py,
  remark,
  rounding,
  skipMissing,
  text,
  times,
} from "../family.ts";
import { dates, measures, years } from "../profile.ts";

/** The largest jump from one year to the next. */
export const yearlyChange: Family = {
  name: "yearly_change",
  difficulty: "hard",
  wordings: [
    "Between which year and the one before it did the {how:mean|total} of {value} change the most, and by how much?",
    "Take the {how:mean|total} of {value} in each calendar year. In which year is the change from the previous year largest, and how large is it?",
    "When did the annual {how:mean|total} of {value} make its biggest jump or drop compared with the year before, and of what size?",
    "Look at the {how:mean|total} of {value} from year to year. Which year brought the largest change, and what was it?",
  ],
  constraints: [
    skipMissing,
    [
      "{time} holds {form:dates|plain year numbers}; compare each year present with the year present before it, by absolute change.",
      "Years come from {time}, which holds {form:dates|plain year numbers}; changes run from one year present to the next and are compared without sign.",
    ],
    [
      "Report the later year, and the change with its sign; ties go to the earlier year.",
      "Name the later of the two years and keep the sign of the change; of equal changes take the first.",
    ],
    rounding,
  ],
  answers: [
    { name: "year", written: "is a year" },
    { name: "change", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      [
        ...dates(table).map((when) => ({ when, form: "dates" })),
        ...years(table).map((when) => ({ when, form: "plain year numbers" })),
      ].flatMap(({ when, form }) =>
        measures(table).map((value) => ({
          time: when.name,
          form,
          value: value.name,
          how: draw.pick(["mean", "total"]),
          places: 2,
        })),
      ),
    ),
  reference: (slots) => `
year = ${text(slots, "form") === "dates" ? `${date(text(slots, "time"))}.dt.year` : numeric(text(slots, "time"))}
frame = pd.DataFrame({"year": year, "value": ${numeric(text(slots, "value"))}}).dropna()
change = frame.groupby("year")["value"].${text(slots, "how") === "mean" ? "mean" : "sum"}().sort_index().diff().dropna()
best = change.abs().idxmax()
print(f"@year[{int(best)}] @change[{change[best]:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, how: text(slots, "how") === "mean" ? "total" : "mean" }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I need the ${text(slots, "how")} of each year.`,
      code: `${
        text(slots, "form") === "dates"
          ? `${times("stamps", text(slots, "time"))}\nyear = np.asarray(stamps.year, dtype=float)`
          : `year = df[${py(text(slots, "time"))}].to_numpy(dtype=float)`
      }
${floats("values", text(slots, "value"), facts)}
keep = ~np.isnan(year) & ~np.isnan(values)
by_year = {int(one): values[keep & (year == one)].${text(slots, "how") === "mean" ? "mean" : "sum"}() for one in np.unique(year[keep])}
print(len(by_year), "years:", {k: round(float(v), 3) for k, v in list(by_year.items())[:6]}, "...")`,
    },
    {
      think: "Differences between neighbouring years, and the largest of them.",
      code: `span = sorted(by_year)
steps = [(later, by_year[later] - by_year[earlier]) for earlier, later in zip(span, span[1:])]
winner = max(steps, key=lambda step: abs(step[1]))
print(sorted(steps, key=lambda step: -abs(step[1]))[:3])
print("year =", winner[0])
print(f"change = {winner[1]:.${number(slots, "places")}f}")`,
    },
  ],
};
