import { type Family, floats, number, numeric, remark, rounding, skipMissing, text } from "../family.ts";
import { type Column, measures } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** Bins of equal width: the fullest one, and a mean inside it. */
export const binning: Family = {
  name: "binning",
  difficulty: "medium",
  wordings: [
    "Cut {x} into bins of width {#width} and find the bin with the most rows. What is its lower edge, how many rows does it hold, and what is the mean of {y} there?",
    "Histogram {x} with a bin width of {#width}. For the fullest bin, report the lower edge, the number of rows and the average {y}.",
    "Where do values of {x} crowd? With bins {#width} wide, give the lower edge of the most populated bin, its row count and the mean {y} of its rows.",
  ],
  constraints: [
    skipMissing,
    [
      "Bins start at {#start} and include their lower but not their upper edge; ties go to the lower bin.",
      "The first bin begins at {#start}; a value on an edge belongs to the bin above it; of equally full bins take the lowest.",
    ],
    rounding,
  ],
  answers: [
    { name: "edge", written: "is rounded to {#places} decimals" },
    { name: "rows", written: "is a whole number" },
    { name: "mean", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["x", "y"],
  propose: (table, draw) => {
    const columns = measures(table);
    return draw.shuffle(
      columns.flatMap((x) => {
        const grid = gridOf(x);
        if (grid === null) return [];
        return columns.filter((y) => y !== x).map((y) => ({ x: x.name, y: y.name, ...grid, places: 2 }));
      }),
    );
  },
  reference: (slots) => `
frame = pd.DataFrame({"x": ${numeric(text(slots, "x"))}, "y": ${numeric(text(slots, "y"))}}).dropna()
frame["bin"] = ((frame["x"] - (${number(slots, "start")})) // ${number(slots, "width")}).astype(int)
counts = frame["bin"].value_counts().sort_index()
best = counts.idxmax()
mean = frame.loc[frame["bin"] == best, "y"].mean()
print(f"@edge[${rounded(`${number(slots, "start")} + best * ${number(slots, "width")}`, slots)}] @rows[{counts.max()}] @mean[${rounded("mean", slots)}]")`,
  forget: (slots) => ({ ...slots, shifted: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "x"), facts)}; ${remark(text(slots, "y"), facts)}. Whole rows first, and the range to be covered.`,
      code: `${floats("x", text(slots, "x"), facts)}
${floats("y", text(slots, "y"), facts)}
both = ~(np.isnan(x) | np.isnan(y))
x, y = x[both], y[both]
print(len(x), "rows; from", x.min(), "to", x.max())`,
    },
    {
      think: `The number of the bin of each row, counted from ${number(slots, "start")}.`,
      code: `bins = {}
for one, two in zip(x, y):
    bins.setdefault(int((one - (${number(slots, "start")})${"shifted" in slots ? ` + ${number(slots, "width")} / 2` : ""}) // ${number(slots, "width")}), []).append(two)
print(sorted((number, len(v)) for number, v in bins.items())[:15])`,
    },
    {
      think: "The fullest bin, the lowest of equal ones.",
      code: `best = min(bins, key=lambda number: (-len(bins[number]), number))
print(f"edge = ${rounded(`${number(slots, "start")} + best * ${number(slots, "width")}`, slots)}")
print("rows =", len(bins[best]))
print(f"mean = ${rounded("sum(bins[best]) / len(bins[best])", slots)}")`,
    },
  ],
};

/** A round width of about half the middle half, and a start below everything; null where bins would be finer than 1. */
function gridOf({ quartiles, min }: Column): { width: number; start: number } | null {
  if (quartiles === null || min === null) return null;
  const rough = (quartiles[2] - quartiles[0]) / 2;
  if (!(rough >= 1 && rough < 1e9)) return null; // edges of whole numbers are exact in both programs
  const power = 10 ** Math.floor(Math.log10(rough));
  const width = ([5, 2, 1].find((step) => step * power <= rough) ?? 1) * power;
  const start = Math.floor((Number(min) - width / 10) / width) * width;
  return Number.isSafeInteger(start) ? { width, start } : null;
}
