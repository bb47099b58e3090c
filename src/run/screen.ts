// A block of lines at the bottom of a terminal, redrawn in place.
import stringWidth from "string-width";
import { harmless } from "../audit/text.ts";
import type { Look } from "../display/look.ts";

/** The part of a terminal that is used; `process.stderr` is one. */
export interface Terminal {
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
  readonly columns?: number;
  readonly rows?: number;
}

export interface Screen {
  /** Draws the block anew. */
  draw(): void;
  /** Prints a line of its own above the block. */
  above(line: string): void;
  /** Draws the block once more, leaves it standing and gives the terminal back. May be called twice. */
  close(): void;
}

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
// Terminals that know synchronised output show such a write at once; the others ignore the brackets.
const beginWrite = "\u001b[?2026h";
const endWrite = "\u001b[?2026l";
// A line that is too long, because the terminal has just become narrower, is cut instead of wrapped.
const wrapOff = "\u001b[?7l";
const wrapOn = "\u001b[?7h";
const toLineEnd = "\u001b[K";
const toScreenEnd = "\u001b[J";
// From the second column on: tmux would keep in its scrollback what is wiped from the very first cell of the screen.
const wipe = `\r ${toScreenEnd}\r`;

const wholeEvery = 25;

/**
 * Takes a terminal for a block of lines that `render` gives for its present size; at most `rows - 1` of them. Between two drawings the
 * cursor rests, hidden, on the line below the block. A terminal that folds lines when it becomes narrower has moved it down: `folds`
 * says whether this one does. Call `close` at the end; a process that ends without it still gives the cursor back.
 */
export function openScreen(
  terminal: Terminal,
  options: {
    readonly look: () => Look;
    readonly render: (look: Look) => readonly string[];
    readonly folds: boolean;
  },
): Screen {
  let drawn: readonly string[] = [];
  let drawings = 0;
  let closed = false;

  /** Rows that the block takes now, after the terminal folded it or not. */
  function height(columns: number): number {
    if (!options.folds) return drawn.length;
    return drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(stringWidth(line) / columns)), 0);
  }

  function paint(change: { readonly above?: string; readonly fresh?: boolean } = {}): void {
    const look = options.look();
    const lines = options.render(look);
    const toTop = `\r${up(height(look.columns))}`;
    // Wiping first would flicker where it is not needed: a line that is drawn over its old self wipes only its end.
    const above = change.above === undefined ? "" : `${wipe}${change.above}\n`;
    const begin = change.fresh ? `${toTop}${wipe}` : `${toTop}${above}`;
    // Now and then whole, so that what others wrote into the block does not stay.
    const keeps = begin === toTop && drawings++ % wholeEvery > 0;
    const isKept = (index: number) => keeps && lines[index] === drawn[index];
    if (keeps && lines.length === drawn.length && lines.every((_, index) => isKept(index))) return;
    const block = lines.map((line, index) => (isKept(index) ? "\n" : `\r${line}${toLineEnd}\n`)).join("");
    drawn = lines;
    // One write for wiping, log line and block: nothing can come between them.
    terminal.write(`${beginWrite}${hideCursor}${begin}${wrapOff}${block}${wrapOn}${toScreenEnd}${endWrite}`);
  }

  const onResize = () => paint({ fresh: true });
  const giveBack = () => void terminal.write(`${wrapOn}${showCursor}`);
  // Ctrl-Z: the shell gets its cursor, and the block comes back below whatever was typed there.
  const onSuspend = () => {
    giveBack();
    drawn = [];
    process.kill(process.pid, "SIGSTOP");
  };
  const onContinue = () => paint();

  terminal.on("resize", onResize);
  process.on("exit", giveBack);
  if (process.platform !== "win32") {
    process.on("SIGTSTP", onSuspend);
    process.on("SIGCONT", onContinue);
  }
  paint();

  return {
    draw() {
      if (!closed) paint();
    },
    above(line) {
      if (closed) terminal.write(`${harmless(line)}\n`);
      else paint({ above: harmless(line) });
    },
    close() {
      if (closed) return;
      closed = true;
      terminal.off("resize", onResize);
      process.off("exit", giveBack);
      process.off("SIGTSTP", onSuspend);
      process.off("SIGCONT", onContinue);
      paint();
      giveBack();
    },
  };
}

/** Whether a terminal folds what is too long when it becomes narrower; xterm itself, GNU screen and the Linux console cut it off. */
export function foldsLines(env: Readonly<Record<string, string | undefined>>): boolean {
  return env.XTERM_VERSION === undefined && env.STY === undefined && env.TERM !== "linux";
}

function up(lines: number): string {
  return lines > 0 ? `\u001b[${lines}A` : "";
}
