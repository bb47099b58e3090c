import { type Family, floats, list, numeric, py, remark, rounding, skipMissing, text } from "../family.ts";
import { measures } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** Least squares with three or more predictors: how much they explain together. */
export const multipleRegression: Family = {
  name: "multiple_regression",
  difficulty: "hard",
  wordings: [
    "Fit a multiple linear regression of {target} on {*predictors}. What are R squared and adjusted R squared?",
    "How much of the variance of {target} do {*predictors} explain together in one linear model? Give R squared, plain and adjusted.",
    "Take {*predictors} as predictors of {target} in an ordinary least-squares model and report its coefficient of determination and the adjusted one.",
    "Suppose {target} is modelled as a linear function of {*predictors}. Which R squared and which adjusted R squared does the fit reach?",
  ],
  constraints: [
    skipMissing,
    [
      "The model has an intercept; adjusted R squared is 1 - (1 - R squared)(n - 1)/(n - p - 1) with p predictors.",
      "Include an intercept. With n rows and p predictors, adjusted R squared is 1 - (1 - R squared)(n - 1)/(n - p - 1).",
    ],
    rounding,
  ],
  answers: [
    { name: "r2", written: "is rounded to {#places} decimals" },
    { name: "adjusted_r2", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["target"],
  propose: (table, draw) => {
    const columns = measures(table);
    if (columns.length < 4) return [];
    return draw.shuffle(columns).map((target) => ({
      target: target.name,
      predictors: draw
        .shuffle(columns.filter((column) => column !== target))
        .slice(0, columns.length > 5 ? draw.pick([3, 4]) : 3)
        .map(({ name }) => name),
      places: draw.pick([3, 4]),
    }));
  },
  reference: (slots) => {
    const columns = [text(slots, "target"), ...list(slots, "predictors")];
    return `
frame = pd.DataFrame({${columns.map((column, index) => `${index}: ${numeric(column)}`).join(", ")}}).dropna().astype(float)
correlations = frame.corr().to_numpy()
import numpy as np
r2 = correlations[0, 1:] @ np.linalg.solve(correlations[1:, 1:], correlations[1:, 0])
n, p = len(frame), ${columns.length - 1}
print(f"@r2[${rounded("r2", slots)}] @adjusted_r2[${rounded("1 - (1 - r2) * (n - 1) / (n - p - 1)", slots)}]")`;
  },
  forget: (slots) => ({ ...slots, predictors: list(slots, "predictors").slice(1) }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "target"), facts)}. I gather target and predictors and keep whole rows.`,
      code: `${floats("target", text(slots, "target"), facts)}
columns = []
for name in [${list(slots, "predictors").map(py).join(", ")}]:
    columns.append(pd.to_numeric(df[name], errors="coerce").to_numpy(dtype=float))
whole = ~np.isnan(np.column_stack([target, *columns])).any(axis=1)
y = target[whole]
print(int(whole.sum()), "of", len(target), "rows are whole")`,
    },
    {
      think:
        "The design matrix gets a column of ones for the intercept; predictors are scaled, which changes no fitted value.",
      code: `scaled = [(column[whole] - column[whole].mean()) / column[whole].std() for column in columns]
design = np.column_stack([np.ones(len(y)), *scaled])
weights, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
print("rank", rank, "of", design.shape[1])`,
    },
    {
      think: "What is left over, against the spread around the mean.",
      code: `left = ((y - design @ weights) ** 2).sum()
around = ((y - y.mean()) ** 2).sum()
r2 = 1 - left / around
print(f"r2 = ${rounded("r2", slots)}")
print(f"adjusted_r2 = ${rounded("1 - (1 - r2) * (len(y) - 1) / (len(y) - len(columns) - 1)", slots)}")`,
    },
  ],
};
