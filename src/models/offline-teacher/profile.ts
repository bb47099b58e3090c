// What the seed message says about the files, and which columns are good for which use.

import type { Draw } from "./draw.ts";

export interface Column {
  readonly name: string;
  readonly kind: string;
  /** The values are written with signs or separators and have to be cleaned before arithmetic. */
  readonly asText: boolean;
  readonly distinct: number;
  readonly missing: number;
  readonly min: string | null;
  readonly max: string | null;
  /** First, second and third quartile, as the profile writes them; null where it has none. */
  readonly quartiles: readonly [number, number, number] | null;
  readonly top: readonly { readonly value: string; readonly rows: number }[];
  readonly examples: readonly string[];
}

/** A column whose values stand in a column of another table, where each of them is a key. */
export interface Join {
  readonly column: string;
  readonly other: Table;
  readonly otherColumn: string;
}

export interface Table {
  /** The path, followed by ` sheet "…"` for a sheet of a workbook. */
  readonly file: string;
  readonly rows: number;
  readonly columns: readonly Column[];
  readonly joins: readonly Join[];
}

const heading = /^(\/data\/.+) \([^()]*?([\d,]+) rows?, [\d,]+ columns?\)$/;
const quotedText = '"(?:[^"\\\\]|\\\\.)*"';
const columnLine = new RegExp(`^- (${quotedText}) (\\w+)( as text)?(, .*)$`);
const joinLine = new RegExp(
  `^- (${quotedText}) (${quotedText}) joins (${quotedText}) (${quotedText}): (?:many|one) to one\\b`,
);

/** The tables of a rendered profile, in order; lines that are neither a file, a column nor a join are passed over. */
export function readProfile(text: string): Table[] {
  const tables: { file: string; rows: number; columns: Column[]; joins: Join[] }[] = [];
  for (const line of text.split("\n").map((one) => one.trim())) {
    const file = heading.exec(line);
    if (file) tables.push({ file: file[1] ?? "", rows: whole(file[2]), columns: [], joins: [] });
    const column = columnLine.exec(line);
    if (column) tables.at(-1)?.columns.push(readColumn(column));
    const join = joinLine.exec(line);
    if (join) {
      const [from, name, to, otherColumn] = join.slice(1).map((quoted) => JSON.parse(quoted) as string);
      const other = tables.find((table) => table.file === to);
      const table = tables.find((each) => each.file === from);
      if (table && other && name !== undefined && otherColumn !== undefined) {
        table.joins.push({ column: name, other, otherColumn });
      }
    }
  }
  return tables;
}

function readColumn([, quotedName = '""', kind = "", asText, rest = ""]: RegExpExecArray): Column {
  const examplesAt = rest.indexOf("; examples: ");
  const described = examplesAt < 0 ? rest : rest.slice(0, examplesAt);
  const topAt = described.indexOf("top: ");
  const top = topAt < 0 ? "" : described.slice(topAt);
  const quartiles = /quartiles (\S+) \/ (\S+) \/ ([^,;\s]+)/.exec(described)?.slice(1).map(Number) ?? [];
  const [first, second, third] = quartiles;
  return {
    name: JSON.parse(quotedName) as string,
    kind,
    asText: asText !== undefined,
    distinct: whole(/([\d,]+) distinct/.exec(described)?.[1]),
    missing: whole(/([\d,]+) missing/.exec(described)?.[1]),
    min: /; min ([^,;/]+)/.exec(described)?.[1]?.trim() ?? null,
    max: /[,;] max ([^,;/]+)/.exec(described)?.[1]?.trim() ?? null,
    quartiles:
      first === undefined || second === undefined || third === undefined || !quartiles.every(Number.isFinite)
        ? null
        : [first, second, third],
    top: [...top.matchAll(/("(?:[^"\\]|\\.)*") \(([\d,]+)\)/g)].map(([, value = '""', rows]) => ({
      value: JSON.parse(value) as string,
      rows: whole(rows),
    })),
    examples:
      examplesAt < 0
        ? []
        : [...rest.slice(examplesAt).matchAll(/"(?:[^"\\]|\\.)*"/g)].map(([value]) => JSON.parse(value) as string),
  };
}

function whole(text: string | undefined): number {
  return Number((text ?? "0").replaceAll(",", ""));
}

// Names and values go into Python strings, into tags and into @name[value]: what would break any of these is left alone.
const plain = /^[^\n\r<>"\\{}[\]`]+$/;
export const sayable = (text: string) => plain.test(text) && !text.includes("'''") && text.trim() === text;

const numericKinds = new Set(["number", "integer", "money", "percent"]);
const calendar = /year|decade/i;
const place = /^(lat|lon|lng|latitude|longitude|x|y)$/i;
const label = /\b(id|code|index|zip|key)\b|_id$|^id_|_code$/i;

/** Numeric columns worth averaging: enough different values, no years, no codes; coordinates only where nothing else is. */
export function measures(table: Table): Column[] {
  const numeric = table.columns.filter(
    (column) =>
      numericKinds.has(column.kind) &&
      !column.asText &&
      sayable(column.name) &&
      column.distinct >= 10 &&
      table.rows - column.missing >= 20 &&
      !calendar.test(column.name) &&
      !label.test(column.name),
  );
  const proper = numeric.filter((column) => !place.test(column.name));
  return proper.length > 0 ? proper : numeric;
}

/** Columns whose values make groups of several rows. */
export function groupings(table: Table): Column[] {
  return table.columns.filter((column) => {
    if (!sayable(column.name) || column.distinct < 2) return false;
    const few = column.distinct <= 60 && table.rows / column.distinct >= 4;
    if (column.kind === "integer") return few && column.distinct <= 12 && column.missing === 0;
    return few && (column.kind === "category" || column.kind === "boolean" || column.kind === "text");
  });
}

/** Values of a grouping that stand in at least `rows` rows. */
export function levels(column: Column, rows: number): string[] {
  return column.top.filter((entry) => entry.rows >= rows && sayable(entry.value)).map((entry) => entry.value);
}

/** Columns that hold dates. */
export function dates(table: Table): Column[] {
  return table.columns.filter((column) => column.kind === "date" && sayable(column.name) && column.distinct >= 4);
}

/** Whole-number columns that hold calendar years. */
export function years(table: Table): Column[] {
  return table.columns.filter(
    (column) =>
      column.kind === "integer" &&
      calendar.test(column.name) &&
      sayable(column.name) &&
      column.missing === 0 &&
      column.distinct >= 4,
  );
}

/** Texts of one line: words, names, repeated values. */
export function texts(table: Table): Column[] {
  return table.columns.filter(
    (column) =>
      sayable(column.name) &&
      (column.kind === "text" || column.kind === "category") &&
      column.distinct >= 3 &&
      table.rows - column.missing >= 20,
  );
}

// A currency sign, thousands in threes, a decimal point, a percent sign, brackets for what is negative: nothing that could be read two ways.
const cleanable = /^\(?-?[$€£¥]? ?-?\d{1,3}(?:(?:,\d{3})*|\d*)(?:\.\d+)? ?[%€$£]?\)?$/;

/** Amounts and percentages that are written as text, in a form that can be read one way only. */
export function writtenNumbers(table: Table): Column[] {
  return table.columns.filter((column) => {
    const values = [...column.examples, ...column.top.map(({ value }) => value)];
    return (
      column.asText &&
      numericKinds.has(column.kind) &&
      sayable(column.name) &&
      values.length > 0 &&
      values.every((value) => cleanable.test(value.trim()))
    );
  });
}

/** Where calendar years come from: dates, or whole numbers. */
export function yearSources(table: Table): { readonly time: string; readonly form: string }[] {
  return [
    ...dates(table).map(({ name }) => ({ time: name, form: "dates" })),
    ...years(table).map(({ name }) => ({ time: name, form: "plain year numbers" })),
  ];
}

/** Every grouping with every measure. */
export function measuredGroups(table: Table): { readonly group: Column; readonly value: Column }[] {
  return groupings(table).flatMap((group) =>
    measures(table)
      .filter((value) => value.name !== group.name)
      .map((value) => ({ group, value })),
  );
}

/** Whether no value of the column is negative, as far as the profile says. */
export const isNonNegative = (column: Column): boolean => Number(column.min ?? "-1") >= 0;

/** Columns with missing values in some but not all rows. */
export function gappy(table: Table): Column[] {
  return table.columns.filter(
    (column) => sayable(column.name) && column.kind !== "nested" && column.missing > 0 && column.missing < table.rows,
  );
}

/**
 * One group of a grouping with one measure: for every pair of them `take` levels of at least `rows` rows, drawn. `more` gives what
 * else a question on it needs, and is asked right after the levels of its pair were drawn.
 */
export function measuredLevels<More extends object>(
  table: Table,
  draw: Draw,
  { rows, take, more }: { readonly rows: number; readonly take: number; readonly more: () => More },
): ({ group: string; value: string; level: string } & More)[] {
  return groupings(table).flatMap((group) =>
    measures(table)
      .filter((value) => value.name !== group.name)
      .flatMap((value) =>
        draw
          .shuffle(levels(group, rows))
          .slice(0, take)
          .map((level) => ({ group: group.name, value: value.name, level, ...more() })),
      ),
  );
}
