// The ways to watch a run: a block on a terminal, plain lines, JSON lines, hardly anything.
import type { WriteStream } from "node:tty";
import { harmless } from "../audit/text.ts";
import { frame } from "../display/frame.ts";
import { isUnicode, type Look } from "../display/look.ts";
import { plainCounts, plainLine } from "../display/plain-line.ts";
import { UsageError } from "../domain/errors.ts";
import type { RunSummary } from "../domain/run.ts";
import type { RunSnapshot, SaidLevel, WatchLine } from "../domain/run-snapshot.ts";
import { foldsLines, openScreen, type Screen } from "./screen.ts";

/** One way to watch a run. */
export interface View {
  /** Milliseconds between two snapshots. */
  readonly everyMs: number;
  /** Called with a fresh snapshot at that interval, and with the last one. */
  show(snapshot: RunSnapshot): void;
  /** A line of the log. */
  log(level: SaidLevel, message: string, at: string): void;
  /** What a person has to read in every mode that is for persons: answers to Ctrl-C, the last words. */
  tell(message: string, at: string): void;
  /** The end of a run that began; JSON has it as its last line. */
  summary(summary: RunSummary, end: { readonly path: string; readonly exitCode: number }): void;
  /** Leaves what is shown standing. May be called twice. */
  close(): void;
}

export interface ViewOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: WriteStream | (NodeJS.WritableStream & { readonly isTTY?: false });
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The view that options and terminal ask for. @throws {UsageError} for options that exclude each other. */
export function viewOf(options: ViewOptions): View {
  const { json, quiet, stdout, stderr, env } = options;
  if (json && quiet) {
    throw new UsageError(
      "Expected `--json` or `--quiet`, got both: JSON lines are for programs, which leave out what they do not want",
    );
  }
  if (json) return jsonView(stdout);
  if (quiet) return quietView(stderr);
  return canRedraw(stderr, env) ? terminalView(stderr, env) : plainView(stderr);
}

/** Whether a stream is a terminal whose cursor can be moved. */
export function canRedraw(stream: { readonly isTTY?: boolean }, env: ViewOptions["env"]): stream is WriteStream {
  return stream.isTTY === true && env.TERM !== "dumb";
}

/** How things may look on a terminal: its present size, colours by NO_COLOR, FORCE_COLOR and TERM, signs by the locale. */
export function lookOf(terminal: WriteStream, env: ViewOptions["env"]): Look {
  return {
    columns: terminal.columns || 80,
    rows: terminal.rows || 24,
    colour: terminal.getColorDepth({ ...env }) > 1,
    unicode: isUnicode(env, process.platform),
  };
}

function terminalView(terminal: WriteStream, env: ViewOptions["env"]): View {
  let screen: Screen | undefined;
  let shown: RunSnapshot;
  const print = (message: string) => {
    if (screen) screen.above(message);
    else terminal.write(`${harmless(message)}\n`);
  };
  return {
    everyMs: 200,
    show(snapshot) {
      shown = snapshot;
      if (screen) screen.draw();
      else
        screen = openScreen(terminal, {
          look: () => lookOf(terminal, env),
          render: (look) => frame(shown, look),
          folds: foldsLines(env),
        });
    },
    log(level, message) {
      if (level !== "debug") print(message);
    },
    tell: print,
    summary() {},
    close() {
      screen?.close();
    },
  };
}

function plainView(stream: { write(text: string): unknown }): View {
  let last = "";
  const tell = (message: string) => void stream.write(`${harmless(message)}\n`);
  return {
    everyMs: 5000,
    show(snapshot) {
      const counts = plainCounts(snapshot);
      if (counts === last) return;
      last = counts;
      stream.write(`${plainLine(snapshot)}\n`);
    },
    log(level, message) {
      if (level !== "debug") tell(message);
    },
    tell,
    summary() {},
    close() {},
  };
}

function quietView(stream: { write(text: string): unknown }): View {
  const nothing = () => {};
  const tell = (message: string) => void stream.write(`${harmless(message)}\n`);
  return {
    everyMs: 60_000,
    show: nothing,
    log(level, message) {
      if (level === "error") tell(message);
    },
    tell,
    summary: nothing,
    close: nothing,
  };
}

function jsonView(stream: { write(text: string): unknown }): View {
  let over = false;
  const write = (line: WatchLine) => {
    // The summary is the last line: the words that a person reads after it say the same again.
    if (!over) stream.write(`${JSON.stringify(line)}\n`);
    over ||= line.type === "summary";
  };
  return {
    everyMs: 1000,
    show: (snapshot) => write({ type: "snapshot", ...snapshot }),
    log: (level, message, at) => write({ type: "log", at, level, message: message.trimEnd() }),
    tell: (message, at) => write({ type: "log", at, level: "info", message: message.trimEnd() }),
    summary: (summary, { path, exitCode }) => write({ type: "summary", path, exitCode, ...summary }),
    close() {},
  };
}
