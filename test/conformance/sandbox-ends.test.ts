// What is said of a step's end, its time and its memory, on every backend for real.
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Sandbox, SandboxBackend } from "../../src/contracts.ts";
import type { StepResult } from "../../src/domain/trajectory.ts";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { dataFolder, describeEachBackend } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;
const mb = 2 ** 20;

/** One backend with these limits and one sandbox of it, that the tests of a `describe` share. */
function sharedBackend(name: string, limits: { memoryMb: number; scratchMb: number; stepTimeoutSeconds: number }) {
  let backend: SandboxBackend;
  let dataDir: string;
  let sandbox: Sandbox;
  const open = () => backend.open({ dataDir, label: "ends", signal });

  beforeAll(async () => {
    dataDir = await dataFolder({ "a.csv": "x\n" });
    const rest = { concurrency: 2, pids: 64, outputBytes: 2000, preimport: [], signal };
    backend = await openSandboxBackend({ backend: name, ...limits, ...rest });
    sandbox = await open();
  });

  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  return {
    run: (code: string): Promise<StepResult> => sandbox.run(code, { signal }),
    async fresh(code: string): Promise<StepResult> {
      await using own = await open();
      return await own.run(code, { signal });
    },
  };
}

await describeEachBackend("what a step took", (entry) => {
  const { run, fresh } = sharedBackend(entry.name, { memoryMb: 1024, scratchMb: 340, stepTimeoutSeconds: 30 });

  const allocating: readonly [string, string][] = [
    ["in the interpreter, for a moment", "b = bytearray(300 << 20)\ndel b"],
    [
      "in a child process",
      "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; b = bytearray(300 << 20); time.sleep(0.05)'])\nNone",
    ],
    [
      "in a file in /scratch",
      "f = open('/scratch/big', 'wb')\nfor _ in range(300): f.write(bytes(1 << 20))\nf.close()\nimport os\nos.remove('/scratch/big')",
    ],
  ];
  test.each(allocating)("says that a step took 300 MB %s, and that the next took little", async (_where, code) => {
    const step = await run(code);
    expect(step.end).toBe("ok");
    expect((step.peakMemoryBytes ?? 0) / mb).toBeGreaterThan(250);
    expect((step.peakMemoryBytes ?? 0) / mb).toBeLessThan(350);
    const next = await run("1");
    expect((next.peakMemoryBytes ?? 0) / mb).toBeGreaterThan(1);
    expect((next.peakMemoryBytes ?? 0) / mb).toBeLessThan(60);
  });

  const burn = "import time\nwhile time.process_time() < 0.3: pass";
  const burning: readonly [string, string][] = [
    ["itself", burn],
    ["by a child it waits for", `import subprocess, sys\nsubprocess.run([sys.executable, '-c', '''${burn}'''])\nNone`],
    [
      "by a child that is killed",
      `import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', '''${burn}
open('/scratch/burnt', 'w')
time.sleep(9)'''])
while not os.path.exists('/scratch/burnt'): time.sleep(0.01)
os.killpg(0, signal.SIGKILL)`,
    ],
    ["although it says otherwise", `import os, resource\nos.times = resource.getrusage = lambda *_: None\n${burn}`],
  ];
  test.each(burning)("counts the CPU time that code takes %s", async (_how, code) => {
    const step = await fresh(code);
    expect(step.cpuMs, step.end).toBeGreaterThan(200);
    expect(step.cpuMs, step.end).toBeLessThan(2000);
  });

  test("frees the shared memory that outlives its process", async () => {
    const keep = `
import ctypes, os
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
ctypes.memset(libc.shmat(libc.shmget(0, 600 << 20, 0o1600), None, 0), 1, 600 << 20)
os._exit(1)`;
    expect(await run(keep)).toMatchObject({ end: "exited", stateLost: true });
    const next = await run("b = bytearray(600 << 20)\nlen(b)");
    expect(next).toMatchObject({ end: "ok" });
  });
});

await describeEachBackend("the end of a step", (entry) => {
  const { run, fresh } = sharedBackend(entry.name, { memoryMb: 256, scratchMb: 32, stepTimeoutSeconds: 3 });

  test("goes by the host's clock, whatever the code makes of its own", async () => {
    const patched = await fresh(
      "import time\nfor name in ('time', 'monotonic', 'perf_counter', 'sleep'): setattr(time, name, lambda *_: 0)\nwhile True: pass",
    );
    expect(patched).toMatchObject({ end: "timeout", stateLost: false, limit: "3 s" });
    expect(patched.wallMs).toBeGreaterThanOrEqual(3000);
  });

  test("is the first cause where several come together", async () => {
    const late = await run(
      "import time\na = bytearray(210 << 20)\ntry: time.sleep(99)\nexcept KeyboardInterrupt: b = bytearray(80 << 20)",
    );
    expect(late).toMatchObject({ end: "timeout", stateLost: true, detail: expect.stringContaining("out of memory") });
    const flood = await run(
      "import os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: os.write(1, b'x' * 65536)",
    );
    expect(flood).toMatchObject({ end: "output_limit", stateLost: true, limit: "64 MB" });
    const grandchild =
      "import os\nif os.fork() == 0: bytearray(1 << 30)\nos.wait()\nwhile True: os.write(1, b'x' * 65536)";
    expect(await run(grandchild)).toMatchObject({ end: "oom", stateLost: false, limit: "256 MB" });
  });

  test("is a violation of the protocol where the code writes to the interpreter's socket, in whatever shape", async () => {
    const control =
      "import os, struct, socket, stat\nfd = [int(n) for n in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + n) and stat.S_ISSOCK(os.stat(int(n)).st_mode)][0]\n";
    for (const body of ["b'['*100000", "b'{}'", "b'no JSON'", 'b\'{"op": "probed"}\'']) {
      const step = await run(`${control}body = ${body}\nos.write(fd, struct.pack('>I', len(body)) + body)\n1`);
      expect(step, body).toMatchObject({ end: "protocol_violation", stateLost: true, result: null });
    }
    expect(await run("1 + 1")).toMatchObject({ end: "ok", result: { head: "2" } });
  });

  test("says nothing that the code made up of its result's shape", async () => {
    const lie =
      "import json\nreal = json.dumps\njson.dumps = lambda m: real(dict(m, cpuMs=-1, result={'head': 'x', 'tail': '', 'droppedBytes': True}, exception={'name': [1], 'value': {}, 'traceback': 7}))\n1";
    const step = await run(lie);
    expect(step).toMatchObject({
      end: "ok",
      result: { head: "x", droppedBytes: 1 },
      exception: { name: "?", value: "?" },
    });
    expect(await run("import os; os._exit(0)")).toMatchObject({ end: "exited" });
  });

  test("is never that of process 1, however the code goes about it", async () => {
    const tries = [
      "import resource; resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))",
      "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))",
      "os.setpgid(0, 1)",
      "os.pidfd_open(1)",
      "open('/proc/1/oom_score_adj', 'w')",
      "open('/proc/1/mem')",
    ];
    await run("import os");
    for (const code of tries) expect(await run(code), code).toMatchObject({ end: "error", stateLost: false });
    const signals =
      "for number in (9, 15, 19): os.kill(1, number)\nimport ctypes\nctypes.CDLL(None).tgkill(1, 1, 9)\n'here'";
    expect(await run(signals)).toMatchObject({ end: "ok", result: { head: "'here'" } });
  });
});

await describeEachBackend("a sandbox whose memory is held by files", (entry) => {
  test("says what to delete, runs Python without imports, and is whole again once that is done", async () => {
    const dataDir = await dataFolder({ "a.csv": "x\n" });
    {
      const preimport = ["pandas", "scipy.stats", "sklearn.linear_model"];
      await using backend = await openSandboxBackend({
        ...{ backend: entry.name, memoryMb: 128, scratchMb: 42, outputBytes: 2000, preimport, signal },
      });
      await using sandbox = await backend.open({ dataDir, label: "full", signal });
      const run = (code: string) => sandbox.run(code, { signal });
      // A module that an import of the next interpreter would find, if files in /scratch could stand in its way.
      await run("open('/scratch/pyarrow.py', 'w').write('import os; os._exit(9)')");
      const fill = "for d in /scratch /tmp /dev/shm; do dd if=/dev/zero of=$d/big bs=1M 2>/dev/null; done";
      // The interpreter becomes a small program, so that the files get the memory; its socket stays open, or it would be ended for that.
      const become = `
import os
for fd in os.listdir('/proc/self/fd'):
    if os.path.exists('/proc/self/fd/' + fd): os.set_inheritable(int(fd), True)
os.execvp('sh', ['sh', '-c', '${fill}'])`;
      expect(await run(become)).toMatchObject({ end: "exited" });
      const refused = await run("ran = True");
      expect(refused).toMatchObject({ end: "oom", stateLost: true, limit: "128 MB" });
      expect(refused.detail).toMatch(
        /files in \/scratch, \/tmp and \/dev\/shm hold 6\d MB and left no room .* delete some of them/,
      );
      const remove = "import os\nfor d in ('/scratch', '/tmp', '/dev/shm'): os.remove(d + '/big')\n'ran' in globals()";
      expect(await run(remove)).toMatchObject({ end: "ok", result: { head: "False" } });
      expect(await run("import os; os._exit(1)")).toMatchObject({ end: "exited" });
      expect(await run("import sys; 'pandas' in sys.modules")).toMatchObject({ end: "ok", result: { head: "True" } });
    }
    await rm(dataDir, { recursive: true });
  }, 120_000);
});
