// The log of a run: one JSON object a line, bounded, written in blocks, and never in a run's way.
import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import type { Log } from "../contracts.ts";
import { type LogLevel, logLevels } from "../domain/log-level.ts";
import type { Secrets } from "../domain/secrets.ts";

export interface RunLog extends Log, Disposable {
  /** Writes what was said so far, and from now on everything, to the file at `path`. */
  attach(path: string): void;
  /** Where the lines of `--verbose` go from now on. */
  printTo(print: (line: string) => void): void;
  /** A line that a person was told already: for the file only. */
  keep(level: LogLevel, message: string): void;
}

const blockChars = 64 * 1024;
const flushMs = 200;
const textChars = 4_000;
const waitingLines = 1_000;
const shownChars = 300;

/**
 * A log whose file takes lines of `level` and graver, and whose `--verbose` lines of `printed` and graver go to a person. At `maxBytes`
 * the file becomes `<name>.1`, in place of an older one, and a new one begins. Lines wait in memory, 1,000 at most, until there is a
 * file. Where the file cannot be written, `complain` is told once and nothing is written any more.
 */
export function createRunLog(options: {
  readonly level: LogLevel;
  readonly printed: LogLevel | null;
  readonly secrets: Secrets;
  /** What to add to each line: the stage and item that it was written in. */
  readonly place: () => Readonly<Record<string, unknown>>;
  readonly complain: (line: string) => void;
  readonly maxBytes?: number;
  readonly now?: () => number;
}): RunLog {
  const { secrets, maxBytes = 32 * 1024 * 1024, now = Date.now } = options;
  const inFile = depthOf(options.level);
  const onScreen = options.printed === null ? -1 : depthOf(options.printed);
  let print: ((line: string) => void) | undefined;
  let path: string | undefined;
  let file: number | undefined;
  let bytesInFile = 0;
  let block = "";
  let waiting: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  function put(line: string, soon: boolean): void {
    if (file === undefined) {
      if (path === undefined && waiting.length < waitingLines) waiting.push(line);
      return;
    }
    block += line;
    if (soon || block.length >= blockChars) flush();
    else timer ??= setTimeout(flush, flushMs).unref();
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (file === undefined || block === "") return;
    const bytes = Buffer.from(block);
    block = "";
    try {
      if (bytesInFile + bytes.length > maxBytes && bytesInFile > 0) turnOver(file);
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
      bytesInFile += bytes.length;
    } catch (error) {
      giveUp(error);
    }
  }

  function turnOver(full: number): void {
    closeSync(full);
    file = undefined;
    renameSync(path as string, `${path}.1`);
    file = openSync(path as string, "a");
    const line = lineOf("info", `The log was full: what came before is in ${path}.1, and what was there is gone`, {});
    bytesInFile = writeSync(file, line);
  }

  function giveUp(error: unknown): void {
    const gone = file;
    file = undefined;
    options.complain(`The log cannot be written, so it ends here; the run goes on: ${(error as Error).message}`);
    try {
      if (gone !== undefined) closeSync(gone);
    } catch {
      // Closed already, or its disk is gone: there is nothing left to say it to.
    }
  }

  function lineOf(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): string {
    const head = { at: new Date(now()).toISOString(), level, message };
    const entry = { ...head, ...options.place(), ...fields, ...head }; // first in the line, and no field in their place
    return `${JSON.stringify(bounded(secrets.cutAll(plain(entry))))}\n`;
  }

  function write(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>, told: boolean): void {
    const depth = depthOf(level);
    const prints = !told && depth <= onScreen;
    if (depth > inFile && !prints) return;
    const line = lineOf(level, message, fields);
    if (depth <= inFile) put(line, depth <= depthOf("warn"));
    if (prints) print?.(shown(line));
  }

  const crashed = (error: unknown) => write("error", "The process broke", { error }, false);
  process.on("uncaughtExceptionMonitor", crashed);
  process.on("exit", flush);

  return {
    takes: (level) => depthOf(level) <= Math.max(inFile, onScreen),
    write: (level, message, fields = {}) => write(level, message, fields, false),
    keep: (level, message) => write(level, message, {}, true),
    printTo(next) {
      print = next;
    },
    attach(where) {
      path = where;
      try {
        file = openSync(where, "a");
        bytesInFile = fstatSync(file).size;
      } catch (error) {
        giveUp(error);
      }
      for (const line of waiting.splice(0)) put(line, false);
      waiting = [];
    },
    [Symbol.dispose]() {
      process.off("uncaughtExceptionMonitor", crashed);
      process.off("exit", flush);
      flush();
      if (file !== undefined) closeSync(file);
      file = undefined;
      path ??= "closed";
    },
  };
}

function depthOf(level: LogLevel): number {
  return logLevels.indexOf(level);
}

/** The fields as JSON will show them; an error as what it says, with its causes. */
function plain(entry: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entry).map(([name, value]) => [name, value instanceof Error ? told(value) : value]),
  );
}

function told(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncause: ${told(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}

function bounded(value: unknown): unknown {
  if (typeof value === "string") {
    return value.length <= textChars
      ? value
      : `${value.slice(0, textChars)}… (${value.length - textChars} more characters)`;
  }
  if (Array.isArray(value)) return value.map(bounded);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, bounded(member)]));
}

/** A line for a person: the time of day, the level, the message, and the fields as `name=value`. */
function shown(line: string): string {
  const { at, level, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const pairs = Object.entries(fields).map(([name, value]) => {
    const text = typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
    return `${name}=${text.length > shownChars ? `${text.slice(0, shownChars)}…` : text}`;
  });
  return [String(at).slice(11, 19), String(level).padEnd(5), message, ...pairs].join(" ");
}
