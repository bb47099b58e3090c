import { type Family, py, rounding, text } from "../family.ts";
import { writtenNumbers } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** Amounts or percentages written as text: cleaned, then summed up. */
export const writtenNumber: Family = {
  name: "written_numbers",
  difficulty: "medium",
  wordings: [
    "The column {value} holds numbers written as text. What are their mean and their {what:total|median|maximum}?",
    "Clean {value}, which is text with signs and separators, into numbers. Report the mean and the {what:total|median|maximum}.",
    "After turning the texts of {value} into numbers, how large are the mean and the {what:total|median|maximum}?",
  ],
  constraints: [
    [
      "Strip currency and percent signs, spaces and thousands commas; brackets mean a negative number; a percentage counts as written (45 % is 45).",
      "Remove signs for currency and percent, white space and the commas between thousands. A value in brackets is negative, and 45 % means 45.",
    ],
    [
      "What cannot be read as a number then is left out.",
      "Missing entries, and texts that still are no number, do not count.",
    ],
    rounding,
  ],
  answers: [
    { name: "mean", written: "is rounded to {#places} decimals" },
    { name: "result", written: "is the second figure asked for, rounded to {#places} decimals" },
  ],
  numeric: [],
  propose: (table, draw) =>
    writtenNumbers(table).flatMap(({ name }) =>
      draw.shuffle(["total", "median", "maximum"]).map((what) => ({ value: name, what, places: 2 })),
    ),
  reference: (slots) => `
raw = df[${py(text(slots, "value"))}].dropna().astype(str)
bare = raw.str.replace(r"[^0-9.\\-()]", "", regex=True).str.replace(r"^\\((.*)\\)$", r"-\\1", regex=True)
values = pd.to_numeric(bare, errors="coerce").dropna()
print(f"@mean[${rounded("values.mean()", slots)}] @result[${rounded(`values.${{ total: "sum", median: "median" }[text(slots, "what")] ?? "max"}()`, slots)}]")`,
  forget: (slots) => ({ ...slots, naive: 1 }),
  solve: (slots) => [
    {
      think: `Perhaps pandas can read ${py(text(slots, "value"))} as numbers as it is.`,
      code: `raw = [str(entry) for entry in df[${py(text(slots, "value"))}] if not pd.isna(entry)]
print(int(pd.to_numeric(pd.Series(raw), errors="coerce").notna().sum()), "of", len(raw), "can be read as they are; the first ones:", raw[:5])
print("characters that are no digits:", sorted({c for entry in raw for c in entry if not c.isdigit()}))`,
    },
    {
      think: "The signs and separators seen there have to go before the texts are numbers.",
      code: `def as_number(entry):
    negative = entry.strip().startswith("(")
    kept = "".join(c for c in entry if c in "0123456789.-")
    try:
        return -float(kept) if negative else float(kept)
    except ValueError:
        return None
values = [n for n in map(as_number, raw) if n is not None]
${"naive" in slots ? 'values = [n for n, entry in zip(map(as_number, raw), raw) if n is not None and "," not in entry]\n' : ""}print(len(values), "numbers out of", len(raw), "texts")`,
    },
    {
      think: `Mean and ${text(slots, "what")} of the cleaned numbers.`,
      code: `print(f"mean = ${rounded("sum(values) / len(values)", slots)}")
print(f"result = ${rounded({ total: "sum(values)", median: "float(np.median(values))" }[text(slots, "what")] ?? "max(values)", slots)}")`,
    },
  ],
};
