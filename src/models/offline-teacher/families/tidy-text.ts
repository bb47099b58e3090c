import { type Family, py, rounding, strings, text } from "../family.ts";
import { texts } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** Distinct texts once spelling differences of no meaning are gone. */
export const tidyText: Family = {
  name: "tidy_text",
  difficulty: "easy",
  wordings: [
    "After tidying {text} (trimmed, lower case, runs of white space as one space), how many different values are there, and what percentage of the filled rows has the most frequent one?",
    "Normalise the spelling of {text} and count its distinct values. Which share of the rows, in percent, carries the commonest?",
    "How many distinct entries does {text} have once case and surplus white space are ignored? Also give the percentage of rows that the most common entry covers.",
    "Ignoring case and superfluous spaces, how varied is {text}: how many values, and what percent of the rows goes to the leading one?",
  ],
  constraints: [
    [
      "Tidying means: strip both ends, lower-case, every run of white space becomes one space; missing values do not count.",
      "Strip, convert to lower case, collapse white space inside to one space, and ignore missing values.",
    ],
    rounding,
  ],
  answers: [
    { name: "distinct", written: "is a whole number" },
    { name: "percent", written: "is rounded to {#places} decimals" },
  ],
  numeric: [],
  propose: (table, draw) =>
    draw.shuffle(texts(table).map(({ name }) => ({ text: name, places: draw.pick([1, 2, 3]) }))),
  reference: (slots) => `
tidy = df[${py(text(slots, "text"))}].dropna().astype(str).str.strip().str.lower().str.replace(r"\\s+", " ", regex=True)
counts = tidy.value_counts()
print(f"@distinct[{len(counts)}] @percent[${rounded("100 * counts.iloc[0] / len(tidy)", slots)}]")`,
  forget: (slots) => ({ ...slots, gaps: 1 }),
  solve: (slots) => [
    {
      think: `What does ${py(text(slots, "text"))} look like, and does tidying change anything?`,
      code: `${strings("raw", text(slots, "text"))}
tidy = [" ".join(entry.lower().split()) for entry in raw if entry is not None]
print(len(set(raw) - {None}), "distinct before, for example", sorted(set(raw) - {None})[:4])`,
    },
    {
      think: "Counting the tidied texts.",
      code: `counts = {}
for entry in tidy:
    counts[entry] = counts.get(entry, 0) + 1
print("the commonest:", sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3])
print("distinct =", len(counts)${"gaps" in slots ? " + 1" : ""})
print(f"percent = ${rounded("100 * max(counts.values()) / len(tidy)", slots)}")`,
    },
  ],
};
