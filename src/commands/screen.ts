// A block of lines at the bottom of a terminal, redrawn in place.
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

/**
 * Takes a terminal for a block of lines that `render` gives for its present size; at most `rows - 1` of them. Between two drawings the
 * cursor rests, hidden, on the block's first line: a terminal that folds lines when it is resized keeps it there, so that what is
 * below can be wiped without knowing how it was folded. Call `close` at the end; a process that ends without it still gives the cursor back.
 */
export function openScreen(
  terminal: Terminal,
  options: { readonly look: () => Look; readonly render: (look: Look) => readonly string[] },
): Screen {
  let below = 0;
  let closed = false;

  function paint(above: string, leave: boolean): void {
    const lines = options.render(options.look());
    const wiped = above === "" ? "\r" : `\r${toScreenEnd}${above}`;
    const block = lines.map((line) => `${line}${toLineEnd}`).join("\n");
    below = leave ? 0 : Math.max(0, lines.length - 1);
    const rest = leave ? `\n${toScreenEnd}${showCursor}` : `${toScreenEnd}${up(below)}\r${hideCursor}`;
    // One write for wiping, log line and block: nothing can come between them.
    terminal.write(`${beginWrite}${wiped}${wrapOff}${block}${wrapOn}${rest}${endWrite}`);
  }

  const draw = () => paint("", false);
  const onResize = () => {
    terminal.write(`\r${toScreenEnd}`);
    draw();
  };
  const giveBack = () => {
    // Below the block, so that the shell's prompt does not stand in it.
    terminal.write(`${down(below)}\r\n${wrapOn}${showCursor}`);
    below = 0;
  };
  // Ctrl-Z: the shell gets its cursor, and the block comes back below whatever was typed there.
  const onSuspend = () => {
    giveBack();
    process.kill(process.pid, "SIGSTOP");
  };
  const onContinue = () => draw();

  terminal.on("resize", onResize);
  process.on("exit", giveBack);
  if (process.platform !== "win32") {
    process.on("SIGTSTP", onSuspend);
    process.on("SIGCONT", onContinue);
  }
  draw();

  return {
    draw() {
      if (!closed) draw();
    },
    above(line) {
      if (closed) terminal.write(`${harmless(line)}\n`);
      else paint(`${harmless(line)}\n`, false);
    },
    close() {
      if (closed) return;
      closed = true;
      terminal.off("resize", onResize);
      process.off("exit", giveBack);
      process.off("SIGTSTP", onSuspend);
      process.off("SIGCONT", onContinue);
      paint("", true);
    },
  };
}

function up(lines: number): string {
  return lines > 0 ? `\u001b[${lines}A` : "";
}

function down(lines: number): string {
  return lines > 0 ? `\u001b[${lines}B` : "";
}
