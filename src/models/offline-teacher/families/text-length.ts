import { type Family, number, py, rounding, strings, text } from "../family.ts";
import { texts } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** How long texts are, and how many have several words. */
export const textLength: Family = {
  name: "text_length",
  difficulty: "easy",
  wordings: [
    "How long are the entries of {text}? Give the mean number of characters, the longest length and the number of rows with more than {#words} words.",
    "For {text}, report the average length in characters, the maximum length, and how many rows have over {#words} words.",
    "Describe the texts in {text}: mean length, greatest length (both in characters), and the count of those with more than {#words} words.",
  ],
  constraints: [
    [
      "Length counts every character, spaces too; words are what white space separates; missing texts do not count.",
      "Characters include spaces, words are separated by white space, and rows without a text are left out.",
    ],
    rounding,
  ],
  answers: [
    { name: "mean_length", written: "is rounded to {#places} decimals" },
    { name: "longest", written: "is a whole number" },
    { name: "wordy", written: "is a whole number" },
  ],
  numeric: [],
  propose: (table, draw) =>
    draw.shuffle(
      texts(table).map(({ name }) => ({ text: name, words: draw.pick([1, 2, 3]), places: draw.pick([2, 3]) })),
    ),
  reference: (slots) => `
texts = df[${py(text(slots, "text"))}].dropna().astype(str)
lengths = texts.str.len()
wordy = (texts.str.split().str.len() > ${number(slots, "words")}).sum()
print(f"@mean_length[${rounded("lengths.mean()", slots)}] @longest[{lengths.max()}] @wordy[{wordy}]")`,
  forget: (slots) => ({ ...slots, distinct: 1 }),
  solve: (slots) => [
    {
      think: `The texts of ${py(text(slots, "text"))}, without gaps.`,
      code: `${strings("raw", text(slots, "text"))}
entries = ${"distinct" in slots ? "sorted({entry for entry in raw if entry is not None})" : "[entry for entry in raw if entry is not None]"}
print(len(raw), "rows; samples:", entries[:3])`,
    },
    {
      think: "Lengths, and words as white space separates them.",
      code: `lengths = [len(entry) for entry in entries]
print(f"mean_length = ${rounded("sum(lengths) / len(lengths)", slots)}")
print("longest =", max(lengths))
print("wordy =", sum(len(entry.split()) > ${number(slots, "words")} for entry in entries))`,
    },
  ],
};
