// The proposer's code, and what it reads off the outputs.
import { py } from "./family.ts";
import { loadForReference } from "./loading.ts";
import type { Table } from "./profile.ts";
import type { Draft } from "./question.ts";

export const valueSlots = ["value", "x", "y", "x1", "x2", "target"];
export const groupSlots = ["group", "a", "b"];

export function columnsOf(draft: Draft, names: readonly string[]): string[] {
  return names.flatMap((name) => (name in draft.slots ? [String(draft.slots[name])] : []));
}

export function lookCode(tables: readonly Table[], drafts: readonly Draft[]): string {
  const blocks = tables.map((table) => {
    const mine = drafts.filter((draft) => draft.table === table);
    const values = [...new Set(mine.flatMap((draft) => columnsOf(draft, valueSlots)))];
    return `${loadForReference(table.file)}
print(${py(table.file)}, df.shape)
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
  if (values.every((value) => Number(value) === 0)) return false;
  if (values.some((value) => value.replace(/\D/g, "").length > 11)) return false; // beyond what floats can be trusted with
  return /^@\w+\[[^[\]]+\](?: @\w+\[[^[\]]+\])*$/.test(printed) && !/\[-?(?:nan|inf|NaT|None)\]/i.test(printed);
}
