// What lies on the host for hostile code to go for: data that is shown, answers that are not, and a secret in every usual place.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Planted extends Disposable {
  readonly secret: string;
  readonly dataDir: string;
  readonly hostDir: string;
  /** A line for every planted thing that is no longer as it was. */
  changed(): string[];
  /** SHA-256 of each data file, as the inside should find it. */
  readonly dataHashes: Readonly<Record<string, string>>;
}

/** The column that innocents add up. */
export const mpg = [21, 30, 17, 25, 33];

/** Puts the folders, the secret in this process's environment, and a process with the secret in its argv and environment. */
export function plant(): Planted {
  const secret = `sk-hostile-${randomBytes(16).toString("hex")}`;
  const folder = mkdtempSync(join(tmpdir(), "tracemill-hostile-"));
  const [dataDir, hostDir] = [join(folder, "data"), join(folder, "host")];
  mkdirSync(dataDir);
  mkdirSync(hostDir);
  const rows = mpg.map((value, index) => `car ${index},${value}`);
  writeFileSync(join(dataDir, "cars.csv"), `name,mpg\n${rows.join("\n")}\n`);
  writeFileSync(join(dataDir, "notes.txt"), "Five cars and how far they go.\n");
  writeFileSync(join(hostDir, "answer.csv"), `id,answer\n1,${secret}\n`);
  for (const path of [folder, dataDir, hostDir]) chmodSync(path, 0o755);
  for (const name of ["data/cars.csv", "data/notes.txt", "host/answer.csv"]) chmodSync(join(folder, name), 0o644);
  process.env.HOSTILE_API_KEY = secret;
  const env = { PATH: "/usr/bin:/bin", OPENAI_API_KEY: secret };
  // Ends with this process: `cat` does when nobody holds the other end of its stdin.
  const bystander = spawn("/bin/sh", ["-c", "cat; :", secret], { env, stdio: ["pipe", "ignore", "ignore"] });
  bystander.stdin.on("error", () => {}); // it has gone
  const before = portrait(folder);
  return {
    secret,
    dataDir,
    hostDir,
    dataHashes: Object.fromEntries(["cars.csv", "notes.txt"].map((name) => [name, hashOf(join(dataDir, name))])),
    changed() {
      const now = portrait(folder);
      const lines = [...before].filter((line) => !now.has(line)).map((line) => `gone or changed: ${line}`);
      return [...lines, ...[...now].filter((line) => !before.has(line)).map((line) => `new or changed: ${line}`)];
    },
    [Symbol.dispose]() {
      bystander.stdin.end();
      delete process.env.HOSTILE_API_KEY;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function portrait(folder: string): Set<string> {
  const lines = new Set<string>();
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, entry);
    const { mode, uid, mtimeMs } = statSync(path);
    const what = statSync(path).isFile() ? hashOf(path) : "folder";
    lines.add(`${entry} ${mode.toString(8)} of ${uid}, written ${mtimeMs}: ${what}`);
  }
  return lines;
}

function hashOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
