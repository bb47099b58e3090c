// A Docker engine that stumbles, goes away and comes back, in front of which a proxy stands that breaks as told.
import { setMaxListeners } from "node:events";
import { rm } from "node:fs/promises";
import Docker from "dockerode";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Log, SandboxBackend } from "../../src/contracts.ts";
import { FailureError } from "../../src/domain/errors.ts";
import type { Pace } from "../../src/sandboxes/backend.ts";
import { createDocker, dockerLacks } from "../../src/sandboxes/docker.ts";
import { type Fault, type FaultyEngine, faultyEngine } from "../kit/faulty-engine.ts";
import { dataFolder } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;
const lack = await dockerLacks();
const required = (process.env.TRACEMILL_REQUIRE_BACKENDS ?? "").split(",").includes("docker");
const title = lack === null || required ? "a Docker engine" : `a Docker engine (skipped: ${lack.reason})`;
const described = lack === null || required ? describe : describe.skip;
const pace: Pace = {
  breaker: { failures: 3, firstPauseMs: 20, longestPauseMs: 100, patienceMs: 60_000 },
  reapEveryMs: 100,
  retryMs: 5,
  removalPausesMs: [20, 20, 20, 20],
};

described(title, () => {
  const realHost = process.env.DOCKER_HOST;
  let engine: FaultyEngine;
  let backend: SandboxBackend;
  let dataDir: string;
  let told: string[] = [];
  let written: { level: string; message: string; fields: Readonly<Record<string, unknown>> | undefined }[] = [];
  const log: Log = {
    takes: () => true,
    write: (level, message, fields) => void written.push({ level, message, fields }),
  };

  beforeAll(async () => {
    dataDir = await dataFolder({ "a.csv": "x\n1\n" });
    engine = await faultyEngine(realHost);
    process.env.DOCKER_HOST = engine.host;
    backend = await create();
  });

  afterEach(() => {
    engine.fault = () => undefined;
    told = [];
    written = [];
  });

  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
    if (realHost === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = realHost;
    await engine?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  function create(own: Partial<Pace> = {}, runtime?: string): Promise<SandboxBackend> {
    const limits = { memoryMb: 256, cpus: 1, pids: 48, stepTimeoutMs: 10_000, scratchMb: 16, outputBytes: 1000 };
    return createDocker(
      {
        limits: { ...limits, idleMs: 60_000 },
        concurrency: 8,
        preimport: [],
        createsPerSecond: 500,
        runtime,
        signal,
        log,
        tell: (line) => told.push(line),
      },
      { ...pace, ...own },
    );
  }

  function open(label = "test", stop = signal) {
    return backend.open({ dataDir, label, signal: stop });
  }

  /** Opens one, asks it something, and closes it. */
  async function use(label?: string): Promise<string | undefined> {
    await using sandbox = await open(label);
    return (await sandbox.run("6 * 7", { signal })).result?.head;
  }

  /** The containers of this test that the real engine still has; waits a little for those under removal. */
  async function left(): Promise<string[]> {
    const docker = new Docker({ socketPath: (realHost ?? "unix:///var/run/docker.sock").replace("unix://", "") });
    let found: string[] = [];
    for (let tries = 0; tries < 100; tries++) {
      const all = await docker.listContainers({ all: true, filters: { label: ["tracemill.owner"] } });
      found = all.flatMap(({ Names }) => Names.map((name) => name.slice(1))).filter((name) => engine.names.has(name));
      if (found.length === 0) break;
      await new Promise((done) => setTimeout(done, 50));
    }
    return found;
  }

  /** Breaks the first so many requests of a kind. */
  function first(count: number, kind: string, fault: Fault): (asked: string) => Fault {
    let seen = 0;
    return (asked) => (asked === kind && seen++ < count ? fault : undefined);
  }

  test.each([
    ["create", { status: 409, message: "the name is in use" }],
    ["create", { status: 500, message: "broken pipe" }],
    ["create", { reset: "before" }],
    ["create", { reset: "after" }],
    ["attach", { status: 500, message: "attach refused" }],
    ["start", { status: 500, message: "broken pipe" }],
    ["start", { reset: "after" }],
    ["wait", { reset: "before" }],
  ] as const)(
    "that answers one %s with %j gives a sandbox all the same, and keeps no container",
    async (kind, fault) => {
      engine.fault = first(1, kind, fault);
      expect(await use()).toBe("42");
      engine.fault = () => undefined;
      expect(await left()).toEqual([]);
      expect(told).toEqual([]);
    },
  );

  test("that leaves out the filter of system calls, or runs another runtime than it was told, is refused before it is used", async () => {
    engine.fault = (asked) =>
      asked === "create"
        ? { change: ({ HostConfig }) => void HostConfig.SecurityOpt.push("seccomp=unconfined") }
        : undefined;
    await expect(create()).rejects.toThrow(/system calls are not filtered/);
    const { Runtimes } = (await new Docker().info()) as { Runtimes: Readonly<Record<string, unknown>> };
    if ("runsc" in Runtimes) {
      engine.fault = (asked) =>
        asked === "create"
          ? {
              change: ({ HostConfig }) => {
                HostConfig.Runtime = "runc";
              },
            }
          : undefined;
      await expect(create({}, "runsc")).rejects.toThrow(/`runsc` runs code on the kernel .*, not on gVisor/);
    }
    engine.fault = () => undefined;
    expect(await left()).toEqual([]);
  });

  test("that refuses a request of its own again and again fails that one after four tries, and nobody else", async () => {
    const other = await create({ breaker: { ...pace.breaker, failures: 100 } });
    let refused = 0;
    engine.fault = (asked, labels) => {
      if (asked !== "create" || labels["tracemill.label"] !== "doomed") return undefined;
      refused += 1;
      return { status: 500, message: "no" };
    };
    const [doomed, fine] = await Promise.allSettled(
      ["doomed", "fine"].map((label) => other.open({ dataDir, label, signal })),
    );
    expect(doomed).toMatchObject({ status: "rejected", reason: { name: "FailureError", code: "open_failed" } });
    expect(refused).toBe(4);
    expect(fine?.status).toBe("fulfilled");
    expect(other.occupancy()).toMatchObject({ open: 1 });
    await other[Symbol.asyncDispose]();
    expect(await left()).toEqual([]);
  });

  test("that goes away under 100 simultaneous opens is left alone and waited for, and said so in two lines", async () => {
    await engine.stop();
    const stop = new AbortController();
    const reason = new Error("no longer wanted");
    setMaxListeners(200, signal, stop.signal);
    const opens = Array.from({ length: 100 }, async (_, index) => {
      await using sandbox = await open("one of many", index < 75 ? stop.signal : signal);
      return sandbox;
    });
    const results = Promise.allSettled(opens);
    await until(() => told.length === 1);
    expect(told[0]).toMatch(
      /^docker has failed 3 times in a row to start a sandbox, the last with: Docker could not start a sandbox: .* Waiting for it$/,
    );
    stop.abort(reason);
    const asked = engine.counts.create;
    await engine.start();
    const ends = await results;
    expect(ends.filter((one) => one.status === "fulfilled")).toHaveLength(25);
    for (const one of ends) if (one.status === "rejected") expect(one.reason).toBe(reason);
    // Nobody had reached the engine before, and nobody of those who left asked it afterwards.
    expect(engine.counts.create - asked).toBe(25);
    // The wait is told of, as time in the queue.
    const waited = written
      .filter(({ message }) => message === "Sandbox starts")
      .map(({ fields }) => Number(fields?.queueMs));
    expect(Math.max(...waited)).toBeGreaterThan(pace.breaker.firstPauseMs);
    expect(told).toHaveLength(2);
    expect(told[1]).toMatch(/^docker starts sandboxes again, after \d+ s$/);
    expect(await left()).toEqual([]);
  });

  test("whose image is gone is waited for too, and asked only now and then", async () => {
    const before = engine.counts.create;
    let missing = 0;
    engine.fault = (asked) =>
      asked === "create" && missing++ < 6 ? { status: 404, message: "No such image" } : undefined;
    expect(await Promise.all(Array.from({ length: 8 }, () => use()))).toHaveLength(8);
    // Eight and the six refusals: nobody else asked meanwhile.
    expect(engine.counts.create - before).toBe(14);
    expect(told.length).toBeGreaterThanOrEqual(2);
  });

  test("that stays away fails whoever waits as backend_down, once the patience has run out", async () => {
    const impatient = await create({ breaker: { ...pace.breaker, patienceMs: 200 } });
    engine.fault = (asked) => (asked === "create" ? { reset: "before" } : undefined);
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => impatient.open({ dataDir, label: "away", signal })),
    );
    for (const one of results) {
      const reason = one.status === "rejected" ? one.reason : "opened";
      expect(reason).toBeInstanceOf(FailureError);
      expect(reason).toMatchObject({ kind: "sandbox", code: "backend_down" });
    }
    expect(impatient.occupancy()).toMatchObject({ open: 0, waiting: 0 });
    engine.fault = () => undefined;
    await impatient[Symbol.asyncDispose]();
    expect(await left()).toEqual([]);
  });

  test("that creates a container after its caller was aborted has it taken away again", async () => {
    engine.fault = (asked) => (asked === "create" || asked === "start" ? { delayMs: 150 } : undefined);
    const reason = new Error("no longer wanted");
    // At every moment of the create, the attach, the start and the first frame.
    const results = await Promise.allSettled(
      [1, 60, 140, 160, 220, 300, 330, 400, 450, 500].map((afterMs) => {
        const stop = new AbortController();
        setTimeout(() => stop.abort(reason), afterMs);
        return open("aborted", stop.signal).then((sandbox) => sandbox[Symbol.asyncDispose]());
      }),
    );
    for (const one of results) if (one.status === "rejected") expect(one.reason).toBe(reason);
    expect(results.filter((one) => one.status === "rejected").length).toBeGreaterThan(0);
    expect(await left()).toEqual([]);
    expect(backend.occupancy()).toMatchObject({ open: 0, waiting: 0 });
  });

  test("that refuses to remove spoils no result: it is tried again, logged, and left to the reaper", async () => {
    engine.fault = first(2, "remove", { status: 500, message: "device busy" });
    expect(await use()).toBe("42");
    expect(await left()).toEqual([]);
    expect(written.filter(({ level }) => level !== "debug")).toEqual([]);

    engine.fault = first(5, "remove", { status: 500, message: "device busy" });
    expect(await use("stubborn")).toBe("42");
    const [failed] = written.filter(({ level }) => level === "error");
    expect(failed).toMatchObject({ message: expect.stringContaining("could not be removed"), fields: { failures: 1 } });
    await until(() => written.some(({ message }) => message === "A sandbox was removed whose owner is gone"));
    expect(await left()).toEqual([]);
  });

  test("that does not list its containers is no reason to fail: the reaper says so and looks again", async () => {
    engine.fault = (asked) => (asked === "list" ? { status: 500, message: "database is locked" } : undefined);
    await until(() => written.some(({ message }) => message.startsWith("Left-over sandboxes could not be looked for")));
    expect(await use()).toBe("42");
  });

  test("that goes away during a step is a failure of that step, and the next opens as if nothing had been", async () => {
    const sandbox = await open();
    const step = sandbox.run("import time; time.sleep(60)", { signal });
    const failed = expect(step).rejects.toThrow(FailureError);
    await engine.stop();
    await engine.start();
    await failed;
    await sandbox[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
    expect(await use()).toBe("42");
    expect(await left()).toEqual([]);
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds() && tries < 200; tries++) await new Promise((done) => setTimeout(done, 50));
  expect(holds()).toBe(true);
}
