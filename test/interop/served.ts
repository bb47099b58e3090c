// The built `tracemill serve-teacher` in a process of its own, and curl as a client.
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { packageRoot } from "../../src/package.ts";

/** Null where curl is there; else why not, for the title of a skipped test. */
export const curlMissing = spawnSync("curl", ["--version"]).error === undefined ? null : "curl is not installed";

export interface ServedTeacher extends AsyncDisposable {
  readonly url: string;
  /** Ends it as Ctrl-C does; resolves with its exit code. */
  interrupt(): Promise<number | null>;
}

/** Starts the command on a free port; resolves once it says where it answers. */
export async function serveBuilt(
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<ServedTeacher> {
  const command = [join(packageRoot(), "dist/src/bin.js"), "serve-teacher", "--port", "0", "--error-rate", "all=0"];
  const child = spawn(process.execPath, [...command, ...args], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  let said = "";
  for await (const text of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    said += text;
    const url = /answers at (\S+)/.exec(said)?.[1];
    if (url === undefined) continue;
    child.stdout.resume();
    const interrupt = async () => {
      child.kill("SIGINT");
      return (await ended)[0] as number | null;
    };
    return { url, interrupt, [Symbol.asyncDispose]: async () => void (await interrupt()) };
  }
  throw new Error(`Expected serve-teacher to say where it answers, got: ${said}`);
}

export interface CurlAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Runs `curl -i -N …args`, with `input` for `-d @-`. */
export function curl(args: readonly string[], input = ""): Promise<CurlAnswer> {
  return new Promise((resolve, reject) => {
    const all = ["-sS", "-i", "-N", "--max-time", "20", "-H", "Expect:", ...args];
    const child = execFile("curl", all, { maxBuffer: 2 ** 26 }, (error, stdout) => {
      if (error) return reject(error);
      const [, status = "0", head = "", text = ""] =
        /^HTTP\/1\.1 (\d+)[^\n]*\n([\s\S]*?)\r\n\r\n([\s\S]*)$/.exec(stdout) ?? [];
      const lines = head.split("\r\n").map((line) => /^([^:]+): (.*)$/.exec(line) ?? []);
      const headers = Object.fromEntries(lines.map(([, name = "", value = ""]) => [name.toLowerCase(), value]));
      resolve({ status: Number(status), headers, text });
    });
    // A refusal may come before all of a long body was read.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}
