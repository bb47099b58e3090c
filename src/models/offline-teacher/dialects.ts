// The boundary between the forms in which agents talk and the teacher's own: the tags of `react`. A conversation is turned into tags before
// any role reads it, and the next message is turned back, so that roles, seeds and planted errors know one form only.
import { isRecord, parseJson } from "../../domain/reply-json.ts";
import { type ChatMessage, codeTurn } from "./conversation.ts";

/** A form in which actions are said: tags, native calls of `python`, or fenced code. */
export type Dialect = "react" | "tools" | "code-act";

/** A message as it came over the wire, its text joined and its calls read. */
export interface WireMessage {
  readonly role: string;
  readonly content: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}

/** What the teacher says next, read: code to run, an answer, or neither of them. */
export type Action =
  | { readonly kind: "code"; readonly think: string; readonly code: string }
  | { readonly kind: "answer"; readonly think: string; readonly answer: string }
  | { readonly kind: "text"; readonly text: string };

/** The one function that runs code. */
export const pythonTool = "python";

/** The form that a request asks for: calls where `python` is offered, else what the system prompt shows; tags where it shows nothing. */
export function dialectOf(messages: readonly WireMessage[], offersPython: boolean): Dialect {
  if (offersPython) return "tools";
  const system = systemText(messages);
  return !system.includes("<python>") && /^```python$/m.test(system) ? "code-act" : "react";
}

/** Whether the system prompt tells to call a function `python`, so that code in a text would not be run. */
export function wantsCalls(messages: readonly WireMessage[]): boolean {
  const system = systemText(messages);
  return !system.includes("<python>") && /\bcall the function python\b/.test(system);
}

function systemText(messages: readonly WireMessage[]): string {
  return messages.find(({ role }) => role === "system" || role === "developer")?.content ?? "";
}

/** The conversation in tags. One in tags already comes back as it is. */
export function inOwnForm(messages: readonly WireMessage[], dialect: Dialect): ChatMessage[] {
  return messages.map(({ role, content, calls }, index) => {
    if (role === "developer") return { role: "system", content };
    const [call] = calls;
    if (call !== undefined) return { role, content: codeTurn(content, codeOf(call.arguments)) };
    if (role === "tool") return { role: "user", content: isNudge(content) ? content : information(content) };
    if (dialect !== "code-act") return { role, content };
    if (role === "assistant") return { role, content: tagged(content) };
    const output = index > 0 && role === "user" ? fencedOutput(content) : null;
    return { role, content: output === null ? content : information(output) };
  });
}

/** A record that a judge is shown, in tags; one in tags already comes back as it is. */
export function recordInOwnForm(record: string): string {
  if (/<(?:python|information)>/.test(record)) return record;
  const blocks = [
    ...record.matchAll(/^\[(assistant|user|tool)\]\n([\s\S]*?)(?=^\[(?:assistant|user|tool)\]$|$(?![\s\S]))/gm),
  ];
  return blocks
    .map(([, role = "", text = ""]) => {
      if (role === "tool") return isNudge(text) ? text : information(text.trimEnd());
      if (role === "user") {
        const output = fencedOutput(text.trimEnd());
        return output === null ? text : information(output);
      }
      const [, think = "", code] = /^([\s\S]*?)(?:^|\n)Call of python:\n([\s\S]*)$/.exec(text) ?? [];
      return code === undefined ? tagged(text) : codeTurn(think, code);
    })
    .join("\n\n");
}

/** Reads a message in tags. */
export function readOwn(text: string): Action {
  const [, think = "", tag, inside = ""] =
    /^<reasoning>\n([\s\S]*?)\n<\/reasoning>\n<(python|answer)>\n([\s\S]*)\n<\/\2>$/.exec(text) ?? [];
  if (tag === "python") return { kind: "code", think, code: /^```python\n([\s\S]*)\n```$/.exec(inside)?.[1] ?? inside };
  return tag === "answer" ? { kind: "answer", think, answer: inside } : { kind: "text", text };
}

/** An action as text in another form than the teacher's own. */
export function asText(action: Action): string {
  if (action.kind === "text") return action.text;
  if (action.kind === "answer") return `${action.think}\n<answer>\n${action.answer}\n</answer>`;
  // A fence ends at a line that begins with as many backticks as it began with.
  const longest = Math.max(2, ...[...action.code.matchAll(/`{3,}/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${action.think}\n${fence}python\n${action.code}\n${fence}`;
}

const notice = /\n*\[(?:\d+ messages? left|This is your last message: [^\n]*)\]\s*$/;

function information(output: string): string {
  return `<information>\n${output.replace(notice, "")}\n</information>`;
}

/** What a scaffold says to a call that ran nothing. */
function isNudge(content: string): boolean {
  return /\bNothing was run\. Call the function python once\b/.test(content);
}

function fencedOutput(content: string): string | null {
  return /^Output of the code:(?:\n|$)([\s\S]*)$/.exec(content)?.[1] ?? null;
}

function tagged(content: string): string {
  const [, think = "", , code] = /^([\s\S]*?)^(`{3,})python\n([\s\S]*?)\n\2`*\s*$/m.exec(content) ?? [];
  return code === undefined ? content : codeTurn(think.trim(), code);
}

function codeOf(text: string): string {
  const call = parseJson(text);
  return isRecord(call) && typeof call.code === "string" ? call.code : text; // a call that nobody could run
}
