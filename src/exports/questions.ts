// The question of each row of a file, whatever its format: what splits and decontamination compare.
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { UsageError } from "../domain/errors.ts";
import { sha256 } from "../domain/hash.ts";
import { parseJson } from "../domain/reply-json.ts";
import { isObject, type JsonObject } from "./chat-line.ts";
import { parquetRows } from "./columnar/parquet-read.ts";
import { exportedBytes } from "./exported-bytes.ts";
import { readJsonl } from "./jsonl-check.ts";

/** A row's question: its first user text, and the source dataset and the SHA-256 of its data files where the row says them. */
export interface RowQuestion {
  readonly line: number;
  readonly text: string;
  readonly group: string | null;
  readonly files: readonly string[];
}

/** A `.json` file is one value and is read whole; no list of test questions is larger. */
const mostJsonBytes = 256e6;

/**
 * The questions of a JSONL or Parquet file, row by row, or of a JSON file that holds a list (`line` counts its entries from 1). Rows without a
 * text to compare are left out. @throws {UsageError} where there is no file, or it holds no question at all: nothing compared is not nothing found.
 */
export async function* questionsOf(path: string): AsyncGenerator<RowQuestion> {
  let line = 0;
  let found = 0;
  for await (const row of rowsOf(path)) {
    line += 1;
    const text = row === null ? null : questionOf(row);
    if (row === null || text === null) continue;
    found += 1;
    yield { line, text, ...originOf(row) };
  }
  if (found === 0)
    throw new UsageError(
      `Expected rows with a question in \`${path}\` (\`question\`, \`messages\`, \`prompt\` …), got ${line === 0 ? "no rows" : `none in ${line} rows`}: name a JSONL or Parquet file of conversations or questions, or a JSON list of them`,
    );
}

async function* rowsOf(path: string): AsyncGenerator<JsonObject | null> {
  const bytes = await exportedBytes(path);
  if (extname(path) === ".parquet") {
    for await (const { value } of parquetRows(path)) yield isObject(value) ? value : null;
    return;
  }
  if (extname(path) !== ".json") {
    yield* readJsonl(path);
    return;
  }
  if (bytes > mostJsonBytes)
    throw new UsageError(
      `Expected \`${path}\` to be of at most ${mostJsonBytes / 1e6} MB, for JSON is read whole, got ${bytes} bytes: write it as JSONL`,
    );
  const value = parseJson(await readFile(path, "utf8"));
  const list = Array.isArray(value) ? value : isObject(value) ? Object.values(value).find(Array.isArray) : undefined;
  for (const row of (list ?? []) as unknown[]) yield isObject(row) ? row : null;
}

const texts = ["question", "query", "problem", "instruction", "prompt", "text", "description"];
const lists = ["messages", "prompt", "conversations", "chosen", "steps"];

function questionOf(row: JsonObject): string | null {
  const inner = [row.input, row.body].find(isObject) ?? row;
  for (const key of lists) {
    const text = firstAsked(inner[key]);
    if (text !== null) return text;
  }
  for (const key of texts) {
    const value = inner[key];
    if (typeof value === "string" && value.trim() !== "") return value;
  }
  return null;
}

/** What the user says first in a list of messages, also where a column holds the list as JSON. */
function firstAsked(value: unknown): string | null {
  const messages = typeof value === "string" && value.startsWith("[") ? parseJson(value) : value;
  if (!Array.isArray(messages)) return null;
  for (const message of messages as unknown[]) {
    if (!isObject(message)) continue;
    if (message.role !== "user" && message.from !== "human" && message.source !== "user") continue;
    const text = message.content ?? message.value ?? message.message;
    if (typeof text === "string") return text;
  }
  return null;
}

/** Whose a row is, in the places where our formats say it. */
function originOf(row: JsonObject): Pick<RowQuestion, "group" | "files"> {
  const places = [row, row.extra, row.extra_info].filter(isObject);
  const group = places.map((place) => place.group).find((value) => typeof value === "string");
  const files = places.flatMap((place) => (Array.isArray(place.files) ? (place.files as unknown[]) : []));
  return {
    group: group ?? null,
    files: files.flatMap((file) => (isObject(file) && typeof file.sha256 === "string" ? [file.sha256] : [])),
  };
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

const looked = 1_000;
const fewest = 4;

/**
 * The lines of text that at least half of the different questions of a file share: the words of the prompt's template. Counted over the first
 * thousand rows; none where fewer than four questions differ, for then nothing tells a template from a question that is asked again and again.
 */
export async function sharedLines(path: string): Promise<ReadonlySet<string>> {
  const counts = new Map<string, number>();
  const asked = new Set<string>();
  let rows = 0;
  for await (const { text } of questionsOf(path)) {
    rows += 1;
    const before = asked.size;
    asked.add(sha256(text));
    if (asked.size > before)
      for (const line of new Set(text.split("\n").map((one) => one.trim())))
        counts.set(line, (counts.get(line) ?? 0) + 1);
    if (rows >= looked) break;
  }
  if (asked.size < fewest) return new Set();
  return new Set([...counts].filter(([, times]) => times * 2 >= asked.size).map(([line]) => line));
}

/** A question without its template's lines; as it is where nothing else is left of it. */
export function withoutShared(text: string, shared: ReadonlySet<string>): string {
  const own = text
    .split("\n")
    .filter((line) => !shared.has(line.trim()))
    .join("\n");
  return own.trim() === "" ? text : own;
}
