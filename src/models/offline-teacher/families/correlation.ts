import { type Family, floats, number, numeric, remark, rounding, skipMissing, text } from "../family.ts";
import { measures } from "../profile.ts";

/** Pearson or Spearman correlation of two columns. */
export const correlation: Family = {
  name: "correlation",
  difficulty: "easy",
  wordings: [
    "What is the {kind:Pearson|Spearman} correlation between {x} and {y}?",
    "How strongly are {x} and {y} associated, measured by the {kind:Pearson|Spearman} correlation coefficient?",
    "Compute the {kind:Pearson|Spearman} correlation coefficient of {x} with {y}.",
    "Do {x} and {y} move together? Report their {kind:Pearson|Spearman} correlation.",
    "Give the {kind:Pearson|Spearman} coefficient for the pair {x} and {y}.",
    "Put a number on the relation of {x} and {y}, using the {kind:Pearson|Spearman} correlation.",
  ],
  constraints: [
    skipMissing,
    ["For Spearman, tied values get their average rank.", "Where ranks are needed, ties share the average rank."],
    rounding,
  ],
  answers: [{ name: "correlation", written: "is rounded to {#places} decimals" }],
  numeric: ["x", "y"],
  propose: (table, draw) => {
    const columns = measures(table);
    return draw.shuffle(
      columns.flatMap((x, index) =>
        columns.slice(index + 1).map((y) => ({
          x: x.name,
          y: y.name,
          kind: draw.pick(["Pearson", "Spearman"]),
          places: draw.pick([2, 3, 4]),
        })),
      ),
    );
  },
  reference: (slots) => `
pair = pd.DataFrame({"x": ${numeric(text(slots, "x"))}, "y": ${numeric(text(slots, "y"))}}).dropna()
${text(slots, "kind") === "Spearman" ? "pair = pair.rank()\n" : ""}print(f"@correlation[{pair['x'].corr(pair['y']):.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, kind: text(slots, "kind") === "Pearson" ? "Spearman" : "Pearson" }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "x"), facts)}; ${remark(text(slots, "y"), facts)}. First the complete pairs.`,
      code: `${floats("x", text(slots, "x"), facts)}
${floats("y", text(slots, "y"), facts)}
both = ~(np.isnan(x) | np.isnan(y))
x, y = x[both], y[both]
print(len(x), "complete pairs; x from", x.min(), "to", x.max(), "; y from", y.min(), "to", y.max())`,
    },
    text(slots, "kind") === "Spearman"
      ? {
          think: "Spearman is Pearson on ranks. I rank by hand, with average ranks for ties.",
          code: `def ranks(values):
    found, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[place]
x, y = ranks(x), ranks(y)
dx, dy = x - x.mean(), y - y.mean()
print(f"correlation = {(dx @ dy) / np.sqrt((dx @ dx) * (dy @ dy)):.${number(slots, "places")}f}")`,
        }
      : {
          think: "Pearson's coefficient from the centred vectors.",
          code: `dx, dy = x - x.mean(), y - y.mean()
print(f"correlation = {(dx @ dy) / np.sqrt((dx @ dx) * (dy @ dy)):.${number(slots, "places")}f}")`,
        },
  ],
};
