// What only bubblewrap must show: sandboxes found by their cgroups, and launchers killed before there is a sandbox.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SandboxBackend } from "../../src/contracts.ts";
import { bubblewrapLacks } from "../../src/sandboxes/bubblewrap.ts";
import { listBubblewrap, reapBubblewrap } from "../../src/sandboxes/bubblewrap-running.ts";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { dataFolder } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;
const built = fileURLToPath(new URL("../../dist/src/sandboxes/index.js", import.meta.url));
const lack = await bubblewrapLacks();

describe.skipIf(lack !== null)(`bubblewrap's processes${lack === null ? "" : ` (skipped: ${lack.reason})`}`, () => {
  let backend: SandboxBackend;
  let dataDir: string;

  beforeAll(async () => {
    dataDir = await dataFolder({ "a.csv": "x" });
    backend = await openSandboxBackend({
      backend: "bubblewrap",
      memoryMb: 256,
      preimport: [],
      concurrency: 20,
      signal,
    });
  });

  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function ours() {
    return (await listBubblewrap()).filter(({ ownerPid }) => ownerPid === process.pid);
  }

  test("are listed with their label while they run, and not afterwards", async () => {
    const before = new Date().toISOString();
    {
      await using sandbox = await backend.open({ dataDir, label: "attempt_1 of 8", signal });
      const [found, ...more] = await ours();
      expect(more).toEqual([]);
      expect(found).toMatchObject({ backend: "bubblewrap", label: "attempt_1 of 8", ownerAlive: true });
      expect(found?.id).toMatch(new RegExp(`^${process.pid}-\\d+-\\d+$`));
      expect(found?.createdAt && found.createdAt >= before).toBe(true);
      expect(found?.memoryBytes).toBeGreaterThan(1024 * 1024);
      const seen = await sandbox.run("import os; [name for name in os.environ if 'TRACEMILL' in name]", { signal });
      expect(seen.result?.head).toBe("[]");
    }
    expect(await ours()).toEqual([]);
  });

  test.skipIf(process.platform !== "linux")("leave nothing when the launcher is killed at any moment", async () => {
    const mounts = () => hostMounts().filter((line) => / \/(mnt|media|srv|boot)(\/| )/.test(line));
    const mountedBefore = mounts();
    const outcomes = [];
    let kills = 0;
    for (let delayMs = 0; delayMs < 80; delayMs += 4) {
      const others = new Set(launchers());
      const opening = backend.open({ dataDir, label: "killed", signal }).catch((error: Error) => error);
      await sleep(delayMs);
      for (const pid of launchers()) {
        if (others.has(pid)) continue;
        process.kill(pid, "SIGKILL");
        kills += 1;
      }
      const opened = await opening;
      outcomes.push(opened instanceof Error ? opened.constructor.name : "opened");
      if (!(opened instanceof Error)) await opened[Symbol.asyncDispose]();
    }
    expect(kills).toBeGreaterThan(10);
    // A start that is cut short is tried again.
    expect(outcomes.filter((name) => name !== "FailureError" && name !== "opened")).toEqual([]);
    expect(await ours()).toEqual([]);
    expect(launchers()).toEqual([]);
    expect(mounts()).toEqual(mountedBefore);
  });

  test.skipIf(!existsSync(built) || process.getuid?.() !== 0)(
    "are reaped once their owner is gone, and never hold what it had open (skipped unless root runs this, with dist/ built)",
    async () => {
      const host = `
const { openSandboxBackend } = await import(process.argv[1]);
const signal = new AbortController().signal;
const backend = await openSandboxBackend({ backend: "bubblewrap", memoryMb: 256, preimport: [], signal });
await backend.open({ dataDir: process.argv[2], label: "orphan", signal });
console.log("open");
setInterval(() => {}, 1000);
`;
      const inherited = openSync("/etc/hostname", "r");
      const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", host, built, dataDir], {
        // Node closes what it inherits on low numbers to its own children; those above it leaves alone.
        stdio: ["ignore", "pipe", "inherit", ...Array<"ignore">(60).fill("ignore"), inherited],
      });
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      const cgroup = (await listBubblewrap()).find(({ ownerPid }) => ownerPid === child.pid)?.id;
      const pids = readFileSync(`/sys/fs/cgroup/${cgroupFolder()}tracemill-0/${cgroup}/cgroup.procs`, "utf8").split(
        "\n",
      );
      const open = pids.filter(Boolean).flatMap(descriptors);
      expect(open.length).toBeGreaterThan(0);
      expect(open.filter((path) => path === "/etc/hostname")).toEqual([]);
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
      const reaped = await reapBubblewrap();
      expect(reaped.filter(({ ownerPid }) => ownerPid === child.pid)).toMatchObject([
        { id: cgroup, ownerAlive: false },
      ]);
      expect((await listBubblewrap()).filter(({ ownerPid }) => ownerPid === child.pid)).toEqual([]);
    },
  );
});

/** The direct children of this process that are on their way to a sandbox or hold one. */
function launchers(): number[] {
  const children = readdirSync("/proc/self/task").flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" "),
  );
  return children
    .filter(Boolean)
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes("TRACEMILL_LABEL=killed");
      } catch {
        return false; // it has ended meanwhile
      }
    });
}

function hostMounts(): string[] {
  return readFileSync("/proc/self/mounts", "utf8").split("\n");
}

function cgroupFolder(): string {
  return existsSync("/sys/fs/cgroup/memory") ? "memory/" : "";
}

function descriptors(pid: string): string[] {
  return readdirSync(`/proc/${pid}/fd`).map((name) => readlinkSync(`/proc/${pid}/fd/${name}`));
}
