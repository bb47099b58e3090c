import type { ColumnProfile } from "../domain/dataset.ts";

const fewestAlike = 8;

/** Columns of one kind whose names differ in a number only, with the span of their figures. */
export interface AlikeColumns {
  readonly columns: readonly ColumnProfile[];
  readonly distinct: readonly [number, number];
  readonly missing: readonly [number, number];
  readonly min?: number | string;
  readonly max?: number | string;
}

/** A table's columns in order, eight or more that are alike (`x_1` … `x_900`) as one, at the place of their first. */
export function groupAlike(columns: readonly ColumnProfile[]): (ColumnProfile | AlikeColumns)[] {
  const groups = new Map<string, ColumnProfile[]>();
  for (const column of columns) {
    const form = formOf(column);
    const group = groups.get(form);
    if (group === undefined) groups.set(form, [column]);
    else group.push(column);
  }
  return columns.flatMap((column): (ColumnProfile | AlikeColumns)[] => {
    const group = groups.get(formOf(column)) ?? [];
    if (group.length < fewestAlike) return [column];
    return group[0] === column ? [spanOf(group)] : [];
  });
}

function formOf({ name, kind, asText }: ColumnProfile): string {
  // Whole numbers and numbers among pixels and weights are chance.
  const family = kind === "integer" ? "number" : kind;
  return /\d/.test(name) ? `${family} ${asText ?? ""} ${name.replace(/\d+/g, "0")}` : `${family} ${name} `;
}

function spanOf(columns: readonly ColumnProfile[]): AlikeColumns {
  const mins = columns.flatMap(({ min }) => (min === undefined ? [] : [min]));
  const maxs = columns.flatMap(({ max }) => (max === undefined ? [] : [max]));
  const lowest = mins.reduce<number | string | undefined>(
    (low, x) => (low === undefined || x < low ? x : low),
    undefined,
  );
  const highest = maxs.reduce<number | string | undefined>(
    (top, x) => (top === undefined || x > top ? x : top),
    undefined,
  );
  return {
    columns,
    distinct: span(columns.map(({ distinct }) => distinct)),
    missing: span(columns.map(({ missing }) => missing)),
    ...(lowest !== undefined && { min: lowest }),
    ...(highest !== undefined && { max: highest }),
  };
}

function span(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}
