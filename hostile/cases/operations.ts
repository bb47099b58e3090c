// Rows 55 to 58 and 60: what the host itself lives through: killed, stormed, cancelled, refused, raced.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { SandboxBackend } from "../../src/contracts.ts";
import { cgroupHomes, findCgroupRoots } from "../../src/sandboxes/cgroup.ts";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import type { HostileCase, Target } from "../case.ts";
import { expectEnd, expectUsable, hostProcessesWith, until } from "./kit.ts";

const built = fileURLToPath(new URL("../../src/sandboxes/index.js", import.meta.url));
const goneMs = 10_000;

type Config = Parameters<typeof openSandboxBackend>[0];

/** The target's own kind of sandbox, small, as a config says it. */
export function configOf(target: Target, more: Readonly<Record<string, unknown>> = {}): Omit<Config, "signal"> {
  const runtime = target.name.includes("runsc") ? { runtime: "runsc" } : {};
  const small = { memoryMb: 192, scratchMb: 16, pids: 32, stepTimeoutSeconds: 20, preimport: [], concurrency: 4 };
  return { backend: target.kind, ...small, ...runtime, ...more } as Omit<Config, "signal">;
}

/** A process of its own that opens a backend and sandboxes like ours, says `ready`, and works on until it is killed. */
export function startHost(target: Target, dataDir: string, marker: string): ChildProcess {
  assert.ok(existsSync(built), `Expected the built package at ${built}`);
  const script = `
const { openSandboxBackend } = await import(process.argv[1]);
const [config, dataDir, marker] = [JSON.parse(process.argv[2]), process.argv[3], process.argv[4]];
const signal = new AbortController().signal;
const backend = await openSandboxBackend({ ...config, signal });
const opened = await Promise.all([0, 1, 2].map(() => backend.open({ dataDir, label: "killed-host", signal })));
await opened[0].run("import subprocess; subprocess.Popen(['setsid', 'sleep', '" + marker + "']) and None", { signal });
console.log("ready");
opened[1].run("sum(range(10**11))", { signal });
backend.open({ dataDir, label: "killed-host", signal });
opened[0].run("import time; time.sleep(60)", { signal });
`;
  const words = [built, JSON.stringify(configOf(target)), dataDir, marker];
  return spawn(process.execPath, ["--input-type=module", "-e", script, ...words], {
    stdio: ["ignore", "pipe", "ignore"],
  });
}

/** Containers and cgroups of the process `pid`, as they lie on the host now. */
export function leftOf(target: Target, pid: number): string[] {
  if (target.kind === "docker") {
    return docker(
      "ps",
      "-a",
      "--filter",
      "label=tracemill.owner",
      "--format",
      '{{.Label "tracemill.owner"}} {{.State}}',
    )
      .split("\n")
      .filter((line) => line.startsWith(`${pid}-`));
  }
  const roots = findCgroupRoots();
  const homes = roots === null ? [] : cgroupHomes(roots, process.getuid?.() ?? 0);
  return homes.flatMap((home) =>
    existsSync(home) ? readdirSync(home).filter((name) => name.startsWith(`${pid}-`)) : [],
  );
}

function docker(...words: readonly string[]): string {
  return execFileSync("docker", words, { encoding: "utf8" });
}

function labelled(target: Target, label: string): string[] {
  if (target.kind !== "docker") return [];
  return docker("ps", "-aq", "--filter", `label=tracemill.label=${label}`)
    .split("\n")
    .filter((line) => line !== "");
}

async function withBackend<T>(
  target: Target,
  more: Readonly<Record<string, unknown>>,
  body: (backend: SandboxBackend) => Promise<T>,
): Promise<T> {
  const signal = new AbortController().signal;
  await using backend = await openSandboxBackend({ ...configOf(target, more), signal });
  return await body(backend);
}

export const operationCases: readonly HostileCase[] = [
  {
    row: 55,
    name: "the host killed amid its work leaves nothing that the next does not take away",
    kind: "operations",
    slow: true,
    async run({ target, dataDir }) {
      const marker = `${5_500_000 + process.pid}.55`;
      const host = startHost(target, dataDir, marker);
      const ended = new Promise((resolve) => host.once("exit", resolve));
      await new Promise<void>((resolve, reject) => {
        host.stdout?.once("data", () => resolve());
        host.once("exit", (code) => reject(new Error(`the host left with ${code} before it was ready`)));
      });
      const pid = host.pid as number;
      const before = leftOf(target, pid).length;
      assert.ok(before > 0, "its sandboxes are seen while it lives");
      host.kill("SIGKILL");
      await ended;
      await until(() => hostProcessesWith(marker).length === 0, goneMs, "no process of a killed host's sandboxes");
      if (target.kind === "docker") {
        await until(
          () => leftOf(target, pid).every((line) => !line.includes("running")),
          goneMs,
          "no running container of a killed host",
        );
      }
      await withBackend(target, {}, async () => {});
      assert.deepEqual(leftOf(target, pid), [], "the next backend takes away what is left");
      return {
        agentSees: "nothing: its host is gone",
        record: `${before} sandboxes and cgroups, none after the next start`,
      };
    },
  },
  {
    row: 55,
    name: "hosts killed while they open their first sandboxes",
    kind: "operations",
    slow: true,
    async run({ target, dataDir }) {
      const marker = `${5_500_000 + process.pid}.56`;
      const pids: number[] = [];
      for (const afterMs of [250, 400, 550, 700, 900, 1200]) {
        const host = startHost(target, dataDir, marker);
        await sleep(afterMs);
        const ended = new Promise((resolve) => host.once("exit", resolve));
        host.kill("SIGKILL");
        await ended;
        pids.push(host.pid as number);
      }
      await until(() => hostProcessesWith(marker).length === 0, goneMs, "no process of a killed host's sandboxes");
      const left = pids.flatMap((pid) => leftOf(target, pid)).length;
      await withBackend(target, {}, async () => {});
      // An engine may finish a create that it was asked for by a host that is gone: the next start finds it.
      await until(
        async () => {
          if (pids.every((pid) => leftOf(target, pid).length === 0)) return true;
          await withBackend(target, {}, async () => {});
          return false;
        },
        30_000,
        "nothing of killed hosts",
      );
      return {
        agentSees: "nothing: its host is gone",
        record: `${pids.length} hosts killed, ${left} leftovers, none after the next start`,
      };
    },
  },
  {
    row: 56,
    name: "thirty sandboxes asked for at once",
    kind: "operations",
    slow: true,
    async run({ target, dataDir }) {
      const label = `storm-${process.pid}`;
      const marker = `${5_600_000 + process.pid}.56`;
      return await withBackend(target, { concurrency: 30 }, async (backend) => {
        const signal = new AbortController().signal;
        const began = performance.now();
        const opened = await Promise.all(
          Array.from({ length: 30 }, async (_, index) => {
            const sandbox = await backend.open({ dataDir, label, signal });
            const step = await sandbox.run(
              `import subprocess; subprocess.Popen(['sleep', '${marker}'])\n${index} * 2`,
              { signal },
            );
            assert.equal(step.result?.head, String(index * 2));
            return sandbox;
          }),
        );
        const ms = Math.round(performance.now() - began);
        assert.equal(backend.occupancy().open, 30);
        await Promise.all(opened.map((sandbox) => sandbox[Symbol.asyncDispose]()));
        assert.deepEqual(backend.occupancy(), { open: 0, limit: 30, waiting: 0 });
        await until(
          () => labelled(target, label).length === 0 && hostProcessesWith(marker).length === 0,
          goneMs,
          "nothing of the storm",
        );
        return { agentSees: "each its own result", record: `30 opened in ${ms} ms, none left` };
      });
    },
  },
  {
    row: 56,
    name: "more sandboxes asked for than there are places",
    kind: "operations",
    slow: true,
    async run({ target, dataDir }) {
      return await withBackend(target, { concurrency: 3 }, async (backend) => {
        const signal = new AbortController().signal;
        let most = 0;
        const results = await Promise.all(
          Array.from({ length: 12 }, async (_, index) => {
            await using sandbox = await backend.open({ dataDir, label: "queue", signal });
            most = Math.max(most, backend.occupancy().open);
            return (await sandbox.run(`${index}`, { signal })).result?.head;
          }),
        );
        assert.deepEqual(
          results,
          Array.from({ length: 12 }, (_, index) => String(index)),
        );
        assert.ok(most <= 3, `${most} were open at once`);
        return { agentSees: "each its own result", record: `12 through 3 places, at most ${most} at once` };
      });
    },
  },
  {
    row: 57,
    name: "cancelled while waiting, opening, running and closing, at any moment",
    kind: "operations",
    slow: true,
    async run({ target, dataDir }) {
      const label = `cancel-${process.pid}`;
      const marker = `${5_700_000 + process.pid}.57`;
      return await withBackend(target, { concurrency: 4 }, async (backend) => {
        const outcomes = await Promise.all(
          Array.from({ length: 24 }, async (_, index) => {
            const cancel = new AbortController();
            const reason = new Error(`cancelled ${index}`);
            // Spread over the life of a sandbox, from before its place in the queue to its last step.
            setTimeout(() => cancel.abort(reason), (index * 97) % 1500);
            let at = "opening";
            try {
              await using sandbox = await backend.open({ dataDir, label, signal: cancel.signal });
              at = "running";
              await sandbox.run(`import subprocess; subprocess.Popen(['setsid', 'sleep', '${marker}'])`, {
                signal: cancel.signal,
              });
              await sandbox.run("sum(range(10**11))", { signal: cancel.signal });
              at = "done";
            } catch (error) {
              assert.equal(error, reason, `${at}: ${(error as Error).stack}`);
            }
            return at;
          }),
        );
        assert.ok(!outcomes.includes("done"));
        assert.deepEqual(backend.occupancy(), { open: 0, limit: 4, waiting: 0 });
        await until(
          () => labelled(target, label).length === 0 && hostProcessesWith(marker).length === 0,
          goneMs,
          "nothing of what was cancelled",
        );
        const signal = new AbortController().signal;
        await using sound = await backend.open({ dataDir, label, signal });
        assert.equal((await sound.run("6 * 7", { signal })).result?.head, "42");
        const running = outcomes.filter((at) => at === "running").length;
        return {
          agentSees: "nothing: its run is over",
          record: `${outcomes.length - running} cancelled while opening, ${running} while running; none left`,
        };
      });
    },
  },
  {
    row: 57,
    name: "a backend closed while sandboxes open and run",
    kind: "operations",
    slow: true,
    async run({ target, dataDir }) {
      const label = `closing-${process.pid}`;
      const signal = new AbortController().signal;
      const backend = await openSandboxBackend({ ...configOf(target), signal });
      const runs = Array.from({ length: 6 }, async () => {
        const sandbox = await backend.open({ dataDir, label, signal });
        return await sandbox.run("sum(range(10**11))", { signal });
      });
      const settled = Promise.allSettled(runs);
      await sleep(700);
      await backend[Symbol.asyncDispose]();
      const outcomes = await Promise.race([settled, sleep(goneMs, null)]);
      assert.ok(outcomes !== null, "Expected every caller to be told within 10 s");
      for (const outcome of outcomes) assert.equal(outcome.status, "rejected");
      await until(() => labelled(target, label).length === 0, goneMs, "no container of a closed backend");
      assert.equal(backend.occupancy().waiting, 0);
      const names = outcomes.map((outcome) => (outcome.status === "rejected" ? (outcome.reason as Error).name : "ran"));
      return { agentSees: "nothing: its run is over", record: [...new Set(names)].join(", ") };
    },
  },
  {
    row: 60,
    name: "two steps at once, steps after the close, two closes",
    kind: "operations",
    async run({ open }) {
      const session = await open();
      const first = session.run("import time; time.sleep(0.5)\n'first'");
      first.catch(() => {}); // awaited below, unless an assertion comes first
      const second = await session.run("'second'").then(
        () => null,
        (error: Error) => error,
      );
      assert.equal(second?.name, "FailureError", String(second));
      assert.match(second?.message ?? "", /one step at a time/);
      const done = await first;
      expectEnd(done, "ok");
      assert.equal(done.result, "'first'");
      await expectUsable(session);
      await Promise.all([session.close(), session.close()]);
      await session.close();
      await assert.rejects(session.run("1"), { name: "FailureError" });
      return { agentSees: done.observation, record: `ok; the second: ${second?.message}` };
    },
  },
  {
    row: 60,
    name: "a file asked for while a step runs, and two files at once",
    kind: "operations",
    async run({ open }) {
      const session = await open();
      expectEnd(await session.run("open('/scratch/a.csv', 'w').write('a')"), "ok");
      const running = session.run("import time; time.sleep(0.5)\n'mine'");
      running.catch(() => {}); // awaited below, unless an assertion comes first
      const early = await session.collect("/scratch/a.csv").then(
        (collected) => collected,
        (error: Error) => error,
      );
      assert.ok(early instanceof Error && early.name === "FailureError", String(early));
      assert.equal((await running).result, "'mine'", "the step is not disturbed");
      const both = await Promise.allSettled([session.collect("/scratch/a.csv"), session.collect("/scratch/a.csv")]);
      const got = both.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      for (const outcome of both)
        if (outcome.status === "rejected") assert.equal((outcome.reason as Error).name, "FailureError");
      assert.ok(got.length >= 1 && got.every((one) => "bytes" in one && Buffer.from(one.bytes).toString() === "a"));
      return { agentSees: "'mine'", record: `ok; ${early.message}` };
    },
  },
];
