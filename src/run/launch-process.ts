// Programs that a launch runs: followed line by line, asked for a word, or one piped into another.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { harmless, shellWord } from "../audit/text.ts";
import { UsageError } from "../domain/errors.ts";

/** Where lines go. `whole`: what is followed begins at its beginning, so the log is written anew. */
export interface Following {
  readonly log: string;
  readonly whole: boolean;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
  readonly started?: (pid: number) => Promise<void>;
}

interface Stopping {
  readonly signal?: AbortSignal;
}

/** Runs a program in a group of its own, its lines told and logged, and returns its exit code. Stopping ends the group: SIGTERM, and SIGKILL ten seconds later. @throws {UsageError} where there is no such program. */
export async function run(
  program: string,
  args: readonly string[],
  { log: path, whole, tell, signal, started }: Following,
): Promise<number> {
  signal.throwIfAborted();
  const child = spawn(program, args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const ended = endOf(child, program);
  const kill = (how: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, how);
    } catch (error) {
      // The group has ended by itself.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  let hard: NodeJS.Timeout | undefined;
  const stop = () => {
    kill("SIGTERM");
    hard = setTimeout(() => kill("SIGKILL"), 10_000);
  };
  signal.addEventListener("abort", stop, { once: true });
  const log = createWriteStream(path, { flags: whole ? "w" : "a" });
  const read = async (stream: NodeJS.ReadableStream) => {
    for await (const line of createInterface({ input: stream })) {
      log.write(`${line}\n`);
      // Progress bars redraw their line; the log has all of it.
      const shown = harmless(line.slice(line.lastIndexOf("\r") + 1)).trimEnd();
      if (shown !== "") tell(shown);
    }
  };
  try {
    // Reading begins at once: lines of a program that has ended meanwhile would never end otherwise.
    const reading = [read(child.stdout), read(child.stderr)];
    if (child.pid !== undefined) await started?.(child.pid);
    const [code] = await Promise.all([ended, ...reading]);
    signal.throwIfAborted();
    return code;
  } finally {
    clearTimeout(hard);
    signal.removeEventListener("abort", stop);
    await new Promise((done) => log.end(done));
  }
}

function endOf(child: ReturnType<typeof spawn>, program: string): Promise<number> {
  return new Promise((done, failed) => {
    child.on("error", (cause: NodeJS.ErrnoException) =>
      failed(
        cause.code === "ENOENT"
          ? new UsageError(
              `Expected the program \`${shellWord(program)}\` on this machine, got none: install it, or launch otherwise`,
              { cause },
            )
          : cause,
      ),
    );
    child.on("close", (code) => done(code ?? 1));
  });
}

/** Runs a program whose words nobody needs; its exit code. */
export function quietly(program: string, args: readonly string[], { signal }: Stopping): Promise<number> {
  return endOf(spawn(program, args, { stdio: "ignore", ...(signal === undefined ? {} : { signal }) }), program);
}

/** What a program says, what it complains of, and its exit code. */
export async function outputOf(
  program: string,
  args: readonly string[],
  { signal }: Stopping,
): Promise<{ readonly code: number; readonly text: string; readonly errors: string }> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal === undefined ? {} : { signal }),
  });
  let text = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const code = await endOf(child, program);
  return { code, text, errors: harmless(errors) };
}

/** One program's output into another's input; the first exit code that is not 0. */
export async function piped(
  [first = "", ...firstArgs]: readonly string[],
  [second = "", ...secondArgs]: readonly string[],
  { signal }: Stopping,
): Promise<number> {
  const stopping = signal === undefined ? {} : { signal };
  const source = spawn(first, firstArgs, { stdio: ["ignore", "pipe", "inherit"], ...stopping });
  const sink = spawn(second, secondArgs, { stdio: ["pipe", "ignore", "inherit"], ...stopping });
  // A sink that ends early closes the pipe: its exit code says so.
  sink.stdin.on("error", () => source.stdout.destroy());
  source.stdout.pipe(sink.stdin);
  const codes = await Promise.all([endOf(source, first), endOf(sink, second)]);
  return codes.find((code) => code !== 0) ?? 0;
}
