// What every scaffold reads alike: thinking that a server left in the text, Markdown fences, answers in their tag, messages without text.
import type { ParsedMessage, Said } from "../contracts.ts";
import type { Message } from "../domain/trajectory.ts";

/** The text without the thinking in front of it, which is not part of the conversation; `acts` is how an action of the scaffold begins. */
export function withoutThinking(text: string, acts: RegExp): { visible: string; transforms: readonly string[] } {
  let visible = text;
  for (let close = thinkingEnd(visible, acts); close !== null; close = thinkingEnd(visible, acts)) {
    visible = visible.slice(close).trimStart();
  }
  return { visible, transforms: visible === text ? [] : ["drop_thinking"] };
}

function thinkingEnd(text: string, acts: RegExp): number | null {
  const close = /<\/think>/i.exec(text);
  if (close === null) return null;
  // Without the opening tag the prompt's template wrote it; but an action before it means the tag is only being talked about.
  const begun = /^\s*<think>/i.test(text) || !acts.test(text.slice(0, close.index));
  return begun ? close.index + close[0].length : null;
}

/** An assistant message with what the endpoint shows apart from its text: kept beside it, never part of it. */
export function spoken(content: string, said: Said): Message {
  const reasoning = said.reasoning ?? null;
  return { role: "assistant", content, ...(reasoning === null || reasoning === "" ? {} : { reasoning }) };
}

/**
 * A message without any text, which endpoints and training formats refuse: marked, by name, and told why. Reasoning models say nothing
 * when their thinking used up the tokens.
 */
export function nothingSaid(said: Said, transforms: readonly string[]): ParsedMessage {
  return {
    action: { kind: "invalid", reasoning: thoughtOf(said), why: whyNothing(said, transforms) },
    message: spoken("(empty message)", said),
    transforms: [...transforms, "mark_empty", ...droppedCalls(said)],
  };
}

function whyNothing(said: Said, transforms: readonly string[]): string {
  const thought = thoughtOf(said) !== "" || transforms.includes("drop_thinking") || /<think>/i.test(said.text);
  if (said.finishReason === "length") {
    return thought
      ? "Your thinking was cut off before any action: it was too long. Think less, and act."
      : "Your message was cut off before any action: it was too long.";
  }
  if ((said.toolCalls ?? []).length > 0)
    return "Your message was empty but for a function call; no function is offered here.";
  return thought ? "Your message was empty: it held thinking and no action." : "Your message was empty.";
}

/** What the endpoint shows of the thinking. */
export function thoughtOf(said: Said): string {
  return (said.reasoning ?? "").trim();
}

/** Native calls where none is offered go by name: no endpoint takes them back. */
export function droppedCalls(said: Said): readonly string[] {
  return (said.toolCalls ?? []).length > 0 ? ["drop_calls"] : [];
}

/** The text with every closed <reasoning> blanked out, same length: tags that are only mentioned there are not actions. */
export function withoutReasoning(text: string): string {
  return text.replace(/<reasoning>(?:(?!<reasoning>)[\s\S])*?<\/reasoning>/gi, blank);
}

function blank(span: string): string {
  return span.replace(/[^\n]/g, " ");
}

/** A Markdown fence, as offsets into the text. `language` in lower case, "" where none stands; `end` is behind its last line where `closed`. */
export interface Fence {
  readonly start: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly end: number;
  readonly marker: string;
  readonly indent: string;
  readonly language: string;
  readonly closed: boolean;
}

// A fence begins a line; before ```python prose may stand on the line, as models do. The lookaheads keep long lines from being tried over and over.
const opening =
  /^([ \t]*)(`{3,}|~{3,})[ \t]*(?![ \t])([^\s`<>]*)(?![^\s`<>])[^\n`<>]*$|(?<!`)(`{3,})(python3?|py)[ \t]*$/gim;

// Nobody writes more to act once; the bound keeps reading quick.
const mostFences = 100;

/** The fences of a text, in order; the last may be open. */
export function fencesOf(text: string): Fence[] {
  const fences: Fence[] = [];
  const search = new RegExp(opening);
  for (let match = search.exec(text); match !== null && fences.length < mostFences; match = search.exec(text)) {
    const marker = match[2] ?? match[4] ?? "```";
    const bodyStart = Math.min(text.length, match.index + match[0].length + 1);
    const closing = closingOf(text, bodyStart, marker);
    fences.push({
      start: match.index,
      bodyStart,
      bodyEnd: closing?.start ?? text.length,
      end: closing?.end ?? text.length,
      marker,
      indent: match[1] ?? "",
      language: (match[3] ?? match[5] ?? "").toLowerCase(),
      closed: closing !== null,
    });
    if (closing === null) break;
    search.lastIndex = closing.end;
  }
  return fences;
}

function closingOf(text: string, from: number, marker: string): { start: number; end: number } | null {
  const character = marker[0] === "`" ? "`" : "~";
  const sign = `(?<!${character})${character}{${Math.min(marker.length, 60)},}`;
  // On a line of its own, or at the end of one: print(1)```
  const end = new RegExp(`${sign}[ \\t]*\\r?$`, "gm");
  end.lastIndex = from;
  const match = end.exec(text);
  return match === null ? null : { start: match.index, end: match.index + match[0].length };
}

/** The text inside a fence, without the indentation that the fence itself has. */
export function insideOf(text: string, fence: Fence): string {
  const body = text.slice(fence.bodyStart, fence.bodyEnd);
  const lines = body.replaceAll("\r\n", "\n").split("\n");
  const { indent } = fence;
  const indented = indent !== "" && lines.every((line) => line.trim() === "" || line.startsWith(indent));
  return (indented ? lines.map((line) => line.slice(indent.length)) : lines).join("\n").trimEnd();
}

/** The text with fences, `code spans` and closed <reasoning> blanked out, same length. */
export function masked(text: string, fences: readonly Fence[]): string {
  let open = "";
  let at = 0;
  for (const { start, end } of fences) {
    open += text.slice(at, start) + blank(text.slice(start, end));
    at = end;
  }
  return withoutReasoning(open + text.slice(at)).replace(/`[^`\n]+`/g, blank);
}

/** Code out of a Markdown fence that fills its place; a fence inside a string of the code is left alone. */
export function unfence(body: string): string {
  const [fence] = fencesOf(body);
  if (fence === undefined || body.slice(0, fence.start).trim() !== "") return body.replace(/^\r?\n/, "").trimEnd();
  return insideOf(body, fence);
}

/** An answer in its tag, as offsets. */
export interface FoundAnswer {
  readonly start: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly end: number;
  readonly closed: boolean;
}

/**
 * The first answer of a text of which `mask` has blanked out what does not count. An <answer> that another follows before anything closes is
 * only talked about, as is an open one with `code` behind it. Null where there is none.
 */
export function findAnswer(text: string, mask: string, code: readonly Fence[]): FoundAnswer | null {
  const close = /<\/answer>/i.exec(mask);
  const before = close === null ? mask : mask.slice(0, close.index);
  const start = before.toLowerCase().lastIndexOf("<answer>");
  if (start < 0) return null;
  const bodyStart = start + "<answer>".length;
  if (close !== null) {
    return { start, bodyStart, bodyEnd: close.index, end: close.index + close[0].length, closed: true };
  }
  if (code.some((fence) => fence.start > start && text.slice(bodyStart, fence.start).trim() !== "")) return null;
  // A fence inside the answer that was never closed has hidden the tag's end.
  const hidden = /<\/answer>/i.exec(text.slice(bodyStart));
  if (hidden !== null) {
    const bodyEnd = bodyStart + hidden.index;
    return { start, bodyStart, bodyEnd, end: bodyEnd + hidden[0].length, closed: true };
  }
  return { start, bodyStart, bodyEnd: mask.length, end: mask.length, closed: false };
}

/** A fence that holds an answer in its tag and nothing else. */
export function fencedAnswer(text: string, fences: readonly Fence[]): FoundAnswer | null {
  for (const fence of fences) {
    const inside = /^\s*<answer>((?:(?!<\/?answer>)[\s\S])*)(<\/answer>)?\s*$/i.exec(
      text.slice(fence.bodyStart, fence.bodyEnd),
    );
    if (inside === null || (inside[2] === undefined && fence.closed)) continue;
    const bodyStart = fence.bodyStart + inside[0].toLowerCase().indexOf("<answer>") + "<answer>".length;
    const bodyEnd = bodyStart + (inside[1] ?? "").length;
    return { start: fence.start, bodyStart, bodyEnd, end: fence.end, closed: inside[2] !== undefined };
  }
  return null;
}

/** A message that gives `found` as its answer: closed where the stop sequence cut its tag, cut where it went on. */
export function answering(
  visible: string,
  found: FoundAnswer,
  said: Said,
  transforms: readonly string[],
): ParsedMessage {
  const reasoning = visible.slice(0, found.start).trim() || thoughtOf(said);
  const invalid = (why: string): ParsedMessage => ({
    action: { kind: "invalid", reasoning, why },
    message: spoken(visible, said),
    transforms: [...transforms, ...droppedCalls(said)],
  });
  const answer = unfence(visible.slice(found.bodyStart, found.bodyEnd)).trim();
  const action = { kind: "answer", reasoning, answer } as const;
  if (!found.closed) {
    if (said.finishReason === "length") return invalid("Your message was cut off inside <answer>: it was too long.");
    if (said.finishReason !== "stop") return invalid("<answer> was not closed with </answer>.");
    return {
      action,
      message: spoken(`${visible}</answer>`, said),
      transforms: [...transforms, "close_tag", ...droppedCalls(said)],
    };
  }
  // Trailing white space stays: cutting it would change recorded text for nothing.
  const ended = visible.slice(found.end).trim() === "";
  return {
    action,
    message: spoken(ended ? visible : visible.slice(0, found.end), said),
    transforms: [...transforms, ...(ended ? [] : ["cut_after_action"]), ...droppedCalls(said)],
  };
}
