// The question of each row of a file, whatever its format: what splits and decontamination compare.
import { extname } from "node:path";
import { isObject, type JsonObject } from "./chat-line.ts";
import { parquetRows } from "./columnar/parquet-read.ts";
import { readJsonl } from "./jsonl-check.ts";

/** A row's question: its first user text without what it shares with every row, and the source dataset where the row says it. */
export interface RowQuestion {
  readonly line: number;
  readonly text: string;
  readonly group: string | null;
}

/** The questions of a JSONL or Parquet file, row by row. Rows without a text to compare are left out. */
export async function* questionsOf(path: string): AsyncGenerator<RowQuestion> {
  let line = 0;
  for await (const row of extname(path) === ".parquet" ? parquetObjects(path) : readJsonl(path)) {
    line += 1;
    const text = row === null ? null : questionOf(row);
    if (row !== null && text !== null) yield { line, text, group: typeof row.group === "string" ? row.group : null };
  }
}

async function* parquetObjects(path: string): AsyncGenerator<JsonObject | null> {
  for await (const { value } of parquetRows(path)) yield isObject(value) ? value : null;
}

const lists = ["messages", "prompt", "conversations", "chosen"];

function questionOf(row: JsonObject): string | null {
  for (const key of ["question", "query", "problem", "prompt", "text"]) {
    const value = row[key];
    if (typeof value === "string") return value;
  }
  const inner = isObject(row.input) ? row.input : row;
  for (const key of lists) {
    const value = inner[key];
    if (!Array.isArray(value)) continue;
    for (const message of value as unknown[]) {
      if (!isObject(message) || (message.role !== "user" && message.from !== "human")) continue;
      const text = message.content ?? message.value;
      if (typeof text === "string") return text;
    }
  }
  return null;
}

/** A text's words in lower case, without what parts them. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
}

/** The sets of `size` words in a row of a text; a shorter text is one of its own. */
export function shinglesOf(words: readonly string[], size: number): string[] {
  if (words.length < size) return words.length === 0 ? [] : [words.join(" ")];
  return words.slice(0, words.length - size + 1).map((_, index) => words.slice(index, index + size).join(" "));
}

/**
 * The lines of text that at least half of the questions share: the words of the prompt's template, which every row has. Counted over the first
 * thousand rows.
 */
export async function sharedLines(path: string): Promise<ReadonlySet<string>> {
  const counts = new Map<string, number>();
  let rows = 0;
  for await (const { text } of questionsOf(path)) {
    rows += 1;
    for (const line of new Set(text.split("\n").map((one) => one.trim())))
      counts.set(line, (counts.get(line) ?? 0) + 1);
    if (rows >= 1_000) break;
  }
  return new Set(rows < 4 ? [] : [...counts].filter(([, times]) => times * 2 >= rows).map(([line]) => line));
}

/** A question without its template's lines. */
export function withoutShared(text: string, shared: ReadonlySet<string>): string {
  return text
    .split("\n")
    .filter((line) => !shared.has(line.trim()))
    .join("\n");
}
