// Calls that a server left in the text: the forms in which model families write them.
import { isRecord, parseJson } from "../domain/reply-json.ts";
import { unfence } from "./reading.ts";

/** A call found in a text: where it stands, its name and arguments as written; not `closed` where the end of its code is missing. */
export interface WrittenCall {
  readonly start: number;
  readonly name: string;
  readonly arguments: string;
  readonly closed: boolean;
}

interface Form {
  /** How a call begins. What begins it alone is cut out of the message with it. */
  readonly opens: RegExp;
  /** Reads what follows; null where it is no call after all. */
  readonly read: (rest: string, opened: RegExpExecArray) => Omit<WrittenCall, "start"> | null;
}

const forms: readonly Form[] = [
  // Hermes, Qwen: <tool_call>{"name": …, "arguments": …}</tool_call>; Qwen3-Coder: <function=python> inside; GLM: name and <arg_value>.
  {
    opens: /<tool_call>/gi,
    read(rest) {
      const body = upTo(rest, /<\/tool_call>/i);
      return functionTag(body) ?? jsonCall(body) ?? argumentTags(body);
    },
  },
  { opens: /<function=/gi, read: (rest) => functionTag(`<function=${rest}`) },
  // <invoke name="python"><parameter name="code">…
  {
    opens: /(?:<(?:[\w:]*tool_calls?|function_calls)>\s*)?<invoke\s+name=["']([^"'\n]+)["']>/gi,
    read: (rest, opened) => parameterTags(opened[1] ?? "", upTo(rest, /<\/invoke>/i)),
  },
  // Mistral: [TOOL_CALLS][{"name": …}] or [TOOL_CALLS]python[ARGS]{…}
  {
    opens: /\[TOOL_CALLS\]/g,
    read(rest) {
      const named = /^\s*([\w.-]+)\s*(?:\[ARGS\])?\s*(\{[\s\S]*)$/.exec(rest);
      if (named === null) return jsonCall(rest);
      return { name: named[1] ?? "", arguments: balanced(named[2] ?? "").trim(), closed: true };
    },
  },
  // DeepSeek
  {
    opens: /(?:<｜tool▁calls▁begin｜>\s*)?<｜tool▁call▁begin｜>/g,
    read(rest) {
      const body = upTo(rest, /<｜tool▁call▁end｜>/);
      const [before = "", after = ""] = body.split("<｜tool▁sep｜>");
      const isOlder = before.trim() === "function";
      const name = isOlder ? (after.split("\n")[0] ?? "") : before;
      const text = isOlder ? after.slice(after.indexOf("\n") + 1) : after;
      return { name: name.trim(), arguments: unfence(text).trim(), closed: true };
    },
  },
  // Llama's own interpreter: code or a JSON call behind the tag
  {
    opens: /<\|python_tag\|>/g,
    read(rest) {
      const body = upTo(rest, /<\|eo[mt]_id\|>/);
      return jsonCall(body) ?? { name: "python", arguments: body.trim(), closed: true };
    },
  },
  // A JSON call on lines of its own, in a fence or not
  {
    opens:
      // The lookaheads keep runs of blanks from being tried over and over.
      /^[ \t]*(?:(?:```|~~~)[ \t]*(?:(?:json|tool_call|tool_code)[ \t]*)?\r?\n\s*)?(?!\s)(?=(?:\[\s*)?\{\s*["'](?:name|type|id|function)["']\s*:)/gim,
    read: (rest) => jsonCall(rest),
  },
];

/** The first call that stands in a text as text; `mask` is the text with what is only talked about blanked out. */
export function findWrittenCall(text: string, mask: string): WrittenCall | null {
  let first: WrittenCall | null = null;
  for (const { opens, read } of forms) {
    const search = new RegExp(opens);
    let tries = 0;
    for (let opened = search.exec(mask); opened !== null && tries < 20; opened = search.exec(mask), tries++) {
      if (first !== null && opened.index >= first.start) break;
      const call = read(text.slice(opened.index + opened[0].length), opened);
      if (call !== null) first = { ...call, start: opened.index };
      if (opened[0] === "") break;
    }
  }
  return first;
}

function upTo(text: string, end: RegExp): string {
  const match = end.exec(text);
  return match === null ? text : text.slice(0, match.index);
}

/** `{"name": …, "arguments": …}` or a list of such. Arguments that are JSON inside JSON are written out again. */
function jsonCall(text: string): Omit<WrittenCall, "start"> | null {
  const json = parseJson(balanced(text));
  if (json === undefined) return nearlyJsonCall(text);
  const call = Array.isArray(json) ? (json as unknown[])[0] : json;
  if (!isRecord(call)) return null;
  const { function: inner } = call;
  const { name, arguments: given, parameters } = isRecord(inner) ? inner : call;
  if (typeof name !== "string" || (given === undefined && parameters === undefined)) return null;
  const content = given ?? parameters;
  return { name, arguments: typeof content === "string" ? content : JSON.stringify(content), closed: true };
}

/** A call in JSON that does not parse, most often for line breaks in the code or because it was cut: its arguments as they are. */
function nearlyJsonCall(text: string): Omit<WrittenCall, "start"> | null {
  const begins =
    /^\s*\[?\s*\{\s*["']name["']\s*:\s*["']([^"'\n]+)["']\s*,\s*["'](?:arguments|parameters)["']\s*:\s*/.exec(text);
  if (begins === null) return null;
  const rest = text.slice(begins[0].length).trim();
  return { name: begins[1] ?? "", arguments: rest.replace(/\}\s*(?:\]\s*)?$/, "").trim(), closed: true };
}

/** `<function=python>` with JSON or <parameter=code> inside. */
function functionTag(text: string): Omit<WrittenCall, "start"> | null {
  const opened = /^\s*<function=["']?([^>"'\n]+)["']?>/i.exec(text);
  if (opened === null) return null;
  return parameterTags(opened[1] ?? "", upTo(text.slice(opened[0].length), /<\/function>/i));
}

/** Parameters as tags, else the whole as arguments. */
function parameterTags(name: string, body: string): Omit<WrittenCall, "start"> {
  const parameter = /<parameter(?:=|\s+name=)["']?([^>"'\n]+)["']?>\r?\n?([\s\S]*?)(\r?\n?<\/parameter>|$)/i.exec(body);
  if (parameter === null) return { name: name.trim(), arguments: body.trim(), closed: true };
  const [, key = "", value = "", end = ""] = parameter;
  return { name: name.trim(), arguments: JSON.stringify({ [key.trim()]: value }), closed: end !== "" };
}

/** The name on a line, then <arg_key> and <arg_value>. */
function argumentTags(body: string): Omit<WrittenCall, "start"> | null {
  const found =
    /^\s*([\w.-]+)\s*<arg_key>\s*([\w-]+)\s*<\/arg_key>\s*<arg_value>\r?\n?([\s\S]*?)(\r?\n?<\/arg_value>|$)/i.exec(
      body,
    );
  if (found === null) return null;
  const [, name = "", key = "", value = "", end = ""] = found;
  return { name, arguments: JSON.stringify({ [key]: value }), closed: end !== "" };
}

/** The JSON object or list that a text begins with, without what follows it; the whole text where it does not end. */
function balanced(text: string): string {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === "\\") at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === "{" || character === "[") depth++;
    else if ((character === "}" || character === "]") && --depth === 0) return text.slice(0, at + 1);
  }
  return text;
}
