// Which sandbox backends this machine has, for tests that run on every one of them for real.
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import Docker from "dockerode";
import { describe } from "vitest";
import type { Remember } from "../../src/contracts.ts";
import { canonicalJson } from "../../src/domain/hash.ts";
import type { StepRan } from "../../src/domain/trajectory.ts";
import { type SandboxEntry, sandboxBackends } from "../../src/sandboxes/index.ts";

/** Whether all of the kit runs on gVisor; TRACEMILL_GVISOR_KIT=part (CI) leaves out what only waits, or is above the sandbox. */
export const wholeGvisorKit = process.env.TRACEMILL_GVISOR_KIT !== "part";

/** A backend as tests run on it: `settings` are the config's keys that choose it. */
export interface TestedBackend extends SandboxEntry {
  readonly title: string;
  readonly settings: { readonly backend: string; readonly runtime?: string };
  /** What it cannot do that the others can. */
  readonly isGvisor: boolean;
}

/**
 * One `describe` for each backend. A backend that is missing is skipped with the reason in its title, unless
 * TRACEMILL_REQUIRE_BACKENDS (comma-separated: `docker`, `bubblewrap`, `runsc`) names it: then its tests run and fail.
 */
export async function describeEachBackend(what: string, body: (backend: TestedBackend) => void): Promise<void> {
  for (const entry of sandboxBackends) {
    const { name } = entry;
    const lack = (await entry.lacks(undefined))?.reason ?? null;
    describeOne(
      what,
      { ...entry, title: name, settings: { backend: name }, isGvisor: false },
      { key: name, lack },
      body,
    );
  }
}

/** The same, and one more for Docker with gVisor where the engine has it. */
export async function describeEverySandbox(what: string, body: (backend: TestedBackend) => void): Promise<void> {
  await describeEachBackend(what, body);
  const runtime = "runsc";
  const entry = sandboxBackends.find(({ takesRuntime }) => takesRuntime) as SandboxEntry;
  const settings = { backend: entry.name, runtime };
  const lack = (await entry.lacks(undefined))?.reason ?? (await runtimeLacks(runtime));
  describeOne(what, { ...entry, title: "docker with runsc", settings, isGvisor: true }, { key: runtime, lack }, body);
}

function describeOne(
  what: string,
  tested: TestedBackend,
  { key, lack }: { readonly key: string; readonly lack: string | null },
  body: (backend: TestedBackend) => void,
): void {
  const required = (process.env.TRACEMILL_REQUIRE_BACKENDS ?? "").split(",").includes(key);
  if (lack === null || required) describe(`${what} on ${tested.title}`, () => body(tested));
  else describe.skip(`${what} on ${tested.title} (skipped: ${lack})`, () => body(tested));
}

async function runtimeLacks(runtime: string): Promise<string | null> {
  const { Runtimes } = (await new Docker().info()) as { Runtimes: Readonly<Record<string, unknown>> };
  return runtime in Runtimes ? null : `the engine has no runtime ${runtime}`;
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
  return async (what, schema, compute, { signal }) => {
    const key = canonicalJson(what);
    const remembered = store.has(key);
    if (!remembered) store.set(key, JSON.parse(JSON.stringify(await compute((send) => send(), signal))));
    return { value: schema.parse(store.get(key)), key, remembered };
  };
}
