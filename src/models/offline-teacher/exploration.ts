// The proposer's code, and what it reads off the outputs.
import { py } from "./family.ts";
import { filterForReference } from "./filter.ts";
import { loadForReference } from "./loading.ts";
import type { Table } from "./profile.ts";
import type { Draft } from "./question.ts";

export const valueSlots = ["value", "x", "y", "x1", "x2", "target", "weight"];
export const groupSlots = ["group", "a", "b"];

/** Columns of the draft's own table in these slots; the groups of a join are another table's. */
export function columnsOf(draft: Draft, names: readonly string[]): string[] {
  return names.flatMap((name) =>
    name in draft.slots && !(draft.family.joins && name === "group") ? [String(draft.slots[name])] : [],
  );
}

export function lookCode(tables: readonly Table[], drafts: readonly Draft[]): string {
  const blocks = tables.map((table) => {
    const mine = drafts.filter((draft) => draft.table === table);
    const values = [...new Set(mine.flatMap((draft) => columnsOf(draft, valueSlots)))];
    return `${loadForReference(table.file)}
print(${py(table.file)}, df.shape, "columns", df.columns[:60].tolist())
print(df.head(3).to_string(max_colwidth=30))
for name in [${values.map(py).join(", ")}]:
    print("column", json.dumps([${py(table.file)}, name]), df[name].dtype, "numbers", int(pd.to_numeric(df[name], errors="coerce").notna().sum()), "missing", int(df[name].isna().sum()))`;
  });
  return `import json\n${blocks.join("\n")}`;
}

/** How a column is named in the outputs: file and column, as Python's json prints them. */
function printedName(draft: Draft, column: string): string {
  return `[${JSON.stringify(draft.table.file)}, ${JSON.stringify(column)}]`;
}

/** Columns that hold too few numbers to ask about, as printed. */
export function unusableColumns(observation: string): string[] {
  return [...observation.matchAll(/^column (\[".*"\]) \S+ numbers (\d+) missing/gm)]
    .filter((match) => Number(match[2]) < 20)
    .map((match) => match[1] ?? "");
}

export function groupsCode(tables: readonly Table[], drafts: readonly Draft[]): string {
  const blocks = tables.map((table) => {
    const mine = drafts.filter((draft) => draft.table === table);
    const groups = [...new Set(mine.flatMap((draft) => columnsOf(draft, groupSlots)))];
    return `${tables.length > 1 ? `${loadForReference(table.file)}\n` : ""}for name in [${groups.map(py).join(", ")}]:
    counts = df[name].dropna().astype(str).value_counts()
    print("groups", json.dumps([${py(table.file)}, name]), json.dumps(counts.head(30).to_dict()))
print(df.isna().sum()[df.isna().sum() > 0].to_dict())`;
  });
  return blocks.join("\n");
}

export function groupSizes(observation: string): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const lines = observation.matchAll(/^groups (\[".*?"\]) (\{.*\})$/gm);
  return new Map(
    [...lines].map(([, column = "", counts = "{}"]) => [column, JSON.parse(counts) as Record<string, number>]),
  );
}

/** A question about dates assumes a form of writing them: how many entries have it? */
export function datesCode(tables: readonly Table[], drafts: readonly Draft[]): string {
  const blocks = tables.flatMap((table) => {
    const mine = drafts.filter((draft) => draft.table === table);
    const names = [
      ...new Set(
        mine.flatMap((draft) =>
          draft.slots.form === "dates" ? columnsOf(draft, ["time"]) : columnsOf(draft, ["date"]),
        ),
      ),
    ];
    if (names.length === 0) return [];
    return [
      `${tables.length > 1 ? `${loadForReference(table.file)}\n` : ""}for name in [${names.map(py).join(", ")}]:
    iso = pd.to_datetime(df[name], format="%Y-%m-%d", errors="coerce").notna().sum()
    any_form = pd.to_datetime(df[name], errors="coerce", utc=True).notna().sum()
    print("dates", name, "year-month-day", int(iso), "any form", int(any_form), "of", int(df[name].notna().sum()))`,
    ];
  });
  return blocks.join("\n");
}

/** What the outputs of `datesCode` say of the assumption that dates are written year-month-day. */
export function datesRemark(observation: string): string {
  const found = [...observation.matchAll(/^dates .* year-month-day (\d+) any form (\d+) of (\d+)$/gm)];
  if (found.length === 0) return "";
  return found.some(([, iso, any]) => Number(iso) < Number(any))
    ? "Dates are not written year-month-day throughout, as I had assumed: the programs must not force a form on them."
    : "Dates are written as I assumed.";
}

/** How many rows each draft's conditions leave. */
export function rowsCode(tables: readonly Table[], drafts: readonly Draft[]): string {
  const blocks = tables.flatMap((table) => {
    const mine = [...drafts.entries()].filter(([, draft]) => draft.table === table && draft.filter.length > 0);
    if (mine.length === 0) return [];
    return [
      `${tables.length > 1 ? loadForReference(table.file) : "whole = df"}${tables.length > 1 ? "\nwhole = df" : ""}`,
      ...mine.map(
        ([index, draft]) => `df = whole${filterForReference(draft.filter)}\nprint("rows of d${index}:", len(df))`,
      ),
      "df = whole",
    ];
  });
  return blocks.join("\n");
}

/** Drafts, by index, whose conditions leave fewer than `least` rows. */
export function tooFewRows(observation: string, least: number): readonly number[] {
  return [...observation.matchAll(/^rows of d(\d+): (\d+)$/gm)]
    .filter(([, , rows]) => Number(rows) < least)
    .map(([, index]) => Number(index));
}

/** Whether the data, as observed, can carry the question: numbers where numbers are needed, groups that are large enough. */
export function carries(
  draft: Draft,
  unusable: readonly string[],
  sizes: ReadonlyMap<string, Readonly<Record<string, number>>>,
): boolean {
  if (columnsOf(draft, valueSlots).some((name) => unusable.includes(printedName(draft, name)))) return false;
  for (const group of columnsOf(draft, groupSlots)) {
    const counts = sizes.get(printedName(draft, group));
    if (!counts) continue;
    const least = Number(draft.slots.least ?? 1);
    if (Object.values(counts).filter((rows) => rows >= least).length < 2) return false;
    for (const level of columnsOf(draft, ["first", "second", "level"])) if ((counts[level] ?? 0) < 8) return false;
  }
  return true;
}

export function runCode(drafts: readonly Draft[], from: number): string {
  const runs = drafts.map((draft, index) => `check("q${from + index}", r'''${draft.referenceCode}''')`);
  return `import contextlib, io
def check(name, code):
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, {"__name__": "__main__"})
        print(name + "=" + printed.getvalue().strip().splitlines()[-1][:300])
    except Exception as error:
        print(name + "=" + type(error).__name__ + ": " + str(error).splitlines()[0][:100])
${runs.join("\n")}`;
}

export function printedAnswers(observation: string): ReadonlyMap<number, string> {
  return new Map([...observation.matchAll(/^q(\d+)=(.*)$/gm)].map((match) => [Number(match[1]), match[2] ?? ""]));
}

/** Whether what was printed is worth asking for: every value there, none NaN, no brackets inside, not all of it zero. */
export function isAnswer(printed: string): boolean {
  const values = [...printed.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? "");
  // A figure that is exactly nothing comes of columns that do not vary: too poor to ask for, and 0/0 is near.
  if (values.every((value) => Number(value) === 0) || values.some((value) => /^0\.0+$/.test(value))) return false;
  if (values.some((value) => value.replace(/\D/g, "").length > 11)) return false; // beyond what floats can be trusted with
  if (values.some((value) => /^-0(?:\.0*)?$/.test(value))) return false; // whether it is written with a sign is an accident
  return /^@\w+\[[^[\]]+\](?: @\w+\[[^[\]]+\])*$/.test(printed) && !/\[-?(?:nan|inf|NaT|None)\]/i.test(printed);
}
