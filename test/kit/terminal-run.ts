// The command on a terminal of its own: a pseudo-terminal by util-linux's `script`, seen through an emulator.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "../../src/package.ts";
import { type VirtualTerminal, virtualTerminal } from "./virtual-terminal.ts";

export interface TerminalRun extends AsyncDisposable {
  readonly seen: VirtualTerminal;
  /** Everything written so far, escape sequences included. */
  raw(): string;
  /** What a person types. */
  type(keys: string): void;
  resize(columns: number, rows: number): Promise<void>;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
}

/** Why there can be no terminal here; null where there can. */
export const terminalMissing = process.platform === "linux" ? null : "only on Linux: needs script of util-linux";

/** Runs `tracemill …args` on a terminal of this size. */
export async function onTerminal(
  args: readonly string[],
  options: { columns: number; rows: number; env?: Readonly<Record<string, string>> },
): Promise<TerminalRun> {
  const folder = await mkdtemp(join(tmpdir(), "tracemill-terminal-"));
  const device = join(folder, "device");
  const cli = join(packageRoot(), "dist/src/cli.js");
  const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  const command = [
    `stty cols ${options.columns} rows ${options.rows}`,
    `tty > ${quote(device)}`,
    `exec ${[process.execPath, cli, ...args].map(quote).join(" ")}`,
  ].join(" && ");
  // In CI Node takes a terminal for one without colours.
  const { NO_COLOR: _none, FORCE_COLOR: _forced, CI: _ci, ...inherited } = process.env;
  const child = spawn("script", ["--quiet", "--return", "--flush", "--command", command, "/dev/null"], {
    env: { ...inherited, TERM: "xterm-256color", LANG: "C.UTF-8", LC_ALL: "C.UTF-8", SHELL: "/bin/sh", ...options.env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const seen = virtualTerminal(options.columns, options.rows);
  let raw = "";
  let shown = Promise.resolve();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    raw += text;
    shown = shown.then(() => seen.write(text));
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => void shown.then(() => resolve(code)));
  });
  return {
    seen,
    raw: () => raw,
    type: (keys) => void child.stdin.write(keys),
    async resize(columns, rows) {
      const path = (await readFile(device, "utf8")).trim();
      seen.resize(columns, rows);
      await promisify(execFile)("stty", ["-F", path, "cols", String(columns), "rows", String(rows)]);
    },
    ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
