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

/** The least-squares slope of yearly means. */
export const trend: Family = {
  name: "trend",
  difficulty: "hard",
  wordings: [
    "By how much does the yearly mean of {value} change per year, as a linear trend over the years of {time}?",
    "Average {value} within each calendar year of {time}, then fit a straight line to the yearly averages. What is its slope per year?",
    "Is {value} rising or falling? Fit a line through its yearly means (years from {time}) and give the slope.",
    "What is the linear trend of {value}, in units per year, when each year of {time} counts with its mean?",
  ],
  constraints: [
    skipMissing,
    [
      "{time} holds {form:dates|plain year numbers}; every year present weighs the same (ordinary least squares).",
      "Read {time} as {form:dates|plain year numbers} and fit ordinary least squares with one point per year present.",
    ],
    rounding,
  ],
  answers: [{ name: "slope", written: "is rounded to {#places} decimals" }],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle([
      ...dates(table).flatMap((when) =>
        measures(table).map((value) => ({ time: when.name, value: value.name, form: "dates", places: 4 })),
      ),
      ...years(table).flatMap((when) =>
        measures(table).map((value) => ({ time: when.name, value: value.name, form: "plain year numbers", places: 4 })),
      ),
    ]),
  reference: (slots) => `
year = ${text(slots, "form") === "dates" ? `${date(text(slots, "time"))}.dt.year` : numeric(text(slots, "time"))}
frame = pd.DataFrame({"year": year, "value": ${numeric(text(slots, "value"))}}).dropna()
yearly = frame.groupby("year")["value"].mean().reset_index()
slope = yearly["year"].cov(yearly["value"]) / yearly["year"].var()
print(f"@slope[{slope:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, pooled: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. I need one mean per year.`,
      code: `${
        text(slots, "form") === "dates"
          ? `${times("stamps", text(slots, "time"))}\nyear = np.asarray(stamps.year, dtype=float)`
          : `year = df[${py(text(slots, "time"))}].to_numpy(dtype=float)`
      }
${floats("values", text(slots, "value"), facts)}
keep = ~np.isnan(year) & ~np.isnan(values)
year, values = year[keep], values[keep]
span = np.unique(year)
means = np.array([values[year == one].mean() for one in span])
print(len(span), "years from", span[0], "to", span[-1], "; first and last means", means[0], means[-1])`,
    },
    {
      think: "A straight line by least squares.",
      code: `slope, start = np.polyfit(${"pooled" in slots ? "year - span.mean(), values" : "span - span.mean(), means"}, 1)
print(f"slope = {slope:.${number(slots, "places")}f}")`,
    },
  ],
};
