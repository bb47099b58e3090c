// Text as a terminal would show it in the end: what was overwritten, erased or coloured is resolved, nothing that acts is left.

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal control sequences are what is matched
const csi = /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~])/y;
// OSC (titles, links, the clipboard), DCS, SOS, PM and APC: up to their terminator, or to the line's end where a cut took it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal control sequences are what is matched
const strings = /(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal control sequences are what is matched
const escapes = /\u001b[ -/]*[0-~]?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal acts on
const acting = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL and its like break training formats, C1 controls act on terminals
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
// They turn the text that follows around: shown by name, so that a column called so can still be found.
const directions = /[\u202a-\u202e\u2066-\u2069]/g;
// Half of a pair, left by a cut: no JSON reader downstream takes it.
const loneSurrogates = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Furthest column that a sequence may move to: no text is padded beyond it. */
const furthestColumn = 200;

/** `text` as a terminal would have shown it in the end: progress bars show their last state, colours and links are gone. */
export function asTerminal(text: string): string {
  const sound = text.replace(loneSurrogates, "\ufffd");
  const shown = acting.test(sound) ? drawn(sound.replace(/\r+\n/g, "\n")) : sound;
  return shown.replace(controls, "").replace(directions, named);
}

function named(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function drawn(text: string): string {
  const rows: string[][] = [[]];
  let row = 0;
  let column = 0;
  const line = () => {
    rows[row] ??= [];
    return rows[row] as string[];
  };
  for (let at = 0; at < text.length; ) {
    const character = String.fromCodePoint(text.codePointAt(at) as number);
    if (character === "\u001b" || (character >= "\u0080" && character <= "\u009f")) {
      const sequence = match(csi, text, at);
      const length =
        sequence?.[0].length ?? match(strings, text, at)?.[0].length ?? match(escapes, text, at)?.[0].length;
      if (sequence) obey(sequence[1] ?? "", sequence[2] ?? "");
      at += length ?? 1;
      continue;
    }
    at += character.length;
    if (character === "\n") {
      row++;
      column = 0;
      line();
    } else if (character === "\r") column = 0;
    else if (character === "\b") column = Math.max(0, column - 1);
    else {
      const cells = line();
      while (cells.length < column) cells.push(" ");
      cells[column++] = character;
    }
  }
  return rows.map((cells) => cells.join("")).join("\n");

  function obey(parameters: string, final: string): void {
    const count = Math.min(furthestColumn, Math.max(1, Number.parseInt(parameters, 10) || 1));
    if (final === "A" || final === "F") row = Math.max(0, row - count);
    if (final === "B" || final === "E") row = Math.min(rows.length - 1, row + count);
    if (final === "E" || final === "F") column = 0;
    if (final === "C") column = Math.min(Math.max(column, furthestColumn), column + count);
    if (final === "D") column = Math.max(0, column - count);
    if (final === "G") column = count - 1;
    if (final !== "K") return;
    if (parameters === "" || parameters === "0") line().length = Math.min(line().length, column);
    else if (parameters === "2") line().length = 0;
    else if (parameters === "1") line().fill(" ", 0, column);
  }
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
