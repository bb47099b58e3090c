// A trainer of the user's own, started as a command: what it is told, and what is kept of it. It outlives the process that watches it.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { harmless, plural } from "../audit/text.ts";
import type { TuningFile, TuningSettings } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { parseJson } from "../domain/reply-json.ts";
import { type Holder, holderOf, isAlive } from "../engine/holder.ts";
import { isObject } from "../exports/chat-line.ts";
import { numbersOf } from "../tuners/read.ts";
import type { OpenRecord } from "./tune-record.ts";

export interface CommandTuning {
  readonly command: string;
  readonly file: TuningFile;
  readonly validation: TuningFile | null;
  readonly settings: TuningSettings;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
  /** Asks before anything is started. */
  readonly confirm: () => Promise<void>;
}

/** A command that was started: who runs it, and where its lines begin in the log. */
interface Started {
  readonly holder: Holder;
  readonly from: number;
}

const lookMs = 100;
const mercyMs = 10_000;
const longestMessage = 500;

/**
 * Runs the command in a shell and waits for it. It is told by its environment: TRACEMILL_FILE, TRACEMILL_VALIDATION (empty without), TRACEMILL_MODEL,
 * TRACEMILL_SETTINGS (JSON), TRACEMILL_OUT (a folder for what it makes). Its lines go to train.log; one that is a JSON object with numbers counts as
 * an event with metrics. One that an earlier process started is followed, not started again. Returns 0 where it ends with 0, else 3.
 */
export async function tuneByCommand(opened: OpenRecord, options: CommandTuning): Promise<number> {
  const { signal, tell } = options;
  const out = join(opened.folder, "out");
  const log = join(opened.folder, "train.log");
  const earlier = opened.record.state === "running" ? await startedIn(opened.folder) : null;
  if (earlier !== null)
    tell(`follow    the command was begun before (pid ${earlier.holder.pid}); its lines since then:`);
  else await options.confirm();
  const started = earlier ?? (await start(opened, { ...options, out, log }));
  const lines = await follow(opened, { started, log, tell, signal });
  if (signal.aborted) {
    await opened.set({ status: "interrupted", state: "cancelled", endedAt: new Date().toISOString() });
    tell("stopped   what the command began was ended; the same command begins it anew");
  }
  signal.throwIfAborted();
  const code = Number((await readFile(codeFile(opened.folder), "utf8").catch(() => "")) || Number.NaN);
  const state = code === 0 ? "succeeded" : "failed";
  const error = Number.isNaN(code) ? "the command was ended from outside" : `the command ended with ${code}`;
  await opened.set({
    ...{ status: state, state, endedAt: new Date().toISOString() },
    error: code === 0 ? null : error,
    tunedModel: code === 0 ? out : null,
  });
  tell(
    code === 0
      ? `done      ${plural(lines, "line")} in ${log}, what it made in ${out}`
      : `failed    ${error}: ${log} has its lines. The same command with --again runs it again`,
  );
  return code === 0 ? 0 : 3;
}

/** Written by the shell that ran the command, once that has ended. */
function codeFile(folder: string): string {
  return join(folder, "command.code");
}

function startedFile(folder: string): string {
  return join(folder, "command.json");
}

/** What was started here and was not seen to end: it runs, or has left its exit code; null where it did neither. */
async function startedIn(folder: string): Promise<Started | null> {
  const started = parseJson(await readFile(startedFile(folder), "utf8").catch(() => "")) as Started | undefined;
  if (started === undefined) return null;
  const hasEnded = await stat(codeFile(folder)).then(
    () => true,
    () => false,
  );
  return hasEnded || isAlive(started.holder) ? started : null;
}

async function start(
  opened: OpenRecord,
  {
    command,
    file,
    validation,
    settings,
    out,
    log,
  }: Pick<CommandTuning, "command" | "file" | "validation" | "settings"> & {
    readonly out: string;
    readonly log: string;
  },
): Promise<Started> {
  const { folder } = opened;
  await mkdir(out, { recursive: true });
  // Another run is another attempt: its lines are others than the last one's.
  const attempt = opened.record.attempt + (opened.record.asked ? 1 : 0);
  for (const path of [startedFile(folder), codeFile(folder)]) await rm(path, { force: true });
  await opened.set({ asked: true, attempt, status: "running", state: "running", error: null, endedAt: null });
  const from = await stat(log).then(
    ({ size }) => size,
    () => 0,
  );
  // It writes to the file itself, for a pipe would end with us.
  const shell = 'bash -c "$2" >> "$0" 2>&1 < /dev/null; echo $? > "$1.part" && mv "$1.part" "$1"';
  const child = spawn("bash", ["-c", shell, resolve(log), resolve(codeFile(folder)), command], {
    // A group of its own, so that stopping reaches what it starts.
    detached: true,
    stdio: "ignore",
    env: {
      ...process.env,
      TRACEMILL_FILE: resolve(file.path),
      TRACEMILL_VALIDATION: validation === null ? "" : resolve(validation.path),
      TRACEMILL_MODEL: settings.model,
      TRACEMILL_SETTINGS: JSON.stringify(settings),
      TRACEMILL_OUT: resolve(out),
    },
  });
  const broken = new Promise<never>((_, fail) => child.on("error", fail));
  if (child.pid === undefined) {
    await opened.set({ asked: false, status: null, state: null });
    const cause = await broken.catch((error: unknown) => error);
    throw new UsageError("Expected `bash` on this machine, to run the command in, got none", { cause });
  }
  broken.catch(() => undefined);
  // One that has ended already is nobody's.
  const holder = holderOf(child.pid) ?? { boot: "", pid: child.pid, started: "" };
  const started = { holder, from };
  // At once, and in one step: whoever comes after a kill has to know of it.
  writeFileSync(startedFile(folder), JSON.stringify(started));
  return started;
}

/** Tells the log's lines until the command has ended; stopping ends it and all that it started. Returns how many lines there were. */
async function follow(
  opened: OpenRecord,
  {
    started: { holder, from },
    log,
    tell,
    signal,
  }: { readonly started: Started } & Pick<CommandTuning, "tell" | "signal"> & { readonly log: string },
): Promise<number> {
  let at = from;
  let rest = "";
  let lines = 0;
  const take = async (line: string) => {
    lines += 1;
    const id = `${opened.record.attempt}/${lines}`;
    tell(harmless(line));
    const value = parseJson(line);
    const metrics = isObject(value) ? numbersOf(value) : {};
    if (Object.keys(metrics).length > 0)
      await opened.add([
        { id, at: new Date().toISOString(), level: "info", message: line.slice(0, longestMessage), metrics },
      ]);
  };
  const decoder = new TextDecoder();
  const read = async (last: boolean) => {
    const bytes = await bytesFrom(log, at);
    at += bytes.byteLength;
    const pieces = (rest + decoder.decode(bytes, { stream: !last })).split("\n");
    rest = pieces.pop() ?? "";
    for (const line of pieces) await take(line);
    if (last && rest !== "") await take(rest);
  };
  let stoppedAt: number | null = null;
  // The shell may end before what it ran: stopping waits for all of the group.
  while (isAlive(holder) || (signal.aborted && reaches(holder, 0))) {
    await read(false);
    if (signal.aborted) {
      reaches(holder, stoppedAt !== null && Date.now() - stoppedAt > mercyMs ? "SIGKILL" : "SIGTERM");
      stoppedAt ??= Date.now();
    }
    await sleep(lookMs, undefined, signal.aborted ? {} : { signal }).catch(() => undefined);
  }
  await read(true);
  return lines;
}

/** Sends a signal to all that the command started (0: none, only looks); false where none of it runs any more. */
function reaches({ pid }: Holder, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

async function bytesFrom(path: string, from: number): Promise<Buffer> {
  const handle = await open(path, "r").catch(() => null);
  if (handle === null) return Buffer.alloc(0);
  try {
    const bytes = Buffer.alloc(Math.max(0, (await handle.stat()).size - from));
    const { bytesRead } = await handle.read(bytes, 0, bytes.byteLength, from);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
