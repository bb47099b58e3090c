import { type Family, remark, rounding, text } from "../family.ts";
import { measures } from "../profile.ts";
import { rounded, valueArray, valueSeries } from "../snippets.ts";

/** Several conditions on rows, and what is left. */
export const filteredSummary: Family = {
  name: "filtered_summary",
  difficulty: "medium",
  conditions: 2,
  wordings: [
    "How many rows with a value in {value} does that leave, and what are the mean and the median of {value} among them?",
    "Report the number of remaining rows that have {value}, and the mean and median of that column.",
    "Of what is left, count the rows in which {value} is given, and average it; what is its median?",
  ],
  constraints: [
    [
      "Of the rows left, those in which the column is missing or no number do not count.",
      "A row without a readable number in the column is not counted, even if it meets the conditions.",
    ],
    rounding,
  ],
  answers: [
    { name: "rows", written: "is a whole number" },
    { name: "mean", written: "is rounded to {#places} decimals" },
    { name: "median", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(measures(table).map(({ name }) => ({ value: name, places: draw.pick([2, 3]) }))),
  reference: (slots) => `
${valueSeries(slots)}
print(f"@rows[{len(values)}] @mean[${rounded("values.mean()", slots)}] @median[${rounded("values.median()", slots)}]")`,
  forget: (slots) => ({ ...slots, distinct: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)} in the file as a whole. In the rows that are left:`,
      code: `${valueArray(slots, facts)}
${"distinct" in slots ? "values = np.unique(values)\n" : ""}print("smallest", values.min(), "largest", values.max())`,
    },
    {
      think: "Count, mean and median.",
      code: `ordered = np.sort(values)
half = len(ordered) // 2
print("rows =", len(ordered))
print(f"mean = ${rounded("ordered.sum() / len(ordered)", slots)}")
print(f"median = ${rounded("(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)", slots)}")`,
    },
  ],
};
