// bubblewrap as an ordinary user with a delegated cgroup, and as root from a checkout of root's own. Root becomes such a user for this; Node cannot run TypeScript there, so the
// built package is used.
import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmdirSync, statSync, symlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { bubblewrapLacks } from "../../src/sandboxes/bubblewrap.ts";
import { cgroupHomes, findCgroupRoots } from "../../src/sandboxes/cgroup.ts";
import { dataFolder } from "../kit/sandboxes.ts";

const uid = 34_567;
const root = fileURLToPath(new URL("../..", import.meta.url));
const built = `${root}dist/src/sandboxes/index.js`;
const why = await whyNot();

async function whyNot(): Promise<string | null> {
  if (process.getuid?.() !== 0) return "only root can become another user";
  if (findCgroupRoots()?.kind !== "v1") return "a systemd user session would be needed with cgroup v2";
  if (!existsSync("/usr/bin/setpriv")) return "setpriv is not installed";
  if (!existsSync(built)) return "dist/ is not built";
  for (let folder = root; folder !== "/"; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o005) !== 0o005) return `other users may not read ${folder}`;
  }
  return (await bubblewrapLacks())?.reason ?? null;
}

function asUser(script: string, ...args: string[]) {
  const command = [process.execPath, "--input-type=module", "-e", script, ...args];
  return spawnSync("/usr/bin/setpriv", ["--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", ...command], {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", DOCKER_HOST: "unix:///nonexistent" },
    timeout: 25_000,
  });
}

// Each line must hold: the code's own uncaught exception would make the step's end "error".
const kernelHolds = `
import errno, os
assert "Seccomp:\\t2" in open("/proc/self/status").read()
assert not [folder for folder, _, names in os.walk("/proc/sys") for name in names if os.access(os.path.join(folder, name), os.W_OK)]
assert not [line for line in open("/proc/self/mountinfo") if "tracemill-data" in line or "runner/" in line and "/runner/" not in line.split()[3]]
for folder, most in (("/scratch", 30_000), ("/tmp", 30_000), ("/dev/shm", 30_000)):
    try:
        for number in range(most):
            os.close(os.open(folder + "/%d" % number, os.O_CREAT))
    except OSError as error:
        assert error.errno == errno.ENOSPC
    else:
        raise AssertionError(folder)
`;

const runSteps = `
process.umask(0o077);
const { openSandboxBackend } = await import(process.argv[1]);
const signal = new AbortController().signal;
const backend = await openSandboxBackend({ memoryMb: 256, preimport: [], backend: "bubblewrap", signal });
const sandbox = await backend.open({ dataDir: process.argv[2], label: "user", signal });
const { listBubblewrap } = await import(process.argv[1].replace("index.js", "bubblewrap-running.js"));
const ends = (await listBubblewrap()).filter((found) => found.ownerPid === process.pid).map(({ label }) => label);
for (const code of [${JSON.stringify(kernelHolds)}, "open('/data/a.csv').read()", "bytearray(1 << 30)", "open('/data/a.csv', 'a')", "import socket; socket.create_connection(('127.0.0.1', 1))"])
  ends.push((await sandbox.run(code, { signal })).end);
await sandbox.run("import os; os.remove('/scratch/0')\\nif os.fork(): open('/scratch/s.csv', 'w').write('id')", { signal });
ends.push(Buffer.from((await sandbox.collect("/scratch/s.csv", { maxBytes: 2, signal })).bytes ?? []).toString());
await sandbox[Symbol.asyncDispose]();
await backend[Symbol.asyncDispose]();
console.log(JSON.stringify(ends));
`;

const title = "bubblewrap as an ordinary user";
describe.skipIf(why !== null)(why === null ? title : `${title} (skipped: ${why})`, () => {
  const roots = why === null ? findCgroupRoots() : null;
  const homes = roots === null ? [] : cgroupHomes(roots, uid);

  test("refuses without a delegated cgroup, and says what mends it", async () => {
    const dir = await dataFolder({ "a.csv": "x" });
    const refused = asUser(runSteps, built, dir);
    expect(refused.stderr).toContain("no cgroup is delegated");
    expect(refused.stderr).toContain("tracemill setup");
    expect(refused.status).not.toBe(0);
    await rm(dir, { recursive: true });
  });

  test("holds its promises with a delegated cgroup, and leaves none behind", async () => {
    const dir = await dataFolder({ "a.csv": "x" });
    try {
      for (const home of homes) {
        mkdirSync(home);
        execFileSync("chown", ["-R", `${uid}`, home]);
        chownSync(home, uid, 0);
      }
      const ran = asUser(runSteps, built, dir);
      expect(ran.stderr).toBe("");
      expect(JSON.parse(ran.stdout)).toEqual(["user", "ok", "ok", "oom", "error", "error", "id"]);
    } finally {
      for (const home of homes) if (existsSync(home)) rmdirSync(home); // only an empty one can be removed
      await rm(dir, { recursive: true });
    }
  });
});

const asRoot =
  process.getuid?.() === 0 && existsSync(built)
    ? await bubblewrapLacks()
    : { reason: "not root, or dist/ is not built" };
test.skipIf(asRoot !== null)(
  `bubblewrap as root runs from a checkout that only root may read${asRoot ? ` (skipped: ${asRoot.reason})` : ""}`,
  async () => {
    const dir = await dataFolder({ "a.csv": "x" });
    const checkout = mkdtempSync(join(tmpdir(), "tracemill-private-"));
    for (const part of ["dist/src", "runner", "package.json"])
      cpSync(join(root, part), join(checkout, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
    execFileSync("chmod", ["-R", "go-rwx", `${checkout}/dist`, `${checkout}/runner`]);
    const ran = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", runSteps, `${checkout}/dist/src/sandboxes/index.js`, dir],
      { encoding: "utf8", env: { PATH: "/usr/bin:/bin", DOCKER_HOST: "unix:///nonexistent" }, timeout: 25_000 },
    );
    await rm(checkout, { recursive: true });
    await rm(dir, { recursive: true });
    expect(ran.stderr).toBe("");
    expect(JSON.parse(ran.stdout)).toEqual(["user", "ok", "ok", "oom", "error", "error", "id"]);
  },
);
