// What every JSONL target asks of its file, under its own rule numbers; the rules of a line are the target's.
import { basename } from "node:path";
import type { CheckOptions, ExportProblem } from "../contracts.ts";
import type { Conversation } from "../domain/example.ts";
import { parseJson } from "../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "./chat-line.ts";
import { exportedBytes } from "./exported-bytes.ts";
import { fileLines } from "./jsonl-lines.ts";
import { type ProblemList, problemList } from "./problem-list.ts";
import { renderProblems } from "./render/problems.ts";

const byteOrderMark = "\uFEFF";
const longestLine = 64 * 1024 * 1024;

/** A line as it was read: `first` is the file's first object, for rules that compare; `text` is the line without its end. */
export interface LineAt {
  readonly number: number;
  readonly text: string;
  readonly first: JsonObject;
}

/** A target's rules of a JSONL file. Made anew for each check, so that `line` may count. Sizes in bytes. */
export interface JsonlRules {
  /** The target's number for "JSONL in UTF-8, a JSON object a line": `OA-R1`. */
  readonly lines: string;
  /** A byte order mark is refused under `lines`, unless this says where it is asked for. */
  readonly bom?: { readonly rule: string; readonly expected: boolean };
  readonly bytes?: { readonly rule: string; readonly most: number };
  /** Below `advised` a warning. */
  readonly rows?: {
    readonly rule: string;
    readonly fewest: number;
    readonly advised?: number;
    readonly most?: number;
  };
  /** A longer line is reported and not read; 64 MiB unless given. */
  readonly maxLineBytes?: number;
  /** Extensions the target takes; `.jsonl` unless given. */
  readonly extensions?: readonly string[];
  /** The target's number for "not longer than the model's context", and its published limit in tokens; checked where a renderer counts. */
  readonly length?: { readonly rule: string; readonly most?: number };
  /** The target renders beginnings of a conversation and compares: a template that rewrites them is warned of under this number (NM-R5, VE-R3). */
  readonly prefixes?: string;
  /** Its rows hold the arguments of calls as text (CT-R3). */
  readonly argumentsAsText?: boolean;
  readonly line: (value: JsonObject, at: LineAt) => readonly LineProblem[];
  /** Another target whose file rules hold as well, byte order marks and line ends apart. */
  readonly also?: Pick<JsonlRules, "lines" | "bytes" | "rows">;
  /** Rules of the whole file, told at its end. */
  readonly end?: () => readonly LineProblem[];
}

/** How the rows of a file are looked at once they are rendered: `conversation` reads one. */
export interface RowReading extends CheckOptions {
  readonly conversation?: ((line: JsonObject) => Conversation | null) | undefined;
}

/** Every broken rule of a JSONL file, line by line, holding one line. @throws {UsageError} where there is no file. */
export async function checkJsonl(
  path: string,
  rules: JsonlRules,
  { conversation, renderer, maxTokens }: RowReading = {},
): Promise<ExportProblem[]> {
  const { length, prefixes, argumentsAsText = false } = rules;
  const found = problemList();
  const bytes = await exportedBytes(path);
  const { extensions = [".jsonl"] } = rules;
  const files = [rules, ...(rules.also === undefined ? [] : [rules.also])];
  const whole = (rule: string, message: string, severity: ExportProblem["severity"] = "error") =>
    found.add({ rule, line: 0, field: "", message, severity });
  for (const { lines, bytes: size } of files) {
    if (!extensions.some((extension) => path.endsWith(extension)))
      whole(lines, `Expected a file name ending in ${extensions.join(" or ")}, got \`${basename(path)}\`; rename it`);
    if (size !== undefined && bytes > size.most)
      whole(size.rule, `Expected at most ${size.most} bytes, got ${bytes}; write shards (\`export.shards\`)`);
  }

  let rows = 0;
  let first: JsonObject | null = null;
  for await (const { number, value, text } of jsonlObjects(path, { rules, found })) {
    rows += 1;
    first ??= value;
    for (const problem of rules.line(value, { number, text, first })) found.add({ ...problem, line: number });
    const read = renderer === undefined ? null : (conversation?.(value) ?? null);
    if (renderer === undefined || read === null) continue;
    for (const problem of renderProblems(read, { renderer, length, maxTokens, prefixes, argumentsAsText }))
      found.add({ ...problem, line: number });
  }
  for (const { rows: bounds } of files) if (bounds !== undefined) countRows(rows, bounds, whole);
  for (const problem of rules.end?.() ?? []) found.add({ ...problem, line: 0 });
  return found.all();
}

function countRows(
  rows: number,
  { rule, fewest, advised = 0, most = Number.POSITIVE_INFINITY }: NonNullable<JsonlRules["rows"]>,
  whole: (rule: string, message: string, severity?: ExportProblem["severity"]) => void,
): void {
  const lines = fewest === 1 ? "line" : "lines";
  if (rows < fewest)
    whole(
      rule,
      `Expected at least ${fewest} ${lines}, got ${rows}; ${rows === 0 ? "the format had a place for none of the items: another format, or a larger target" : "ask for a larger target"}`,
    );
  else if (rows < advised)
    whole(rule, `Expected ${advised} lines or more, got ${rows}: accepted, but too few to learn from`, "warning");
  if (rows > most) whole(rule, `Expected at most ${most} lines, got ${rows}; take a part of them`);
}

interface Framing {
  readonly rules: Pick<JsonlRules, "lines" | "bom" | "also" | "maxLineBytes">;
  readonly found: ProblemList;
}

/** The objects of a JSONL file; what keeps a line from being one is told to `found` under the target's number for it. */
async function* jsonlObjects(
  path: string,
  { rules, found }: Framing,
): AsyncGenerator<{ readonly number: number; readonly value: JsonObject; readonly text: string }> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const strict = (line: number, message: string, rule = rules.lines) => found.add({ rule, line, field: "", message });
  const wrong = (line: number, message: string) => {
    strict(line, message);
    if (rules.also !== undefined) strict(line, message, rules.also.lines);
  };
  const bom = rules.bom ?? { rule: rules.lines, expected: false };
  const { maxLineBytes = longestLine } = rules;
  for await (const line of fileLines(path, { maxLineBytes })) {
    if (line.bytes === null) {
      wrong(line.number, `Expected a line of at most ${maxLineBytes} bytes, got a longer one; drop the example`);
      continue;
    }
    const text = decoded(decoder, line.bytes);
    if (text === null) {
      wrong(line.number, "Expected UTF-8, got other bytes; write the file as UTF-8");
      continue;
    }
    const marked = line.number === 1 && text.startsWith(byteOrderMark);
    if (marked && !bom.expected) strict(1, "Expected no byte order mark, got one; write UTF-8 without BOM", bom.rule);
    if (line.number === 1 && !marked && bom.expected)
      strict(1, "Expected a byte order mark (EF BB BF) first, got none; write UTF-8 with BOM", bom.rule);
    if (text.endsWith("\r")) strict(line.number, "Expected LF line ends, got CRLF");
    const trimmed = (marked ? text.slice(1) : text).trim();
    if (trimmed === "") {
      wrong(line.number, "Expected a JSON object, got a blank line; remove it");
      continue;
    }
    const value = parseJson(trimmed);
    if (isObject(value)) yield { number: line.number, value, text: trimmed };
    else wrong(line.number, `Expected a JSON object, got ${value === undefined ? "no JSON" : shown(value)}`);
  }
}

function decoded(decoder: InstanceType<typeof TextDecoder>, bytes: Buffer): string | null {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** The objects of a JSONL file for reading, a line that is none as null. */
export async function* readJsonl(path: string): AsyncGenerator<JsonObject | null> {
  const decoder = new TextDecoder("utf-8");
  await exportedBytes(path);
  for await (const { bytes } of fileLines(path, { maxLineBytes: longestLine })) {
    const value = bytes === null ? undefined : parseJson(decoder.decode(bytes).trim());
    yield isObject(value) ? value : null;
  }
}
