// What a host process that was killed leaves behind. It runs the built package, so that it can be a process of its own.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { dataFolder, describeEachBackend, describeEverySandbox, wholeGvisorKit } from "../kit/sandboxes.ts";

const built = fileURLToPath(new URL("../../dist/src/sandboxes/index.js", import.meta.url));
const describeKit = wholeGvisorKit ? describeEverySandbox : describeEachBackend;
const signal = new AbortController().signal;

const host = `
const { openSandboxBackend } = await import(process.argv[1]);
const signal = new AbortController().signal;
const backend = await openSandboxBackend({ ...JSON.parse(process.argv[2]), memoryMb: 256, preimport: [], signal });
const sandbox = await backend.open({ dataDir: process.argv[3], label: "orphan", signal });
const started = await sandbox.run("import subprocess; subprocess.Popen(['setsid', 'sleep', process_seconds]) and None".replace("process_seconds", "'" + process.argv[4] + "'"), { signal });
console.log(started.end);
sandbox.run("sum(range(10**11))", { signal });
`;

await describeKit("a killed host", (entry) => {
  test.skipIf(!existsSync(built))(
    "leaves no process, container or cgroup of its own (skipped where dist/ is not built)",
    async () => {
      const dir = await dataFolder({ "a.csv": "x" });
      const marker = String(1_000_000 + process.pid);
      const child = spawn(
        process.execPath,
        ["--input-type=module", "-e", host, built, JSON.stringify(entry.settings), dir, marker],
        {
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      onTestFinished(() => void child.kill("SIGKILL"));
      const said = await new Promise<string>((resolve) => {
        child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString()));
        child.once("exit", (code) => resolve(`left with ${code}`));
      });
      expect(said.trim()).toBe("ok");
      // gVisor's processes are none of the host's: there the container alone tells.
      const stands = () => (entry.isGvisor ? left(entry.name, child.pid as number).length > 0 : sleepers(marker) === 1);
      await until(stands);
      child.kill("SIGKILL");
      await until(() => sleepers(marker) === 0);
      const next = await openSandboxBackend({ ...entry.settings, memoryMb: 256, preimport: [], signal });
      await next[Symbol.asyncDispose]();
      expect(left(entry.name, child.pid as number)).toEqual([]);
      await rm(dir, { recursive: true });
    },
  );
});

await describeEachBackend("a sandbox that somebody kills from outside", (entry) => {
  test.skipIf(process.getuid?.() !== 0 || process.platform !== "linux")(
    "is a failure and never the code's result (skipped unless root runs this on Linux)",
    async () => {
      const dir = await dataFolder({ "a.csv": "x" });
      {
        await using backend = await openSandboxBackend({ ...entry.settings, memoryMb: 256, preimport: [], signal });
        await using sandbox = await backend.open({ dataDir: dir, label: "outside", signal });
        const { result } = await sandbox.run("open('/proc/1/stat').read().split()[21]", { signal });
        process.kill(runnerStartedAt(JSON.parse((result?.head ?? "").replaceAll("'", '"'))), "SIGKILL");
        const lost = { name: "FailureError", kind: "sandbox", code: "sandbox_lost" };
        await expect(sandbox.run("1", { signal })).rejects.toMatchObject(lost);
      }
      await rm(dir, { recursive: true });
    },
  );
});

const stoppedHost = `
const [, modules, name, dir, idleMs] = process.argv;
const { sandboxBackends } = await import(modules + "/index.js");
const { openSession } = await import(modules + "/session.js");
const signal = new AbortController().signal;
const limits = { memoryMb: 256, cpus: 1, pids: 64, stepTimeoutMs: 20000, scratchMb: 32, outputBytes: 2000, idleMs: Number(idleMs) };
const entry = sandboxBackends.find((found) => found.name === name);
const backend = await entry.create({ limits, concurrency: 2, preimport: [], signal });
const remember = async (what, schema, compute) => ({ value: schema.parse(await compute((send) => send())), key: "", remembered: false });
const session = openSession({ backend, remember, dataset: { id: "d", dir }, attempt: "a", label: "idle", signal });
await session.run("x = 20", { signal });
console.log("ready");
process.stdin.once("data", async () => {
  const step = await session.run("x + 1", { signal });
  console.log(JSON.stringify([step.result.result?.head, step.ran.rebuildMs > 0, backend.ends()]));
  await session[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  process.exit(0);
});
`;

await describeEachBackend("a host that stands still", (entry) => {
  test.skipIf(!existsSync(built) || process.platform !== "linux")(
    "finds its sandbox ended by itself, opens another and runs the earlier code again (skipped where dist/ is not built)",
    async () => {
      const dir = await dataFolder({ "a.csv": "x" });
      const args = ["--input-type=module", "-e", stoppedHost, dirname(built), entry.name, dir, "1500"];
      const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      expect((await lines.next()).value).toBe("ready");
      child.kill("SIGSTOP");
      await until(() => alive(entry.name, child.pid as number) === 0);
      child.kill("SIGCONT");
      child.stdin.write("go\n");
      const ends = { opened: 2, closed: 0, killed: 0, failed: { sandbox_lost: 1 } };
      expect(JSON.parse((await lines.next()).value ?? "null")).toEqual(["21", true, ends]);
      await new Promise((resolve) => child.once("exit", resolve));
      await rm(dir, { recursive: true });
    },
  );
});

/** How many sandboxes of that process still run something: containers, or cgroups with a process in them. */
function alive(backend: string, pid: number): number {
  if (backend === "docker") {
    const listed = execFileSync("docker", ["ps", "--format", '{{.Label "tracemill.owner"}}'], { encoding: "utf8" });
    return listed.split("\n").filter((owner) => owner.startsWith(`${pid}-`)).length;
  }
  const home = `/sys/fs/cgroup/memory/tracemill-${process.getuid?.()}`;
  return readdirSync(home).filter(
    (name) => name.startsWith(`${pid}-`) && readFileSync(`${home}/${name}/cgroup.procs`, "utf8") !== "",
  ).length;
}

/** The host's id of the supervisor with this start time, which is the same inside and outside. Its interpreter may have the same, but is not process 1. */
function runnerStartedAt(ticks: string): number {
  const found = readdirSync("/proc").filter(
    (pid) =>
      /^\d+$/.test(pid) &&
      commandLine(pid).endsWith("/runner.py\0") &&
      /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8")) &&
      readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[21] === ticks,
  );
  expect(found).toHaveLength(1);
  return Number(found[0]);
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds() && tries < 100; tries++) await sleep(100);
  expect(holds()).toBe(true);
}

function sleepers(marker: string): number {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && commandLine(pid) === `sleep\0${marker}\0`).length;
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it has ended meanwhile
  }
}

function left(backend: string, pid: number): string[] {
  if (backend === "docker") {
    const format = '{{.Label "tracemill.owner"}}';
    const owners = execFileSync("docker", ["ps", "-a", "--format", format], { encoding: "utf8" });
    return owners.split("\n").filter((owner) => owner.startsWith(`${pid}-`));
  }
  return ["memory", "pids", "cpu"]
    .map((controller) => `/sys/fs/cgroup/${controller}/tracemill-${process.getuid?.()}`)
    .filter(existsSync)
    .flatMap((home) => readdirSync(home).filter((name) => name.startsWith(`${pid}-`)));
}
