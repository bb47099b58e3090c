import { type Family, floats, number, numeric, remark, rounding, skipMissing, text } from "../family.ts";
import { measures } from "../profile.ts";

/** A least-squares line with one or two predictors. */
export const regression: Family = {
  name: "regression",
  difficulty: "hard",
  wordings: [
    "Fit a linear regression of {y} on {x1} and {x2}. What are the coefficient of {x1again} and R squared?",
    "With {x1} and {x2} as predictors of {y} in an ordinary least squares model, how much does {y2} change per unit of {x1again}, and what is R squared?",
    "Explain {y} by {x1} and {x2} in one linear model. Which slope does {x1again} get, and what is R squared?",
    "Holding {x2} fixed, by how much does {y} change when {x1} rises by one, according to a linear regression of {y2} with {x1again} among its predictors? Give R squared too.",
  ],
  constraints: [
    skipMissing,
    [
      "Ordinary least squares with an intercept, nothing standardised.",
      "Include an intercept and leave all variables in their own units.",
    ],
    rounding,
  ],
  answers: [
    { name: "coefficient", written: "is rounded to {#places} decimals" },
    { name: "r_squared", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["y", "x2"],
  propose: (table, draw) => {
    const columns = measures(table).map((column) => column.name);
    if (columns.length < 3) return [];
    return [0, 1, 2, 3].map(() => {
      const [y = "", x1 = "", x2 = ""] = draw.shuffle(columns);
      return { y, y2: y, x1, x1again: x1, x2, places: 4 };
    });
  },
  reference: (slots) => `
frame = pd.DataFrame({"y": ${numeric(text(slots, "y"))}, "x1": ${numeric(text(slots, "x1"))}, "x2": ${numeric(text(slots, "x2"))}}).dropna()
c = frame.cov()
det = c.loc["x1", "x1"] * c.loc["x2", "x2"] - c.loc["x1", "x2"] ** 2
b1 = (c.loc["x1", "y"] * c.loc["x2", "x2"] - c.loc["x2", "y"] * c.loc["x1", "x2"]) / det
b2 = (c.loc["x2", "y"] * c.loc["x1", "x1"] - c.loc["x1", "y"] * c.loc["x1", "x2"]) / det
r2 = (b1 * c.loc["x1", "y"] + b2 * c.loc["x2", "y"]) / c.loc["y", "y"]
print(f"@coefficient[{b1:.${number(slots, "places")}f}] @r_squared[{r2:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, bare: 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "y"), facts)}; ${remark(text(slots, "x1"), facts)}; ${remark(text(slots, "x2"), facts)}. Complete rows first.`,
      code: `${floats("y", text(slots, "y"), facts)}
${floats("x1", text(slots, "x1"), facts)}
${floats("x2", text(slots, "x2"), facts)}
whole = ~(np.isnan(y) | np.isnan(x1) | np.isnan(x2))
y, x1, x2 = y[whole], x1[whole], x2[whole]
print(len(y), "complete rows; correlation of the predictors", np.corrcoef(x1, x2)[0, 1])`,
    },
    {
      think: "Least squares on the design matrix, then R squared from the residuals.",
      code: `design = np.column_stack([${"bare" in slots ? "" : "np.ones(len(y)), "}x1, x2])
solution, *_ = np.linalg.lstsq(design, y, rcond=None)
residual = y - design @ solution
r2 = 1 - (residual @ residual) / ((y - y.mean()) @ (y - y.mean()))
print("coefficients", solution)
print(f"coefficient = {solution[-2]:.${number(slots, "places")}f}")
print(f"r_squared = {r2:.${number(slots, "places")}f}")`,
    },
  ],
};
