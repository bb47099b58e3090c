import { type Family, label, number, py, rounding, skipMissing, strings, text } from "../family.ts";
import { groupings } from "../profile.ts";

/** Which combination of two groupings is the most common. */
export const commonPair: Family = {
  name: "common_pair",
  difficulty: "easy",
  wordings: [
    "Which combination of {a} and {b} occurs most often, and what percentage of the rows does it cover?",
    "Count the rows for every pair of {a} and {b}. Which pair is the most frequent, and which percentage of the counted rows has it?",
    "Of all pairs made of {a} and {b}, which is seen most, and how many percent of the rows show it?",
    "What goes together most often: which {a} with which {b}? Add its percentage of the rows.",
  ],
  constraints: [
    skipMissing,
    [
      "Of several equally frequent pairs take the alphabetically first, comparing the first column, then the second.",
      "Ties go to the pair that comes first alphabetically, by the first column and then the second.",
    ],
    rounding,
  ],
  answers: [
    { name: "first", written: "is the value of the first column named" },
    { name: "second", written: "is the value of the second" },
    { name: "percent", written: "is rounded to {#places} decimals" },
  ],
  numeric: [],
  propose: (table, draw) => {
    const columns = groupings(table);
    return draw.shuffle(
      columns.flatMap((a, index) =>
        columns.slice(index + 1).map((b) => ({ a: a.name, b: b.name, places: draw.pick([2, 3]) })),
      ),
    );
  },
  reference: (slots) => `
frame = pd.DataFrame({"a": ${label(text(slots, "a"))}, "b": ${label(text(slots, "b"))}}).dropna()
counts = frame.groupby(["a", "b"]).size()
first, second = counts.idxmax()
print(f"@first[{first}] @second[{second}] @percent[{100 * counts.max() / len(frame):.${number(slots, "places")}f}]")`,
  forget: (slots) => ({ ...slots, swapped: 1 }),
  solve: (slots) => [
    {
      think: `I pair ${py(text(slots, "a"))} with ${py(text(slots, "b"))} row by row and count.`,
      code: `${strings("one", text(slots, "a"))}
${strings("two", text(slots, "b"))}
pairs = {}
for pair in zip(one, two):
    if None not in pair:
        pairs[pair] = pairs.get(pair, 0) + 1
ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
print(sum(pairs.values()), "rows with both;", ordered[:4])`,
    },
    {
      think: "The first of the ordered pairs and its share.",
      code: `(first, second), count = ordered[${"swapped" in slots ? "-1" : "0"}]
print("first =", first)
print("second =", second)
print(f"percent = {100 * count / sum(pairs.values()):.${number(slots, "places")}f}")`,
    },
  ],
};
