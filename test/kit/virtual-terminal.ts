// A terminal in memory that understands escape sequences, to see what a person would see.
import xterm from "@xterm/headless";

export interface VirtualTerminal {
  write(text: string): Promise<void>;
  resize(columns: number, rows: number): void;
  /** What is on the screen, line by line, without spaces and empty lines at the end. */
  screen(): string[];
  /** Everything, also what was scrolled out. */
  everything(): string[];
  isCursorShown(): boolean;
}

export function virtualTerminal(columns: number, rows: number): VirtualTerminal {
  // convertEol: what the kernel's terminal line does to a bare line feed.
  const terminal = new xterm.Terminal({
    cols: columns,
    rows,
    allowProposedApi: true,
    scrollback: 5000,
    convertEol: true,
  });
  let hidden = false;
  terminal.parser.registerCsiHandler({ prefix: "?", final: "l" }, (params) => {
    if (params.includes(25)) hidden = true;
    return false;
  });
  terminal.parser.registerCsiHandler({ prefix: "?", final: "h" }, (params) => {
    if (params.includes(25)) hidden = false;
    return false;
  });
  const linesFrom = (first: number) => {
    const { active } = terminal.buffer;
    const lines = Array.from({ length: active.length - first }, (_, index) =>
      (active.getLine(first + index)?.translateToString(true) ?? "").trimEnd(),
    );
    return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
  };
  return {
    write: (text) => new Promise((resolve) => terminal.write(text, resolve)),
    resize: (newColumns, newRows) => terminal.resize(newColumns, newRows),
    screen: () => linesFrom(terminal.buffer.active.baseY),
    everything: () => linesFrom(0),
    isCursorShown: () => !hidden,
  };
}
