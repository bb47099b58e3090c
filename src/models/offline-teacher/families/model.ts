import { type Family, list, number, py, pyList, remark, rounding, skipMissing, text } from "../family.ts";
import { measures } from "../profile.ts";

/** A model fitted on a training split and measured on the rest. Rare: importing scikit-learn costs seconds. */
export const model: Family = {
  name: "train_test_model",
  difficulty: "hard",
  most: 1,
  wordings: [
    "How well does a {kind:linear regression|decision tree of depth 3} on {*features} predict {target} on held-out rows? Give RMSE and R squared.",
    "Train a {kind:linear regression|decision tree of depth 3} that predicts {target} from {*features}, and report its RMSE and R squared on the test rows.",
    "Predict {target} from {*features} by a {kind:linear regression|decision tree of depth 3}. What RMSE and what R squared does it reach on data it has not seen?",
    "On the held-out quarter, what are RMSE and R squared of a {kind:linear regression|decision tree of depth 3} for {target} with the features {*features}?",
  ],
  constraints: [
    skipMissing,
    [
      "Split the remaining rows, in file order, with scikit-learn's train_test_split, test_size=0.25 and random_state={#state}.",
      "Hold out a quarter by train_test_split(test_size=0.25, random_state={#state}) on the remaining rows in their order.",
    ],
    [
      "Use scikit-learn's estimator with default settings, except random_state={#treestate} (and max_depth=3) for a tree; features in the order named.",
      "Estimators keep scikit-learn's defaults, apart from max_depth=3 and random_state={#treestate} for a tree; keep the order of the features.",
    ],
    rounding,
  ],
  answers: [
    { name: "rmse", written: "is rounded to {#places} decimals" },
    { name: "r2", written: "is rounded to {#places} decimals" },
  ],
  numeric: ["target"],
  propose: (table, draw) => {
    const columns = measures(table).map((column) => column.name);
    if (columns.length < 3 || table.rows < 60 || table.rows > 50_000) return [];
    const [target = "", ...rest] = draw.shuffle(columns);
    const kind = draw.pick(["linear regression", "decision tree of depth 3"]);
    return [{ target, features: rest.slice(0, 3), kind, state: draw.pick([0, 7, 42]), treestate: 0, places: 3 }];
  },
  reference: (slots) => `
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
${
  text(slots, "kind").startsWith("linear")
    ? "from sklearn.linear_model import LinearRegression\nmodel = LinearRegression()"
    : `from sklearn.tree import DecisionTreeRegressor\nmodel = DecisionTreeRegressor(max_depth=3, random_state=${number(slots, "treestate")})`
}
columns = ${pyList([...list(slots, "features"), text(slots, "target")])}
frame = df[columns].apply(pd.to_numeric, errors="coerce").dropna()
train, test = train_test_split(frame, test_size=0.25, random_state=${number(slots, "state")})
model.fit(train[columns[:-1]], train[columns[-1]])
guess = model.predict(test[columns[:-1]])
rmse = mean_squared_error(test[columns[-1]], guess) ** 0.5
print(f"@rmse[{rmse:.${number(slots, "places")}f}] @r2[{r2_score(test[columns[-1]], guess):.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, state: number(slots, "state") + 1 }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "target"), facts)}. I build arrays of the complete rows and split them.`,
      code: `from sklearn.model_selection import train_test_split
X = np.column_stack([pd.to_numeric(df[name], errors="coerce").to_numpy(dtype=float) for name in ${pyList(list(slots, "features"))}])
y = pd.to_numeric(df[${py(text(slots, "target"))}], errors="coerce").to_numpy(dtype=float)
whole = ~(np.isnan(X).any(axis=1) | np.isnan(y))
X, y = X[whole], y[whole]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=${number(slots, "state")})
print(len(y), "complete rows,", len(y_train), "to train,", len(y_test), "to test")`,
    },
    {
      think: "Fit on the training rows only, then measure on the rest by hand.",
      code: `${
        text(slots, "kind").startsWith("linear")
          ? `weights, *_ = np.linalg.lstsq(np.column_stack([np.ones(len(y_train)), X_train]), y_train, rcond=None)
guess = np.column_stack([np.ones(len(y_test)), X_test]) @ weights`
          : `from sklearn.tree import DecisionTreeRegressor
guess = DecisionTreeRegressor(max_depth=3, random_state=${number(slots, "treestate")}).fit(X_train, y_train).predict(X_test)`
      }
error = y_test - guess
print("mean error", error.mean())
print(f"rmse = {np.sqrt(np.mean(error**2)):.${number(slots, "places")}f}")
print(f"r2 = {1 - np.sum(error**2) / np.sum((y_test - y_test.mean()) ** 2):.${number(slots, "places")}f}")`,
    },
  ],
};
