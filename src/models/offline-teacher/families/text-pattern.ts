import { type Family, py, rounding, strings, text } from "../family.ts";
import { sayable, texts } from "../profile.ts";
import { rounded } from "../snippets.ts";

/** Rows whose text holds a word or a piece of one. */
export const textPattern: Family = {
  name: "text_pattern",
  difficulty: "easy",
  wordings: [
    "In how many rows does {text} {how:contain|begin with|end with} {pattern}, and what percentage of the rows with a text is that?",
    "Count the entries of {text} that {how:contain|begin with|end with} {pattern}, and give their share in percent.",
    "How common is it that {text} should {how:contain|begin with|end with} {pattern}: how many rows, and how many percent?",
  ],
  constraints: [
    [
      "Upper and lower case are the same; the text is not a pattern language.",
      "Ignore case and take the text literally.",
    ],
    ["Rows without a text do not count.", "Missing texts are left out of the count and of the percentage."],
    rounding,
  ],
  answers: [
    { name: "rows", written: "is a whole number" },
    { name: "percent", written: "is rounded to {#places} decimals" },
  ],
  numeric: [],
  propose: (table, draw) =>
    draw.shuffle(
      texts(table).flatMap((column) => {
        const words = [...column.examples, ...column.top.map(({ value }) => value)]
          .flatMap((value) => value.toLowerCase().match(/[a-z]{3,}/g) ?? [])
          .filter(sayable);
        return draw
          .shuffle([...new Set(words)])
          .slice(0, 4)
          .map((word) => {
            const how = draw.pick(["contain", "contain", "begin with", "end with"]);
            const pattern =
              how === "begin with" ? word.slice(0, 1) : how === "end with" ? word.slice(-1) : word.slice(0, 4);
            return { text: column.name, how, pattern, places: draw.pick([1, 2]) };
          });
      }),
    ),
  reference: (slots) => {
    const method = { "begin with": "startswith(", "end with": "endswith(" }[text(slots, "how")] ?? "contains(";
    return `
texts = df[${py(text(slots, "text"))}].dropna().astype(str).str.lower()
hits = texts.str.${method}${py(text(slots, "pattern"))}${method === "contains(" ? ", regex=False" : ""})
print(f"@rows[{int(hits.sum())}] @percent[${rounded("100 * hits.mean()", slots)}]")`;
  },
  forget: (slots) => ({ ...slots, sensitive: 1 }),
  solve: (slots) => {
    const test =
      {
        "begin with": `entry[:${text(slots, "pattern").length}] == wanted`,
        "end with": `entry[-${text(slots, "pattern").length}:] == wanted`,
      }[text(slots, "how")] ?? "wanted in entry";
    return [
      {
        think: `A look at how ${py(text(slots, "text"))} is written.`,
        code: `${strings("raw", text(slots, "text"))}
entries = [entry${"sensitive" in slots ? "" : ".lower()"} for entry in raw if entry is not None]
print(len(raw) - len(entries), "rows without a text; samples:", entries[:4])`,
      },
      {
        think: `Now those that ${text(slots, "how")} ${py(text(slots, "pattern"))}.`,
        code: `wanted = ${py(text(slots, "pattern"))}
found = [entry for entry in entries if ${test}]
print("such as", sorted(set(found))[:4])
print("rows =", len(found))
print(f"percent = ${rounded("100 * len(found) / len(entries)", slots)}")`,
      },
    ];
  },
};
