// The command as a user starts it: the built file, in a process of its own.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/package.ts";

export interface CliEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A module loaded before the command. */
  readonly preload?: string;
  /** Words before the command, which run it. */
  readonly through?: readonly string[];
  /** The user it runs as (also the group); only root can choose another. */
  readonly as?: number;
  readonly started?: (pid: number) => void;
  /** Called with everything stderr said so far, whenever it said more. `kill` reaches the whole process group, as Ctrl-C does. */
  readonly watch?: (stderr: string, kill: (signal: NodeJS.Signals) => void, pid: number) => void;
}

/** Runs `tracemill …args` and resolves when it ended, however it did. */
export function tracemill(args: readonly string[], options: CliOptions = {}): Promise<CliEnd> {
  const cli = join(packageRoot(), "dist/src/bin.js");
  if (!existsSync(cli)) throw new Error(`Expected a build at ${cli}: run \`npm run build\` first`);
  const preload = options.preload === undefined ? [] : ["--import", options.preload];
  const [program = "", ...words] = [...(options.through ?? []), process.execPath, ...preload, cli, ...args];
  const child = spawn(program, words, {
    cwd: options.cwd ?? process.cwd(),
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "/",
      NO_COLOR: "1",
      ...dockerHost(),
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    ...(options.as === undefined ? {} : { uid: options.as, gid: options.as }),
  });
  if (child.pid !== undefined) options.started?.(child.pid);
  const kill = (signal: NodeJS.Signals) => void process.kill(-(child.pid as number), signal);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    options.watch?.(stderr, kill, child.pid as number);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

function dockerHost(): Record<string, string> {
  return process.env.DOCKER_HOST === undefined ? {} : { DOCKER_HOST: process.env.DOCKER_HOST };
}
