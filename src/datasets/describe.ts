import type { ColumnProfile, FileProfile } from "../domain/dataset.ts";
import { type AlikeColumns, groupAlike } from "./alike.ts";
import { formatOf, isGzip } from "./index.ts";

/** The most characters that all files of a dataset together are described in. */
export const profileCharacters = 32_000;
/** Of these, the most for keys and joins. */
const relationCharacters = 6_000;
const columnsShown = 60;
/** Of many columns: a line that is longer is left out, because its name alone would fill the text. */
const lineCharacters = 1_000;

/**
 * A profile as the text a model is shown: one line per file and column, numbers to 6 significant digits, names and values JSON-quoted,
 * then the keys and joins found. At most `profileCharacters` long: what is left out is counted.
 */
export function describeProfile(profile: readonly FileProfile[]): string {
  const relations = describeRelations(profile);
  const room = profileCharacters - (relations === "" ? 0 : relations.length + 2);
  const files = describeFiles(profile, room);
  return relations === "" ? files : `${files}\n\n${relations}`;
}

function describeFiles(profile: readonly FileProfile[], room: number): string {
  const whole = profile.map((file) => ({
    file,
    text: describeFile(file, { full: true, characters: Number.MAX_SAFE_INTEGER }),
  }));
  const total = whole.reduce((sum, { text }) => sum + text.length + 2, 0);
  if (total <= room) return whole.map(({ text }) => text).join("\n\n");
  // Small files are shown whole; the rest share what is left alike.
  const bySize = [...whole].sort((a, b) => a.text.length - b.text.length);
  const shares = new Map<FileProfile, number>();
  let left = room - 100;
  for (const [index, { file, text }] of bySize.entries()) {
    const share = Math.floor(left / (bySize.length - index)) - 2;
    const taken = Math.min(share, text.length);
    shares.set(file, taken);
    left -= taken + 2;
  }
  const shown: string[] = [];
  let used = 0;
  for (const { file, text } of whole) {
    const share = shares.get(file) ?? 0;
    const described = text.length <= share ? text : describeFile(file, { full: false, characters: share });
    if (used + described.length + 2 > room - 100) break;
    shown.push(described);
    used += described.length + 2;
  }
  const hidden = profile.length - shown.length;
  return hidden === 0
    ? shown.join("\n\n")
    : [...shown, `… and ${hidden} more files or sheets under /data`].join("\n\n");
}

/** The heading and as many column lines as there is room for; a heading always. */
function describeFile(profile: FileProfile, options: { full: boolean; characters: number }): string {
  const heading = `${placeOf(profile)} (${formatName(profile.file)}, ${profile.rows} rows, ${profile.columns.length} columns)`;
  const wide = profile.columns.length > columnsShown;
  const entries = wide ? groupAlike(profile.columns) : profile.columns;
  const lines: string[] = [];
  let hidden = 0;
  let used = heading.length + 40;
  for (const entry of entries) {
    const columns = "columns" in entry ? entry.columns.length : 1;
    const line = "columns" in entry ? describeAlike(entry) : describeColumn(entry, options.full ? "whole" : "short");
    const tooLong = line.length > lineCharacters && (wide || !options.full);
    if (lines.length >= columnsShown || tooLong || used + line.length + 1 > options.characters) {
      hidden += columns;
      continue;
    }
    lines.push(line);
    used += line.length + 1;
  }
  return [heading, ...lines, ...(hidden > 0 ? [`- … and ${hidden} more columns`] : [])].join("\n");
}

function formatName(file: string): string {
  const format = formatOf(file)?.toUpperCase() ?? "unknown format";
  return isGzip(file) ? `${format} gzip` : format;
}

function placeOf({ file, sheet }: { file: string; sheet?: string | undefined }): string {
  return sheet === undefined ? `/data/${file}` : `/data/${file} sheet ${quote(sheet)}`;
}

function describeColumn(column: ColumnProfile, detail: "whole" | "short"): string {
  const missing = column.missing > 0 ? `, ${column.missing} missing` : "";
  const top = (column.top ?? [])
    .slice(0, detail === "whole" ? 8 : 3)
    .map(({ value, rows }) => `${quote(value)} (${rows})`);
  const examples = (column.examples ?? []).slice(0, detail === "whole" ? 3 : 1).map(quote);
  const parts = [
    `- ${quote(column.name)} ${column.kind}${column.asText === true ? " as text" : ""}, ${column.distinct} distinct${missing}`,
    describeRange(column),
    top.length > 0 ? `top: ${top.join(", ")}` : "",
    examples.length > 0 ? `examples: ${examples.join(", ")}` : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
}

function describeAlike({ columns, min, max, distinct, missing }: AlikeColumns): string {
  const [first, last] = [columns[0], columns.at(-1)];
  const range = (low: number, high: number) => (low === high ? `${low}` : `${low} to ${high}`);
  const parts = [
    `- ${quote(first?.name ?? "")} … ${quote(last?.name ?? "")} ${first?.kind}${first?.asText === true ? " as text" : ""}, ${columns.length} columns alike, ${range(...distinct)} distinct${missing[1] > 0 ? `, ${range(...missing)} missing` : ""}`,
    [min === undefined ? "" : `min ${show(min)}`, max === undefined ? "" : `max ${show(max)}`]
      .filter((part) => part !== "")
      .join(", "),
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

function describeRelations(profile: readonly FileProfile[]): string {
  const lines = profile.flatMap((table) => [
    ...(table.keys ?? []).map((key) => `- ${quote(placeOf(table))} key: ${key.map(quote).join(", ")}`),
  ]);
  const joins = profile.flatMap((table) =>
    (table.joins ?? []).map(
      ({ column, to, shape, found }) =>
        `- ${quote(placeOf(table))} ${quote(column)} joins ${quote(placeOf(to))} ${quote(to.column)}: ${shape}, ${show(found * 100)} % of values found`,
    ),
  );
  if (lines.length + joins.length === 0) return "";
  const heading = "Likely keys and joins:";
  // Joins say more than keys where there is no room for both.
  const shown: string[] = [];
  let used = heading.length + 60;
  for (const line of [...joins, ...lines]) {
    if (used + line.length + 1 > relationCharacters) continue;
    shown.push(line);
    used += line.length + 1;
  }
  const hidden = lines.length + joins.length - shown.length;
  const ordered = [...lines, ...joins].filter((line) => shown.includes(line));
  return [heading, ...ordered, ...(hidden > 0 ? [`- … and ${hidden} more keys and joins`] : [])].join("\n");
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
