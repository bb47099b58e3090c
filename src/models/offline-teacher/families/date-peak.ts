import { date, type Family, floats, number, numeric, remark, rounding, skipMissing, text, times } from "../family.ts";
import { dates, measures } from "../profile.ts";

/** Which calendar month of the year, weekday or year stands out. */
export const datePeak: Family = {
  name: "date_peak",
  difficulty: "medium",
  wordings: [
    "In which {unit:year|month of the year|weekday} (taken from {date}) is the {how:mean|total} of {value} largest, and how large is it?",
    "Group the rows by the {unit:year|month of the year|weekday} of {date}. Which one has the largest {how:mean|total} {value}, and what is that {how2:mean|total}?",
    "When is {value} at its height? Take the {how:mean|total} for each {unit:year|month of the year|weekday} of {date}, and give the best one with its figure.",
    "Looking at the {how:mean|total} of {value} per {unit:year|month of the year|weekday} ({date}), name the peak and its size.",
  ],
  constraints: [
    skipMissing,
    [
      "Months are numbered 1 to 12, weekdays 0 (Monday) to 6 (Sunday); ties go to the smallest number.",
      "Write months as 1 to 12 and weekdays as 0 (Monday) to 6 (Sunday); of several equal ones take the smallest.",
    ],
    rounding,
  ],
  answers: [
    { name: "period", written: "is a whole number" },
    { name: "value", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      dates(table).flatMap((when) =>
        measures(table).flatMap((value) =>
          draw
            .shuffle(["year", "month of the year", "weekday"])
            .slice(0, when.distinct > 200 ? 2 : 1)
            .map((unit) => {
              const how = draw.pick(["mean", "total"]);
              return {
                date: when.name,
                value: value.name,
                unit: when.distinct > 200 ? unit : "year",
                how,
                how2: how,
                places: 2,
              };
            }),
        ),
      ),
    ),
  reference: (slots) => {
    const part = { year: "year", weekday: "dayofweek" }[text(slots, "unit")] ?? "month";
    return `
frame = pd.DataFrame({"when": ${date(text(slots, "date"))}, "value": ${numeric(text(slots, "value"))}}).dropna()
found = frame.groupby(frame["when"].dt.${part})["value"].${text(slots, "how") === "mean" ? "mean" : "sum"}()
print(f"@period[{int(found.idxmax())}] @value[{found.max():.${number(slots, "places")}f}]")`;
  },
  forget: (slots) => ({ ...slots, how: text(slots, "how") === "mean" ? "total" : "mean" }),
  solve: (slots, facts) => {
    const part = { year: "when.year", weekday: "when.weekday()" }[text(slots, "unit")] ?? "when.month";
    return [
      {
        think: `${remark(text(slots, "date"), facts)}, so it has to be parsed. I gather ${text(slots, "value")} by ${text(slots, "unit")}.`,
        code: `${times("stamps", text(slots, "date"))}
${floats("values", text(slots, "value"), facts)}
periods = {}
for when, entry in zip(stamps.to_pydatetime(), values):
    if when is not pd.NaT and entry == entry:
        periods.setdefault(${part}, []).append(entry)
print({k: len(v) for k, v in sorted(periods.items())})`,
      },
      {
        think: `The ${text(slots, "how")} of each, then the largest.`,
        code: `found = {k: sum(v)${text(slots, "how") === "mean" ? " / len(v)" : ""} for k, v in sorted(periods.items())}
winner = max(found, key=found.get)
print(sorted(found.items(), key=lambda kv: -kv[1])[:4])
print("period =", winner)
print(f"value = {found[winner]:.${number(slots, "places")}f}")`,
      },
    ];
  },
};
