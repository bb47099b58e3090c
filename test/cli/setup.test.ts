import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { sandboxBackends } from "../../src/sandboxes/index.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = `${root}dist/src/cli.js`;
const built = existsSync(cli);
const usable = (await Promise.all(sandboxBackends.map((entry) => entry.lacks(undefined)))).some(
  (lack) => lack === null,
);

function tracemill(args: string[], options: { env?: Record<string, string>; as?: number } = {}) {
  const words = [process.execPath, cli, ...args];
  const command =
    options.as === undefined
      ? words
      : ["setpriv", "--reuid", `${options.as}`, "--regid", `${options.as}`, "--clear-groups", ...words];
  return spawnSync(command[0] as string, command.slice(1), {
    encoding: "utf8",
    env: { ...(process.env as Record<string, string>), ...options.env },
    timeout: 55_000,
  });
}

function otherUserMayRead(): boolean {
  for (let folder = root; folder !== "/"; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o005) !== 0o005) return false;
  }
  return true;
}

describe.skipIf(!built || !usable)("where a sandbox is usable (skipped where dist/ is not built or none is)", () => {
  test("setup says so and installs nothing", () => {
    const run = tracemill(["setup"]);
    expect(run.stdout).toMatch(/^setup: ready\./);
    expect(run.stdout).not.toContain("apt-get");
    expect(run.status).toBe(0);
  });

  test("doctor tries every backend and tells what each promises", { timeout: 60_000 }, () => {
    const { backends, leftovers } = JSON.parse(tracemill(["doctor", "--json"]).stdout);
    expect(leftovers).toBeInstanceOf(Array);
    const names = backends.map((backend: { name: string }) => backend.name);
    expect(names.filter((name: string) => !name.includes("runtime"))).toEqual(["docker", "bubblewrap"]);
    expect(backends.some((backend: { usable: boolean }) => backend.usable)).toBe(true);
    for (const { name, usable: works, reason, promises, environment, facts } of backends) {
      expect(works ? environment.id : reason).toMatch(/\S/);
      if (works && !name.includes("runtime"))
        expect(facts[name === "docker" ? "seccomp" : "user namespaces"]).toMatch(/\S/);
      expect(promises.length).toBeGreaterThan(5);
    }
    const told = tracemill(["doctor"]).stdout;
    expect(told).toContain("no network");
    expect(told).toMatch(/\n {2}cgroups: v[12]/);
    expect(told).toMatch(/left behind/);
  });
});

const canBecomeAnother =
  process.getuid?.() === 0 && built && otherUserMayRead() && existsSync("/sys/fs/cgroup/memory/cgroup.procs");
describe.skipIf(!canBecomeAnother)(
  "without a sandbox (skipped unless root runs this on cgroup v1, with dist/ built and readable)",
  () => {
    test("setup of a user who may not become root stops with the exact commands to type", () => {
      const run = tracemill(["setup"], { env: { DOCKER_HOST: "unix:///nonexistent" }, as: 45_678 });
      expect(run.status).toBe(2);
      expect(run.stderr).toContain("sudo mkdir -p /sys/fs/cgroup/memory/tracemill-45678");
      expect(run.stderr).toContain("sudo chown -R 45678");
    });

    test("setup and doctor refuse where cgroups are read-only, as in most containers", () => {
      const inContainer = (command: string) =>
        spawnSync(
          "/usr/bin/unshare",
          [
            ...["--mount", "--propagation", "private", "sh", "-c"],
            `mount -o remount,bind,ro /sys/fs/cgroup/memory && exec "$@"`,
            ...["sh", process.execPath, cli, command],
          ],
          { encoding: "utf8", env: { PATH: "/usr/bin:/bin", DOCKER_HOST: "unix:///nonexistent" }, timeout: 55_000 },
        );
      const run = inContainer("setup");
      expect(run.stdout + run.stderr).toContain("/sys/fs/cgroup/memory is mounted read-only");
      expect(run.stdout).not.toContain("ready");
      expect(run.status).toBe(2);
      const told = inContainer("doctor");
      expect(told.stdout).toContain("bubblewrap: not usable: /sys/fs/cgroup/memory is mounted read-only");
      expect(told.status).toBe(0);
    });

    test("setup --image without an engine says that it needs one", () => {
      const run = tracemill(["setup", "--image"], { env: { DOCKER_HOST: "unix:///nonexistent" } });
      expect(run.status).toBe(2);
      expect(run.stderr).toContain("Docker engine");
    });
  },
);
