// What the seed message says about the files, and which columns are good for which use.

import type { Draw } from "./draw.ts";

export interface Column {
  readonly name: string;
  readonly kind: string;
  readonly distinct: number;
  readonly missing: number;
  readonly min: string | null;
  readonly max: string | null;
  readonly top: readonly { readonly value: string; readonly rows: number }[];
}

export interface Table {
  readonly file: string;
  readonly rows: number;
  readonly columns: readonly Column[];
}

const heading = /^(\/data\/.+) \([^()]*?([\d,]+) rows?, [\d,]+ columns?\)$/;
const columnLine = /^- ("(?:[^"\\]|\\.)*") (\w+)(.*)$/;

/** The tables of a rendered profile, in order; lines that are neither a file nor a column are passed over. */
export function readProfile(text: string): Table[] {
  const tables: { file: string; rows: number; columns: Column[] }[] = [];
  for (const line of text.split("\n")) {
    const file = heading.exec(line.trim());
    if (file) tables.push({ file: file[1] ?? "", rows: whole(file[2]), columns: [] });
    const column = columnLine.exec(line.trim());
    if (column) tables.at(-1)?.columns.push(readColumn(column));
  }
  return tables;
}

function readColumn([, quotedName = '""', kind = "", rest = ""]: RegExpExecArray): Column {
  const topAt = rest.indexOf("top: ");
  const top = topAt < 0 ? "" : rest.slice(topAt);
  return {
    name: JSON.parse(quotedName) as string,
    kind,
    distinct: whole(/([\d,]+) distinct/.exec(rest)?.[1]),
    missing: whole(/([\d,]+) missing/.exec(rest)?.[1]),
    min: /; min ([^,;/]+)/.exec(rest)?.[1]?.trim() ?? null,
    max: /, max ([^,;/]+)/.exec(rest)?.[1]?.trim() ?? null,
    top: [...top.matchAll(/("(?:[^"\\]|\\.)*") \(([\d,]+)\)/g)].map(([, value = '""', rows]) => ({
      value: JSON.parse(value) as string,
      rows: whole(rows),
    })),
  };
}

function whole(text: string | undefined): number {
  return Number((text ?? "0").replaceAll(",", ""));
}

// Names and values go into Python strings, into tags and into @name[value]: what would break any of these is left alone.
const plain = /^[^\n\r<>"\\{}[\]`]+$/;
const sayable = (text: string) => plain.test(text) && !text.includes("'''") && text.trim() === text;

const calendar = /year|decade/i;
const place = /^(lat|lon|lng|latitude|longitude|x|y)$/i;
const label = /\b(id|code|index|zip|key)\b|_id$|^id_|_code$/i;

/** Numeric columns worth averaging: enough different values, no years, no codes; coordinates only where nothing else is. */
export function measures(table: Table): Column[] {
  const numeric = table.columns.filter(
    (column) =>
      (column.kind === "number" || column.kind === "integer") &&
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
