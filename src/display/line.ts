// A line of the display as styled pieces, measured and cut in terminal columns before any escape sequence is in it.
import { styleText } from "node:util";
import stringWidth from "string-width";
import { harmless } from "../audit/text.ts";

export type Style = "dim" | "bold" | "green" | "yellow" | "red" | "cyan" | "blue";

export interface Span {
  readonly text: string;
  readonly style?: Style | undefined;
}

export type Line = readonly Span[];

const graphemes = new Intl.Segmenter();

/** A piece in one style, or in none. */
export function span(text: string, style?: Style): Span {
  return { text, style };
}

/** Columns that a line takes on a terminal. */
export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + textWidth(text), 0);
}

// ASCII, box drawing and blocks: one column each, and most of what is measured. Ten times as fast as looking each character up.
const narrow = /^[\x20-\x7e\u2500-\u259f]*$/;

function textWidth(text: string): number {
  return narrow.test(text) ? text.length : stringWidth(text);
}

/** Text from elsewhere on one line and without control characters; where only ASCII can be shown, `?` stands for the rest. */
export function clean(text: string, unicode: boolean): string {
  const line = harmless(text).replace(/\s+/g, " ").trim();
  if (unicode) return line;
  return Array.from(graphemes.segment(line), ({ segment }) => (/^[\x20-\x7e]$/.test(segment) ? segment : "?")).join("");
}

/** The line in at most `width` columns; `mark` stands for what was cut off. A wide character is never halved. */
export function cut(line: Line, width: number, mark: string): Line {
  if (widthOf(line) <= width) return line;
  const room = Math.max(0, width - textWidth(mark));
  const kept: Span[] = [];
  let used = 0;
  for (const { text, style } of line) {
    if (narrow.test(text)) {
      const part = text.slice(0, room - used);
      used += part.length;
      kept.push(span(part, style));
      if (part.length === text.length) continue;
      return width < textWidth(mark) ? kept : [...kept, span(mark, style)];
    }
    let part = "";
    for (const { segment } of graphemes.segment(text)) {
      const columns = textWidth(segment);
      if (used + columns > room) return width < textWidth(mark) ? kept : [...kept, span(part + mark, style)];
      part += segment;
      used += columns;
    }
    kept.push(span(part, style));
  }
  return kept;
}

/** The line with spaces after it (or before it) up to `width` columns; a longer one as it is. */
export function pad(line: Line, width: number, side: "left" | "right" = "right"): Line {
  const space = span(" ".repeat(Math.max(0, width - widthOf(line))));
  return side === "right" ? [...line, space] : [space, ...line];
}

/** `left` at the left and `right` at the right edge of `width` columns; `right` is left out where both do not fit. */
export function apart(left: Line, right: Line, width: number, mark: string): Line {
  const room = width - widthOf(right);
  if (right.length === 0 || widthOf(left) + 2 > room) return cut(left, width, mark);
  return [...pad(left, room), ...right];
}

/** The line as text, with escape sequences where `colour` says so, and without spaces at its end. */
export function print(line: Line, colour: boolean): string {
  const end = line.findLastIndex(({ text }) => text.trimEnd() !== "");
  return line
    .slice(0, end + 1)
    .map(({ text, style }, index) => {
      const shown = index === end ? text.trimEnd() : text;
      return colour && style && shown !== "" ? styleText(style, shown, { validateStream: false }) : shown;
    })
    .join("");
}
