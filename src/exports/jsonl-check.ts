// What every JSONL target asks of its file, under its own rule numbers; the rules of a line are the target's.
import { basename } from "node:path";
import type { ExportProblem } from "../contracts.ts";
import { parseJson } from "../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "./chat-line.ts";
import { exportedBytes } from "./exported-bytes.ts";
import { fileLines } from "./jsonl-lines.ts";
import { type ProblemList, problemList } from "./problem-list.ts";

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
  /** Extensions the target takes; `.jsonl` unless given. */
  readonly extensions?: readonly string[];
  readonly line: (value: JsonObject, at: LineAt) => readonly LineProblem[];
  /** Rules of the whole file, told at its end. */
  readonly end?: () => readonly LineProblem[];
}

/** Every broken rule of a JSONL file, line by line, holding one line. @throws {UsageError} where there is no file. */
export async function checkJsonl(path: string, rules: JsonlRules): Promise<ExportProblem[]> {
  const found = problemList();
  const bytes = await exportedBytes(path);
  const { extensions = [".jsonl"] } = rules;
  const whole = (rule: string, message: string, severity: ExportProblem["severity"] = "error") =>
    found.add({ rule, line: 0, field: "", message, severity });
  if (!extensions.some((extension) => path.endsWith(extension)))
    whole(
      rules.lines,
      `Expected a file name ending in ${extensions.join(" or ")}, got \`${basename(path)}\`; rename it`,
    );
  if (rules.bytes !== undefined && bytes > rules.bytes.most)
    whole(
      rules.bytes.rule,
      `Expected at most ${rules.bytes.most} bytes, got ${bytes}; write shards (\`export.shards\`)`,
    );

  let rows = 0;
  let first: JsonObject | null = null;
  for await (const { number, value, text } of jsonlObjects(path, { rules, found })) {
    rows += 1;
    first ??= value;
    for (const problem of rules.line(value, { number, text, first })) found.add({ ...problem, line: number });
  }
  if (rules.rows !== undefined) countRows(rows, rules.rows, whole);
  for (const problem of rules.end?.() ?? []) found.add({ ...problem, line: 0 });
  return found.all();
}

function countRows(
  rows: number,
  { rule, fewest, advised = 0, most = Number.POSITIVE_INFINITY }: NonNullable<JsonlRules["rows"]>,
  whole: (rule: string, message: string, severity?: ExportProblem["severity"]) => void,
): void {
  const lines = fewest === 1 ? "line" : "lines";
  if (rows < fewest) whole(rule, `Expected at least ${fewest} ${lines}, got ${rows}; ask for a larger target`);
  else if (rows < advised)
    whole(rule, `Expected ${advised} lines or more, got ${rows}: accepted, but too few to learn from`, "warning");
  if (rows > most) whole(rule, `Expected at most ${most} lines, got ${rows}; take a part of them`);
}

interface Framing {
  readonly rules: Pick<JsonlRules, "lines" | "bom">;
  readonly found: ProblemList;
}

/** The objects of a JSONL file; what keeps a line from being one is told to `found` under the target's number for it. */
async function* jsonlObjects(
  path: string,
  { rules, found }: Framing,
): AsyncGenerator<{ readonly number: number; readonly value: JsonObject; readonly text: string }> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const wrong = (line: number, message: string, rule = rules.lines) => found.add({ rule, line, field: "", message });
  const bom = rules.bom ?? { rule: rules.lines, expected: false };
  for await (const line of fileLines(path, { maxLineBytes: longestLine })) {
    if (line.bytes === null) {
      wrong(line.number, `Expected a line of at most ${longestLine} bytes, got a longer one; drop the example`);
      continue;
    }
    const text = decoded(decoder, line.bytes);
    if (text === null) {
      wrong(line.number, "Expected UTF-8, got other bytes; write the file as UTF-8");
      continue;
    }
    const marked = line.number === 1 && text.startsWith(byteOrderMark);
    if (marked && !bom.expected) wrong(1, "Expected no byte order mark, got one; write UTF-8 without BOM", bom.rule);
    if (line.number === 1 && !marked && bom.expected)
      wrong(1, "Expected a byte order mark (EF BB BF) first, got none; write UTF-8 with BOM", bom.rule);
    if (text.endsWith("\r")) wrong(line.number, "Expected LF line ends, got CRLF");
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
