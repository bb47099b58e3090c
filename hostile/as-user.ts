// bubblewrap as an ordinary user: root becomes one, with a cgroup of its own, and runs the suite there in a process of its own.
import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../src/domain/errors.ts";
import { cgroupHomes, findCgroupRoots } from "../src/sandboxes/cgroup.ts";
import type { RunReport, TargetReport } from "./report.ts";

// Not the one of test/conformance/sandbox-user.test.ts, which may run at the same time.
const uid = 34_568;
const main = fileURLToPath(new URL("main.js", import.meta.url));

/** Runs `main.js` with these arguments as a user. @throws {UsageError} where this machine cannot. */
export async function runAsUser(args: readonly string[], say: (line: string) => void): Promise<TargetReport> {
  const lack = whyNot();
  if (lack !== null) throw new UsageError(`Expected to become an ordinary user, but ${lack}`);
  const roots = findCgroupRoots();
  const homes = roots === null ? [] : cgroupHomes(roots, uid);
  const folder = mkdtempSync(join(tmpdir(), "tracemill-hostile-user-"));
  chownSync(folder, uid, uid);
  try {
    for (const home of homes) {
      mkdirSync(home, { recursive: true });
      execFileSync("chown", ["-R", `${uid}`, home]);
    }
    const file = join(folder, "report.json");
    const { code, errors } = await asUser([main, ...args, "--json", file], folder, say);
    if (!existsSync(file)) throw new Error(`Expected a report from the user's run, got exit code ${code}: ${errors}`);
    const report = JSON.parse(readFileSync(file, "utf8")) as RunReport;
    const missing = report.missing[0];
    if (missing !== undefined) throw new UsageError(missing.reason);
    return report.targets[0] as TargetReport;
  } finally {
    for (const home of homes) removeEmpty(home);
    rmSync(folder, { recursive: true, force: true });
  }
}

function whyNot(): string | null {
  if (findCgroupRoots()?.kind !== "v1") return "with cgroup v2 it needs a systemd session of that user's";
  if (!existsSync("/usr/bin/setpriv")) return "setpriv is not installed";
  if (!existsSync(main)) return "dist/ is not built";
  for (let folder = dirname(main); folder !== "/"; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o005) !== 0o005) return `other users may not read ${folder}`;
  }
  return null;
}

function asUser(command: readonly string[], folder: string, say: (line: string) => void) {
  const become = ["--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", process.execPath];
  const child = spawn("/usr/bin/setpriv", [...become, ...command], {
    // Neither the machine's engine nor root's home: what this user may not have must not be asked for.
    env: { PATH: "/usr/bin:/bin", HOME: folder, TMPDIR: folder, DOCKER_HOST: "unix:///nonexistent" },
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
  });
  let rest = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("  ")) say(line);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  return new Promise<{ code: number | null; errors: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, errors: errors.trim() }));
  });
}

function removeEmpty(home: string): void {
  try {
    rmdirSync(home);
  } catch (error) {
    // Another run's sandboxes are in it, or it was never made.
    if (!["EBUSY", "ENOTEMPTY", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
