import { type Family, label, py, rounding, strings, text } from "../family.ts";
import { groupings } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** How evenly rows spread over the values of a column. */
export const entropy: Family = {
  name: "entropy",
  difficulty: "medium",
  wordings: [
    "How diverse is {group}? Report the Shannon entropy of its distribution and its evenness.",
    "What is the entropy, in {unit:bits|nats}, of the shares of the values of {group}, and how close is it to the maximum?",
    "Measure how evenly the rows spread over {group}: Shannon entropy, and that entropy divided by its greatest possible value.",
  ],
  constraints: [
    [
      "Entropy is in {unit:bits|nats}; evenness is entropy over the entropy of equal shares among the values that occur.",
      "Take logarithms so that entropy comes in {unit:bits|nats}, and divide by its maximum over the values present for evenness.",
    ],
    ["Missing values do not count as a value.", "Rows in which the column is missing are left out."],
    rounding,
  ],
  answers: [
    { name: "entropy", written: "is rounded to {#places} decimals" },
    { name: "evenness", written: "is rounded to {#places} decimals" },
  ],
  numeric: [],
  propose: (table, draw) =>
    draw.shuffle(
      groupings(table).map(({ name }) => ({
        group: name,
        unit: draw.pick(["bits", "nats"]),
        places: draw.pick([3, 4]),
      })),
    ),
  reference: (slots) => `
import math
share = ${label(text(slots, "group"))}.dropna().value_counts(normalize=True)
nats = -(share * share.map(math.log)).sum()
print(f"@entropy[${rounded(text(slots, "unit") === "bits" ? "nats / math.log(2)" : "nats", slots)}] @evenness[${rounded("nats / math.log(len(share))", slots)}]")`,
  forget: (slots) => ({ ...slots, unit: text(slots, "unit") === "bits" ? "nats" : "bits" }),
  solve: (slots) => [
    {
      think: `The shares of the values of ${py(text(slots, "group"))}.`,
      code: `${strings("labels", text(slots, "group"))}
counts = {}
for name in labels:
    if name is not None:
        counts[name] = counts.get(name, 0) + 1
total = sum(counts.values())
print(len(counts), "values in", total, "rows; the largest:", sorted(counts.items(), key=lambda kv: -kv[1])[:4])`,
    },
    {
      think: `H = log n - (1/n) sum of c log c, in ${text(slots, "unit")}.`,
      code: `log = np.log${text(slots, "unit") === "bits" ? "2" : ""}
h = float(log(total) - sum(c * log(c) for c in counts.values()) / total)
print(f"entropy = ${rounded("h", slots)}")
print(f"evenness = ${rounded("h / float(log(len(counts)))", slots)}")`,
    },
  ],
};
