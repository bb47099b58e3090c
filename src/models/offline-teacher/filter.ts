// "Only rows in which …": one or more conditions on rows that any family's question can carry.
import type { Draw } from "./draw.ts";
import { py } from "./family.ts";
import { read, render, type Slots } from "./grammar.ts";
import { dates, groupings, levels, measures, sayable, type Table, years } from "./profile.ts";

/** One condition on a row: which form it has, and what stands in its slots. */
export interface Condition {
  readonly form: (typeof forms)[number]["name"];
  readonly slots: Slots;
}

/** A row without a value in `column` meets none of them. */
const forms = [
  { name: "is", sentence: "{column} is {level}" },
  { name: "not", sentence: "{column} is given but not {level}" },
  { name: "least", sentence: "{column} is at least {#bound}" },
  { name: "below", sentence: "{column} is below {#bound}" },
  { name: "range", sentence: "{column} lies from {#bound} to {#upper} (both included)" },
  { name: "since", sentence: "{column} falls in {#bound} or later" },
] as const;

/** Where the conditions stand: before the question, after it, or among the constraints. */
const places = {
  before: [
    "Consider only rows in which {rows}.",
    "Take the rows where {rows}, and no others.",
    "Restrict the data to rows where {rows}.",
    "Among all rows, keep those in which {rows}.",
  ],
  after: [
    "Answer this for rows where {rows} only.",
    "Everything else, that is all rows except those in which {rows}, is to be set aside first.",
    "The question concerns only rows in which {rows}.",
  ],
  constraint: [
    "Before anything else, keep only rows in which {rows}.",
    "Rows enter only if {rows}.",
    "First drop every row but those where {rows}.",
  ],
} as const;

const number = "-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?";
const quoted = '"(?:[^"\\\\]|\\\\.)*"';
const anyCondition = forms
  .map(({ sentence }) =>
    sentence
      .replace(/[()]/g, "\\$&")
      .replace(/\{#\w+\}/g, number)
      .replace(/\{\w+\}/g, quoted),
  )
  .join("|");

const sentencePatterns = Object.entries(places).flatMap(([place, sentences]) =>
  sentences.map((sentence) => {
    const [head = "", tail = ""] = sentence.split("{rows}").map(escaped);
    return { place, pattern: new RegExp(`${head}((?:${anyCondition})(?: and (?:${anyCondition}))*)${tail}`) };
  }),
);

/** A question and its constraints with the conditions worked in. */
export function withFilter(
  question: string,
  constraints: readonly string[],
  filter: readonly Condition[],
  draw: Draw,
): { question: string; constraints: readonly string[] } {
  if (filter.length === 0) return { question, constraints };
  const rows = filter.map(sayCondition).join(" and ");
  const place = draw.pick(["before", "after", "constraint"] as const);
  const sentence = draw.pick(places[place]).replace("{rows}", () => rows);
  if (place === "before") return { question: `${sentence} ${question}`, constraints };
  if (place === "after") return { question: `${question} ${sentence}`, constraints };
  return { question, constraints: [sentence, ...constraints] };
}

/** A question without its conditions, and the conditions; none where there are none. */
export function takeFilter(question: string, constraints: string): { question: string; filter: readonly Condition[] } {
  for (const { place, pattern } of sentencePatterns) {
    const found = pattern.exec(place === "constraint" ? constraints : question);
    if (!found) continue;
    const filter = (found[1]?.match(new RegExp(anyCondition, "g")) ?? []).map(readCondition);
    return { question: place === "constraint" ? question : question.replace(found[0], () => "").trim(), filter };
  }
  return { question, filter: [] };
}

/** The condition as a clause. */
export function sayCondition({ form, slots }: Condition): string {
  return render(forms.find(({ name }) => name === form)?.sentence ?? "", slots);
}

function readCondition(text: string): Condition {
  for (const { name, sentence } of forms) {
    const slots = read(sentence, text, { whole: true });
    if (slots) return { form: name, slots };
  }
  throw new Error(`Expected a condition, got \`${text}\``);
}

/** Python of a reference program: `df` without the rows that miss a condition. */
export function filterForReference(filter: readonly Condition[]): string {
  const tests = filter.map(testForReference);
  return tests.length === 0 ? "" : `\ndf = df[${tests.join(" & ")}].reset_index(drop=True)`;
}

function testForReference({ form, slots }: Condition): string {
  const column = `df[${py(String(slots.column))}]`;
  const numeric = `pd.to_numeric(${column}, errors="coerce")`;
  switch (form) {
    case "is":
      return `(${column}.astype(str) == ${py(String(slots.level))})`;
    case "not":
      return `(${column}.notna() & (${column}.astype(str) != ${py(String(slots.level))}))`;
    case "least":
      return `(${numeric} >= ${slots.bound})`;
    case "below":
      return `(${numeric} < ${slots.bound})`;
    case "range":
      return `${numeric}.between(${slots.bound}, ${slots.upper})`;
    case "since":
      return `(pd.to_datetime(${column}, errors="coerce", utc=True).dt.year >= ${slots.bound})`;
  }
}

/** Python of a solution: the boolean array `keep` of rows that meet the condition. */
export function filterForSolving({ form, slots }: Condition): string {
  const column = `df[${py(String(slots.column))}]`;
  const values = `wanted = pd.to_numeric(${column}, errors="coerce").to_numpy(dtype=float)`;
  switch (form) {
    case "is":
      return `keep = np.array([str(entry) == ${py(String(slots.level))} for entry in ${column}], dtype=bool)`;
    case "not":
      return `keep = np.array([not pd.isna(entry) and str(entry) != ${py(String(slots.level))} for entry in ${column}], dtype=bool)`;
    case "least":
      return `${values}\nkeep = wanted >= ${slots.bound}`;
    case "below":
      return `${values}\nkeep = wanted < ${slots.bound}`;
    case "range":
      return `${values}\nkeep = (wanted >= ${slots.bound}) & (wanted <= ${slots.upper})`;
    case "since":
      return `keep = np.array(pd.DatetimeIndex(pd.to_datetime(${column}, errors="coerce", utc=True)).year >= ${slots.bound})`;
  }
}

/** Conditions, at most `most`, that leave at least 60 rows as far as the profile tells; on columns that are not `taken`. */
export function drawFilter(table: Table, taken: readonly string[], most: number, draw: Draw): readonly Condition[] {
  const filter: Condition[] = [];
  let share = 1;
  const used = new Set(taken);
  for (const { condition, kept } of draw.shuffle(candidates(table, draw))) {
    if (filter.length === most) break;
    const column = String(condition.slots.column);
    if (used.has(column) || table.rows * share * kept < 60 || share * kept < 0.15) continue;
    used.add(column);
    share *= kept;
    filter.push(condition);
  }
  return filter;
}

function candidates(table: Table, draw: Draw): { condition: Condition; kept: number }[] {
  const found: { condition: Condition; kept: number }[] = [];
  const add = (form: Condition["form"], slots: Slots, kept: number) => found.push({ condition: { form, slots }, kept });
  for (const column of groupings(table)) {
    for (const level of draw.shuffle(levels(column, 60)).slice(0, 2)) {
      const rows = column.top.find(({ value }) => value === level)?.rows ?? 0;
      add("is", { column: column.name, level }, rows / table.rows);
    }
    const [other] = draw.shuffle(levels(column, 1));
    const rows = column.top.find(({ value }) => value === other)?.rows ?? 0;
    if (other !== undefined)
      add("not", { column: column.name, level: other }, 1 - (rows + column.missing) / table.rows);
  }
  for (const { name, quartiles, missing } of [...measures(table), ...years(table)]) {
    if (quartiles === null || new Set(quartiles).size < 3 || quartiles.some((bound) => /e/.test(String(bound))))
      continue;
    const there = 1 - missing / table.rows;
    const [lower, middle, upper] = quartiles;
    const [form, slots, kept] = draw.pick<readonly [Condition["form"], Slots, number]>([
      ["least", { column: name, bound: lower }, 0.75],
      ["least", { column: name, bound: middle }, 0.5],
      ["below", { column: name, bound: upper }, 0.75],
      ["below", { column: name, bound: middle }, 0.5],
      ["range", { column: name, bound: lower, upper }, 0.5],
    ]);
    add(form, slots, kept * there);
  }
  for (const { name, min, max } of dates(table)) {
    const [first, last] = [Number(min?.slice(0, 4)), Number(max?.slice(0, 4))];
    if (!(last - first >= 3)) continue;
    const later = Math.floor(draw.number() * Math.ceil((last - first) / 2));
    add("since", { column: name, bound: first + 1 + later }, 1 - (1 + later) / (last - first + 1));
  }
  return found.filter(({ condition }) => sayable(String(condition.slots.column)));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
