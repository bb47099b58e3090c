import { execFile } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../src/package.ts";

/** Runs `tracemill …args | reader` in a shell; `stderr` is the command's own. */
export function tracemillInto(reader: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const cli = join(packageRoot(), "dist/src/cli.js");
  return new Promise((resolve, reject) => {
    execFile("/bin/sh", ["-c", `"$@" | ${reader}`, "sh", process.execPath, cli, ...args], (error, stdout, stderr) => {
      if (error) reject(error);
      else resolve({ stdout, stderr });
    });
  });
}
