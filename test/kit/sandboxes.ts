// Which sandbox backends this machine has, for tests that run on every one of them for real.
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe } from "vitest";
import type { Remember } from "../../src/contracts.ts";
import { canonicalJson } from "../../src/domain/hash.ts";
import type { StepRan } from "../../src/domain/trajectory.ts";
import { type SandboxEntry, sandboxBackends } from "../../src/sandboxes/index.ts";

/**
 * One `describe` for each backend. A backend that is missing is skipped with the reason in its title, unless
 * TRACEMILL_REQUIRE_BACKENDS (comma-separated) names it: then its tests run and fail.
 */
export async function describeEachBackend(what: string, body: (entry: SandboxEntry) => void): Promise<void> {
  const required = (process.env.TRACEMILL_REQUIRE_BACKENDS ?? "").split(",");
  for (const entry of sandboxBackends) {
    const lack = await entry.lacks(undefined);
    if (lack === null || required.includes(entry.name)) describe(`${what} on ${entry.name}`, () => body(entry));
    else describe.skip(`${what} on ${entry.name} (skipped: ${lack.reason})`, () => body(entry));
  }
}

/** Where steps ran that no sandbox ran. */
export const ranNowhere: StepRan = {
  ...{ backend: "none", image: null, kernel: "6.1", runtime: "none" },
  ...{ queueMs: 0, openMs: 0, readyMs: 0, rebuildMs: 0 },
};

/** A folder that every user may read, with these files. The caller removes it. */
export async function dataFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "tracemill-data-"));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(dir, name), text);
    await chmod(join(dir, name), 0o644);
  }
  await chmod(dir, 0o755);
  return dir;
}

/** What sandboxes of this process there are on the host: container ids, or cgroup folders. */
export async function leftOnHost(backend: string): Promise<string[]> {
  if (backend === "docker") {
    const args = ["ps", "-a", "--format", '{{.ID}} {{.Label "tracemill.owner"}}'];
    const { stdout } = await promisify(execFile)("docker", args);
    return stdout.split("\n").filter((line) => line.includes(` ${process.pid}-`));
  }
  return ["memory", "pids", "cpu"]
    .map((controller) => `/sys/fs/cgroup/${controller}/tracemill-${process.getuid?.()}`)
    .filter((home) => existsSync(home))
    .flatMap((home) => readdirSync(home).filter((name) => name.startsWith(`${process.pid}-`)));
}

/** `Remember` over a Map that the test can read and share between sessions. */
export function rememberIn(store: Map<string, unknown>): Remember {
  return async (what, schema, compute) => {
    const key = canonicalJson(what);
    const remembered = store.has(key);
    if (!remembered) store.set(key, JSON.parse(JSON.stringify(await compute((send) => send()))));
    return { value: schema.parse(store.get(key)), key, remembered };
  };
}
