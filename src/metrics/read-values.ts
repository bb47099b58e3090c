import { answerText } from "../domain/answer-text.ts";
import { bare, readNumber } from "./read-number.ts";

/** One `@name[value]` as written. */
export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

const opening = /@([A-Za-z_][\w.%/-]*(?: [\w.%/-]+){0,6})\s?\[/g;

/** Every `@name[value]` of a text, in order; brackets inside a value have to balance. Linear in the text. */
export function readNamedValues(text: string): NamedValue[] {
  const starts = [...text.matchAll(opening)];
  const found: NamedValue[] = [];
  for (const [index, match] of starts.entries()) {
    const from = match.index + match[0].length;
    const end = closingBracket(text, from, starts[index + 1]?.index ?? text.length);
    if (end !== null) found.push({ name: match[1] ?? "", value: text.slice(from, end).trim() });
  }
  return found;
}

function closingBracket(text: string, from: number, limit: number): number | null {
  let depth = 1;
  for (let at = from; at < limit; at++) {
    const char = text[at];
    if (char === "[") depth++;
    else if (char === "]") {
      depth--;
      if (depth === 0) return at;
    }
  }
  return null;
}

/** A reference's named values: `@name[value]` text, a JSON object, or a JSON or Python list of pairs; empty when it is none of these. */
export function readReferencePairs(answer: string): NamedValue[] {
  const direct = readNamedValues(answer);
  if (direct.length > 0) return direct;
  const literal = readLiteral(answer);
  return literal === undefined || typeof literal !== "object" ? [] : readNamedValues(answerText(literal));
}

/** The items of a written list: a JSON or Python literal, numbers with any separators, or texts between commas or semicolons. */
export function readItems(text: string): string[] {
  const literal = readLiteral(text);
  if (Array.isArray(literal)) return literal.map((item) => answerText(item));
  const plain = bare(text);
  const unbracketed = plain.replace(/^[[({]([^[\](){}]*)[\])}]$/, "$1");
  const separated = splitTexts(unbracketed);
  if (separated.length > 1 && separated.every(isNumber)) return separated;
  const tokens = plain.split(/[\s,;[\](){}]+/).filter((token) => token !== "");
  if (tokens.length > 1 && tokens.every(isNumber)) return tokens;
  return separated;
}

function splitTexts(text: string): string[] {
  const clean = (parts: string[]) => parts.map((part) => part.trim()).filter((part) => part !== "");
  if (/[;\n]/.test(text)) return clean(text.split(/[;\n]/).map((part) => part.replace(/,\s*$/, "")));
  if (!/,\s/.test(text)) return clean(text.split(","));
  // `1,234, 5,678` holds two numbers; `a,b, c` holds three texts.
  return clean(text.split(/,\s+/).flatMap((part) => (isNumber(part) ? [part] : part.split(","))));
}

function isNumber(text: string): boolean {
  return readNumber(text) !== null;
}

/** The value of a JSON text or of a Python literal of strings, numbers, lists, tuples and dicts; undefined for anything else. */
export function readLiteral(text: string): unknown {
  const source = text.trim();
  if (!/^[[({]/.test(source) || source.length > 200_000) return undefined;
  try {
    return JSON.parse(source);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return readPython(source);
  }
}

const pythonToken =
  /\s*(?:([[\](){},:])|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(True|False|None))/y;
const words: Record<string, unknown> = { True: true, False: false, None: null };
const closers: Record<string, string> = { "[": "]", "(": ")", "{": "}" };

function readPython(source: string): unknown {
  const tokens: { mark?: string; value?: unknown }[] = [];
  pythonToken.lastIndex = 0;
  while (pythonToken.lastIndex < source.length) {
    const match = pythonToken.exec(source);
    if (match === null) return undefined;
    const [, mark, double, single, digits, word] = match;
    if (mark !== undefined) tokens.push({ mark });
    else if (digits !== undefined) tokens.push({ value: Number(digits.replaceAll("_", "")) });
    else if (word !== undefined) tokens.push({ value: words[word] });
    else tokens.push({ value: (double ?? single ?? "").replace(/\\(.)/g, "$1") });
  }
  let at = 0;
  const value = (depth: number): unknown => {
    const token = tokens[at++];
    if (token === undefined || depth > 20) return undefined;
    if (token.mark === undefined) return token.value;
    const closer = closers[token.mark];
    if (closer === undefined) return undefined;
    const items: unknown[] = [];
    let keyed = false;
    while (tokens[at] !== undefined && tokens[at]?.mark !== closer) {
      const item = value(depth + 1);
      if (item === undefined) return undefined;
      if (tokens[at]?.mark === ":") {
        at++;
        keyed = true;
        const member = value(depth + 1);
        if (member === undefined) return undefined;
        items.push([String(item), member]);
      } else items.push(item);
      if (tokens[at]?.mark === ",") at++;
      else if (tokens[at]?.mark !== closer) return undefined;
    }
    if (tokens[at++]?.mark !== closer) return undefined;
    return keyed ? Object.fromEntries(items as [string, unknown][]) : items;
  };
  const read = value(0);
  return at === tokens.length ? read : undefined;
}
