import type { ColumnProfile, FileProfile } from "../domain/dataset.ts";
import { formatOf } from "./index.ts";

const columnsShown = 60;

/** A profile as the text a model is shown: one line per file and column; names and values JSON-quoted, numbers to 6 significant digits. */
export function describeProfile(profile: readonly FileProfile[]): string {
  return profile.map(describeFile).join("\n\n");
}

function describeFile({ file, rows, columns }: FileProfile): string {
  const format = formatOf(file)?.toUpperCase() ?? "unknown format";
  const hidden = columns.length - columnsShown;
  return [
    `/data/${file} (${format}, ${rows} rows, ${columns.length} columns)`,
    ...columns.slice(0, columnsShown).map(describeColumn),
    ...(hidden > 0 ? [`- … and ${hidden} more columns`] : []),
  ].join("\n");
}

function describeColumn(column: ColumnProfile): string {
  const missing = column.missing > 0 ? `, ${column.missing} missing` : "";
  const top = column.top?.map(({ value, rows }) => `${quote(value)} (${rows})`) ?? [];
  const parts = [
    `- ${quote(column.name)} ${column.kind}, ${column.distinct} distinct${missing}`,
    describeRange(column),
    top.length > 0 ? `top: ${top.join(", ")}` : "",
    column.examples?.length ? `examples: ${column.examples.map(quote).join(", ")}` : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
}

function describeRange({ min, max, mean, quartiles }: ColumnProfile): string {
  return [
    min === undefined ? "" : `min ${show(min)}`,
    quartiles === undefined ? "" : `quartiles ${quartiles.map(show).join(" / ")}`,
    max === undefined ? "" : `max ${show(max)}`,
    mean === undefined ? "" : `mean ${show(mean)}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}

function show(value: number | string): string {
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
}

/** JSON, with the characters escaped that would break a line or hide text in it. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
