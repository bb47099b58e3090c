import { type Family, floats, number, numeric, remark, rounding, text } from "../family.ts";
import { measures } from "../profile.ts";

/** Skewness by one of the two usual formulas. */
export const skewness: Family = {
  name: "skewness",
  difficulty: "medium",
  wordings: [
    "How skewed is the distribution of {value}?",
    "What is the skewness of {value}?",
    "Quantify the asymmetry of {value} by its skewness.",
    "Is {value} lopsided? Put a number on it: its skewness.",
    "By how much do the tails of {value} differ, in terms of the skewness coefficient?",
    "Report the skewness coefficient of {value}.",
  ],
  constraints: [
    [
      "Use the {formula:bias-corrected (sample)|uncorrected (population)} Fisher-Pearson coefficient.",
      "Skewness means the {formula:bias-corrected (sample)|uncorrected (population)} Fisher-Pearson coefficient of the third moment.",
    ],
    ["Missing values are ignored.", "Leave missing values out."],
    rounding,
  ],
  answers: [{ name: "skewness", written: "is rounded to {#places} decimals" }],
  numeric: ["value"],
  propose: (table, draw) =>
    draw.shuffle(measures(table)).map((value) => ({
      value: value.name,
      formula: draw.pick(["bias-corrected (sample)", "uncorrected (population)"]),
      places: draw.pick([2, 3]),
    })),
  reference: (slots) => `
value = ${numeric(text(slots, "value"))}.dropna()
${
  text(slots, "formula").startsWith("bias")
    ? "skewness = value.skew()"
    : "centred = value - value.mean()\nskewness = (centred**3).mean() / value.std(ddof=0) ** 3"
}
print(f"@skewness[{skewness:.${number(slots, "places")}f}]")`,
  forget: (slots) => ({
    ...slots,
    formula: text(slots, "formula").startsWith("bias") ? "uncorrected (population)" : "bias-corrected (sample)",
  }),
  solve: (slots, facts) => [
    {
      think: `${remark(text(slots, "value"), facts)}. The central moments first.`,
      code: `${floats("x", text(slots, "value"), facts)}
x = x[~np.isnan(x)]
n = len(x)
m2 = np.mean((x - x.mean()) ** 2)
m3 = np.mean((x - x.mean()) ** 3)
print("n", n, "m2", m2, "m3", m3)`,
    },
    text(slots, "formula").startsWith("bias")
      ? {
          think: "The sample version corrects g1 by sqrt(n (n - 1)) / (n - 2).",
          code: `g1 = m3 / m2**1.5
print("g1", g1)
print(f"skewness = {g1 * np.sqrt(n * (n - 1)) / (n - 2):.${number(slots, "places")}f}")`,
        }
      : {
          think: "The population version is m3 / m2^1.5, without a correction.",
          code: `print(f"skewness = {m3 / m2**1.5:.${number(slots, "places")}f}")`,
        },
  ],
};
