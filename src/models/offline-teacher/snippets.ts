// Python that several families share, in pairs: pandas for the reference, numpy and plain Python for the solution.
import { date, type Facts, floats, label, number, numeric, py, strings, text, times } from "./family.ts";
import type { Slots } from "./grammar.ts";

/** A value inside an f-string, rounded as the question asks. */
export const rounded = (expression: string, slots: Slots): string => `{${expression}:.${number(slots, "places")}f}`;

/** Reference: `frame` of the columns `group` and `value`, whole rows only. */
export const groupFrame = (slots: Slots): string =>
  `frame = pd.DataFrame({"group": ${label(text(slots, "group"))}, "value": ${numeric(text(slots, "value"))}}).dropna()`;

/** Solution: the dict `groups` of float arrays by group, in the order of their names. */
export const groupArrays = (slots: Slots, facts: Facts): string => `${strings("labels", text(slots, "group"))}
${floats("values", text(slots, "value"), facts)}
groups = {}
for name, entry in zip(labels, values):
    if name is not None and entry == entry:
        groups.setdefault(name, []).append(entry)
groups = {name: np.array(groups[name]) for name in sorted(groups)}`;

/** Reference: the series `values`, whole. */
export const valueSeries = (slots: Slots): string => `values = ${numeric(text(slots, "value"))}.dropna().astype(float)`;

/** Solution: the float array `values` without gaps. */
export const valueArray = (slots: Slots, facts: Facts): string => `${floats("values", text(slots, "value"), facts)}
values = values[~np.isnan(values)]`;

/** Reference: the calendar year of each row, from dates or plain numbers. */
export const yearSeries = (slots: Slots): string =>
  text(slots, "form") === "dates" ? `${date(text(slots, "time"))}.dt.year` : numeric(text(slots, "time"));

/** Solution: the float array `year`. */
export const yearArray = (slots: Slots): string =>
  text(slots, "form") === "dates"
    ? `${times("stamps", text(slots, "time"))}\nyear = np.asarray(stamps.year, dtype=float)`
    : `year = df[${py(text(slots, "time"))}].to_numpy(dtype=float)`;

/** Reference: `daily`, the mean or total of each date that occurs, in date order; the index is written YYYY-MM-DD. */
export const dailySeries = (slots: Slots, how: "mean" | "sum"): string =>
  `frame = pd.DataFrame({"day": ${date(text(slots, "date"))}.dt.strftime("%Y-%m-%d"), "value": ${numeric(text(slots, "value"))}}).dropna()
daily = frame.groupby("day")["value"].${how}().sort_index()`;

/** Solution: the list `days` (YYYY-MM-DD, in order) and the float array `level` that goes with it. */
export const dailyArrays = (slots: Slots, facts: Facts, how: "mean" | "sum"): string =>
  `${times("stamps", text(slots, "date"))}
${floats("values", text(slots, "value"), facts)}
by_day = {}
for when, entry in zip(stamps, values):
    if when is not pd.NaT and entry == entry:
        by_day.setdefault(when.isoformat()[:10], []).append(entry)
days = sorted(by_day)
level = np.array([sum(by_day[day])${how === "mean" ? " / len(by_day[day])" : ""} for day in days])`;

/** What questions on calendar years say about where the years come from. */
export const yearsFrom = [
  "{time} holds {form:dates|plain year numbers}.",
  "The column {time}, from which years are taken, contains {form:dates|plain year numbers}.",
  "Years are those of {time}, a column of {form:dates|plain year numbers}.",
] as const;
