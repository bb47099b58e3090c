// The arguments of a call of `python`, as models write them: JSON, nearly JSON, under another key, or the code itself.
import { isRecord, parseJson } from "../domain/reply-json.ts";
import type { FinishReason } from "../domain/trajectory.ts";
import { repairJson } from "../prompts/repair-json.ts";
import { unfence } from "./reading.ts";

/** `arguments` is the JSON object that goes on in the conversation; `code` is null where there is none, and `why` says so. */
export interface ReadArguments {
  readonly arguments: string;
  readonly code: string | null;
  readonly why: string;
  readonly transforms: readonly string[];
}

// Keys that hold the code where a model does not say `code`.
const otherKeys = [
  "source",
  "input",
  "cmd",
  "command",
  "script",
  "python_code",
  "python",
  "snippet",
  "program",
  "__arg1",
];
const noCode = 'The call held no code: its arguments have to be {"code": "..."}.';

/** Arguments of a call that is refused whatever they are. */
export function refusedArguments(text: string): ReadArguments {
  return isRecord(parseJson(text)) ? kept(text, null, "") : refused(text, "");
}

/** Reads what a model sent as arguments; never throws. Whatever is not a JSON object with `code` is made one, by name. */
export function readArguments(text: string, finishReason: FinishReason): ReadArguments {
  const json = parseJson(text);
  if (json !== undefined) return readJson(text, json);
  const trimmed = text.trim();
  // What the token limit cut may still read as code, and would do half of what was meant.
  if (finishReason === "length") return refused(text, "Your call was cut off inside its arguments: it was too long.");
  if (trimmed === "") return refused(text, noCode);
  if (!/^[{["]/.test(trimmed)) return made(text, unfence(text), "wrap_arguments");
  const inside = onlyMember(trimmed);
  if (inside !== null) return made(text, inside, "repair_arguments");
  const isJson =
    /^\{\s*["']?(?:name|arguments|parameters|code|source|input|cmd|command|script|python_code|python|snippet|program|__arg1)["']?\s*:/;
  if (!isJson.test(trimmed)) return made(text, text.trim(), "wrap_arguments");
  if (!/[}\]]\s*$/.test(trimmed)) return refused(text, "The arguments of your call were not finished.");
  const repaired = parseJson(repairJson(trimmed) ?? "");
  const code = repaired === undefined ? null : codeIn(repaired, false);
  return code === null || !isWhole(code.code, trimmed, repaired)
    ? refused(text, 'The arguments of your call were no JSON object {"code": "..."}.')
    : made(text, code.code, "repair_arguments");
}

/** Whether mending took the code for what it is, and not for the part of it before a quote of its own. */
function isWhole(code: string, text: string, repaired: unknown): boolean {
  const literal = JSON.stringify(code);
  const at = text.indexOf(literal);
  if (at >= 0) return /^\s*[,}\]]/.test(text.slice(at + literal.length));
  return isRecord(repaired) && Object.keys(repaired).length === 1;
}

function readJson(text: string, json: unknown): ReadArguments {
  if (typeof json === "number" || typeof json === "boolean") return made(text, text.trim(), "wrap_arguments");
  const found = codeIn(json, true);
  if (found === null) return isRecord(json) ? kept(text, null, noCode) : refused(text, noCode);
  if (found.transform !== null) return made(text, found.code, found.transform);
  const code = unfence(found.code);
  return kept(text, code.trim() === "" ? null : code, noCode);
}

interface FoundCode {
  readonly code: string;
  readonly transform: string | null;
}

/** The code in arguments that are JSON; `anyKey` also takes the only text of an object for it. */
function codeIn(json: unknown, anyKey: boolean, depth = 0): FoundCode | null {
  if (depth > 3) return null;
  if (typeof json === "string") {
    const inner = /^\s*\{/.test(json) ? parseJson(json) : undefined;
    if (inner === undefined) return { code: json, transform: "wrap_arguments" };
    const found = codeIn(inner, anyKey, depth + 1);
    return found === null ? { code: json, transform: "wrap_arguments" } : { ...found, transform: "unwrap_arguments" };
  }
  if (Array.isArray(json)) {
    if (json.length > 0 && json.every((line) => typeof line === "string")) {
      return { code: json.join("\n"), transform: "wrap_arguments" };
    }
    const found = json.length === 1 ? codeIn(json[0], anyKey, depth + 1) : null;
    return found === null ? null : { ...found, transform: "unwrap_arguments" };
  }
  if (!isRecord(json)) return null;
  if (typeof json.code === "string") return { code: json.code, transform: null };
  if (Array.isArray(json.code)) return codeIn(json.code, anyKey, depth + 1);
  for (const key of ["arguments", "parameters", "code"]) {
    if (isRecord(json[key]) || (key !== "code" && typeof json[key] === "string")) {
      const found = codeIn(json[key], anyKey, depth + 1);
      if (found !== null) return { ...found, transform: "unwrap_arguments" };
    }
  }
  const named = otherKeys.find((key) => typeof json[key] === "string");
  if (named !== undefined) return { code: String(json[named]), transform: "name_argument" };
  const texts = Object.values(json).filter((value) => typeof value === "string");
  return anyKey && texts.length === 1 && Object.keys(json).length === 1
    ? { code: String(texts[0]), transform: "name_argument" }
    : null;
}

/** `{"code": "…"}` whose text is not escaped as JSON asks: line breaks and quotes as they are, or Python's quotes around it. */
function onlyMember(text: string): string | null {
  const member =
    /^\{\s*["'](?:code|source|input|cmd|command|script|python_code)["']\s*:\s*(?:"""([\s\S]*)"""|"([\s\S]*)"|'([\s\S]*)'|`([\s\S]*)`)\s*(?:,\s*)?\}$/.exec(
      text,
    );
  if (member === null) return null;
  const triple = member[1];
  if (triple !== undefined) return triple.replace(/^\n/, "");
  const raw = member[2] ?? member[3] ?? member[4] ?? "";
  // Where its line breaks are not escaped, neither is anything else, but for quotes at times: "\n" is Python's then.
  const asWritten = raw.includes("\n");
  // A second member would stand inside what was taken for the first.
  if (/(?<!\\)["']\s*,\s*["']\w+["']\s*:/.test(raw)) return null;
  const unescaped: Readonly<Record<string, string>> = {
    n: "\n",
    t: "\t",
    r: "\r",
    '"': '"',
    "'": "'",
    "\\": "\\",
    "/": "/",
  };
  const escapes = asWritten ? /\\(["'])/g : /\\(["'\\/ntr])/g;
  if (asWritten && /(?<!\\)["']/.test(raw)) return raw; // quotes as they are, too
  return raw.replace(escapes, (_, character: string) => unescaped[character] ?? character);
}

function kept(text: string, code: string | null, why: string): ReadArguments {
  return { arguments: text, code, why, transforms: [] };
}

function made(text: string, code: string, transform: string): ReadArguments {
  const run = unfence(code);
  if (run.trim() === "") return refused(text, noCode);
  return { arguments: JSON.stringify({ code }), code: run, why: noCode, transforms: [transform] };
}

/** Endpoints and templates parse the arguments of earlier calls as JSON, also of a call that was refused: its text stands under `code`. */
function refused(text: string, why: string): ReadArguments {
  return { arguments: JSON.stringify({ code: text }), code: null, why, transforms: ["wrap_arguments"] };
}
