// A trainer of the user's own, started as a command: what it is told, and what is kept of it.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { harmless, plural } from "../audit/text.ts";
import type { TuningFile, TuningSettings } from "../contracts.ts";
import { parseJson } from "../domain/reply-json.ts";
import { isObject } from "../exports/chat-line.ts";
import type { OpenRecord } from "./tune-record.ts";

export interface CommandTuning {
  readonly command: string;
  readonly file: TuningFile;
  readonly validation: TuningFile | null;
  readonly settings: TuningSettings;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

/**
 * Runs the command in a shell and waits for it. It is told by its environment: TRACEMILL_FILE, TRACEMILL_VALIDATION (empty without), TRACEMILL_MODEL,
 * TRACEMILL_SETTINGS (JSON), TRACEMILL_OUT (a folder for what it makes). Its lines go to train.log; one that is a JSON object with numbers counts as
 * metrics. Returns 0 where it ends with 0, else 3.
 */
export async function tuneByCommand(opened: OpenRecord, options: CommandTuning): Promise<number> {
  const { command, file, validation, settings, signal, tell } = options;
  const out = join(opened.folder, "out");
  await mkdir(out, { recursive: true });
  // Another run is another attempt: its lines are others than the last one's.
  const attempt = opened.record.attempt + (opened.record.asked ? 1 : 0);
  await opened.set({ asked: true, attempt, status: "running", state: "running", error: null, endedAt: null });
  const child = spawn("bash", ["-c", command], {
    // A group of its own, so that stopping reaches what it starts.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      TRACEMILL_FILE: resolve(file.path),
      TRACEMILL_VALIDATION: validation === null ? "" : resolve(validation.path),
      TRACEMILL_MODEL: settings.model,
      TRACEMILL_SETTINGS: JSON.stringify(settings),
      TRACEMILL_OUT: resolve(out),
    },
  });
  const log = createWriteStream(join(opened.folder, "train.log"), { flags: "a" });
  const stop = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
  };
  signal.addEventListener("abort", stop, { once: true });
  let lines = 0;
  const read = async (stream: NodeJS.ReadableStream) => {
    for await (const line of createInterface({ input: stream })) {
      log.write(`${line}\n`);
      lines += 1;
      const id = `${attempt}/${lines}`;
      tell(harmless(line));
      const value = parseJson(line);
      if (!isObject(value)) continue;
      const metrics = Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
      );
      if (Object.keys(metrics).length > 0)
        await opened.add([{ id, at: new Date().toISOString(), level: "info", message: "", metrics }]);
    }
  };
  const ended = new Promise<number>((done, failed) => {
    child.on("error", failed);
    child.on("close", (code) => done(code ?? 1));
  });
  const [code] = await Promise.all([ended, read(child.stdout), read(child.stderr)]);
  signal.removeEventListener("abort", stop);
  await new Promise((done) => log.end(done));
  if (signal.aborted) {
    await opened.set({ status: "interrupted", state: "cancelled", endedAt: new Date().toISOString() });
    tell("stopped   what the command began was ended; the same command begins it anew");
  }
  signal.throwIfAborted();
  const state = code === 0 ? "succeeded" : "failed";
  await opened.set({
    ...{ status: state, state, endedAt: new Date().toISOString() },
    error: code === 0 ? null : `the command ended with ${code}`,
    tunedModel: code === 0 ? out : null,
  });
  tell(
    code === 0
      ? `done      ${plural(lines, "line")} in ${join(opened.folder, "train.log")}, what it made in ${out}`
      : `failed    the command ended with ${code}: ${join(opened.folder, "train.log")} has its lines. The same command with --again runs it again`,
  );
  return code === 0 ? 0 : 3;
}
