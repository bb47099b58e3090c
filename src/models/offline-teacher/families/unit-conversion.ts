import { type Family, number, py, remark, rounding, text } from "../family.ts";
import { measures } from "../profile.ts";
import { rounded, valueArray, valueSeries } from "../snippets.ts";

const units = [
  { words: /temp/i, unit: "degrees Fahrenheit, the data being in degrees Celsius", factor: 1.8, offset: 32 },
  { words: /mile|mph|distance|speed|wind/i, unit: "kilometres for every mile", factor: 1.609344, offset: 0 },
  { words: /weight|mass|lbs|pound/i, unit: "kilograms for every pound", factor: 0.45359237, offset: 0 },
  { words: /feet|alt|height|displacement/i, unit: "metres for every foot", factor: 0.3048, offset: 0 },
  { words: /rain|precip|inch/i, unit: "millimetres for every inch", factor: 25.4, offset: 0 },
  {
    words: /price|gross|cost|sales|budget|dollar|open|close|high|low/i,
    unit: "a currency that trades at that rate",
    factor: 0.92,
    offset: 0,
  },
  { words: /./, unit: "a scale on which 100 becomes 10", factor: 0.1, offset: 0 },
];

/** Figures in another unit. */
export const unitConversion: Family = {
  name: "unit_conversion",
  difficulty: "easy",
  wordings: [
    "Convert {value} to another unit ({unit}). What are its mean and its {what:median|maximum|standard deviation} then?",
    "Expressed in {unit}, how large are the mean and the {what:median|maximum|standard deviation} of {value}?",
    "Somebody wants {value} in {unit}. Report the mean and the {what:median|maximum|standard deviation} after the conversion.",
  ],
  constraints: [
    ["Multiply by {#factor} and then add {#offset}.", "The new figure is the old one times {#factor}, plus {#offset}."],
    [
      "Missing or unreadable values are left out; a standard deviation uses ddof=1.",
      "Leave gaps out, and take ddof=1 should a standard deviation be asked for.",
    ],
    rounding,
  ],
  answers: [
    { name: "mean", written: "is rounded to {#places} decimals" },
    { name: "result", written: "is the second figure asked for, rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(
      measures(table).map(({ name }) => {
        const { unit, factor, offset } = units.find(({ words }) => words.test(name)) ?? {
          unit: "tenths",
          factor: 0.1,
          offset: 0,
        };
        return {
          value: name,
          unit,
          factor,
          offset,
          what: draw.pick(["median", "maximum", "standard deviation"]),
          places: draw.pick([2, 3]),
        };
      }),
    ),
  reference: (slots) => `
${valueSeries(slots)}
values = values * ${number(slots, "factor")} + ${number(slots, "offset")}
print(f"@mean[${rounded("values.mean()", slots)}] @result[${rounded({ median: "values.median()", maximum: "values.max()" }[text(slots, "what")] ?? "values.std()", slots)}]")`,
  forget: (slots) => ({ ...slots, factor: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. The figures as they are.`,
      code: `${valueArray(slots, facts)}
wanted = ${py(text(slots, "unit"))}
print(len(values), "values with a mean of", values.mean(), "before they are turned into", wanted)`,
    },
    {
      think: `Scale and shift, then mean and ${text(slots, "what")}.`,
      code: `there = [entry * ${number(slots, "factor")} + ${number(slots, "offset")} for entry in values.tolist()]
print(f"mean = ${rounded("sum(there) / len(there)", slots)}")
print(f"result = ${rounded({ median: "float(np.median(there))", maximum: "max(there)" }[text(slots, "what")] ?? "float(np.std(there, ddof=1))", slots)}")`,
    },
  ],
};
