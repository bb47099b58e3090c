import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Sandbox, SandboxBackend } from "../../src/contracts.ts";
import { FailureError } from "../../src/domain/errors.ts";
import type { BoundedText, StepResult } from "../../src/domain/trajectory.ts";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { dataFolder, describeEverySandbox, leftOnHost, wholeGvisorKit } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;
const outputBytes = 2000;

await describeEverySandbox("a sandbox", (entry) => {
  let backend: SandboxBackend;
  let dataDir: string;
  let shared: Sandbox;
  const waitingTest = entry.isGvisor && !wholeGvisorKit ? test.skip : test;

  beforeAll(async () => {
    dataDir = await dataFolder({ "cars.csv": "name,mpg\na,21\nb,30\n" });
    backend = await openSandboxBackend({
      ...entry.settings,
      concurrency: 6,
      memoryMb: 256,
      scratchMb: 32,
      pids: 48,
      stepTimeoutSeconds: 3,
      outputBytes,
      preimport: [],
      signal,
    });
    shared = await open();
  });

  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  function open(): Promise<Sandbox> {
    return backend.open({ dataDir, label: "test", signal });
  }

  /** One step in the sandbox that the tests share: each must leave it usable, but where gVisor cannot. */
  async function run(code: string): Promise<StepResult> {
    const step = await shared.run(code, { signal });
    if (step.end === "killed" && entry.isGvisor) {
      await shared[Symbol.asyncDispose]();
      shared = await open();
    }
    return step;
  }

  /** What a step ends with whose memory ran out: gVisor's kernel lives in the same memory, and goes too. */
  const outOfMemory = (stateLost: boolean) =>
    entry.isGvisor
      ? { end: "killed", stateLost: true, detail: expect.stringContaining("memory") }
      : { end: "oom", stateLost };

  async function fresh(code: string): Promise<StepResult> {
    await using sandbox = await open();
    return await sandbox.run(code, { signal });
  }

  test("keeps variables from step to step and shows the last expression", async () => {
    expect(await run("x = 20")).toMatchObject({ end: "ok", result: null, stateLost: false });
    expect(await run("y = x + 1\ny * 2")).toMatchObject({ end: "ok", result: { head: "42" }, exception: null });
    expect(await run("'text'")).toMatchObject({ result: { head: "'text'" } });
    expect(await run("None")).toMatchObject({ result: null });
    expect(await run("")).toMatchObject({ end: "ok", result: null });
  });

  test("keeps stdout and stderr apart", async () => {
    const step = await run(
      "import sys, os\nprint('out')\nprint('err', file=sys.stderr)\nos.system('echo child')\nNone",
    );
    expect(text(step.stdout)).toBe("out\nchild\n");
    expect(text(step.stderr)).toBe("err\n");
  });

  test("stops a step as Ctrl-C does when it is interrupted, and keeps the variables", async () => {
    shared.interrupt(); // no step runs: nothing happens
    const running = run("import time\nheld = 'still here'\ntime.sleep(2.5)");
    setTimeout(() => shared.interrupt(), 300);
    expect(await running).toMatchObject({ end: "error", stateLost: false, exception: { name: "KeyboardInterrupt" } });
    shared.interrupt();
    expect(await run("held")).toMatchObject({ end: "ok", result: { head: "'still here'" } });
  });

  test("explains an exception with the agent's own line", async () => {
    const step = await run("a = 1\n\ndef f(v):\n    return v / 0\nf(a)");
    expect(step).toMatchObject({
      end: "error",
      stateLost: false,
      exception: { name: "ZeroDivisionError", value: "division by zero" },
    });
    const traceback = text(step.exception?.traceback);
    expect(traceback).toMatch(/File "<step \d+>", line 5/);
    expect(traceback).toMatch(/File "<step \d+>", line 4, in f\n {4}return v \/ 0/);
    expect(traceback).not.toContain("runner.py");
    expect(await run("if True print(1)")).toMatchObject({ end: "error", exception: { name: "SyntaxError" } });
  });

  test("answers code that is no Python at all with an exception", async () => {
    for (const code of ["a\0b", "x = '\ud800'", "%timeit 1", "await f()", "\ufeffprint(1", "'''"]) {
      expect((await run(code)).end, JSON.stringify(code)).toBe("error");
    }
    expect(await run("s = '''a\r\nb'''\nlen(s)")).toMatchObject({ end: "ok" });
  });

  test("keeps head and tail of long output and counts the bytes between", async () => {
    const step = await run("print('A' * 5000 + 'B' * 5000, end='')");
    expect(step.stdout.head).toBe("A".repeat(outputBytes / 2));
    expect(step.stdout.tail).toBe("B".repeat(outputBytes / 2));
    expect(step.stdout.droppedBytes).toBe(10_000 - outputBytes);
    const wide = await run("'é' * 5000");
    expect(wide.result?.head).toMatch(/^'é+$/);
    expect(wide.result?.tail).toMatch(/^é+'$/);
  });

  test("shows bytes that are no text as replaced characters", async () => {
    const step = await run("import os\nos.write(1, b'\\xff\\x00ok')\nprint('\\ud800')");
    expect(text(step.stdout)).toBe("\ufffd\0ok\\ud800\n");
  });

  test("stops a step that floods its output, and keeps the state", async () => {
    await run("kept = 1");
    const step = await run("import os\nwhile True: os.write(1, b'x' * 65536)");
    expect(step.end).toBe("output_limit");
    expect(step.stdout.droppedBytes).toBeGreaterThan(60 * 1024 * 1024);
    expect(step.stateLost).toBe(false);
    expect(await run("kept")).toMatchObject({ result: { head: "1" } });
  });

  waitingTest(
    "ends a step at its time limit and keeps the state where the interpreter can be interrupted",
    async () => {
      await run("kept = 2");
      const step = await run("print('before')\nimport time\ntime.sleep(100)");
      expect(step).toMatchObject({ end: "timeout", stateLost: false, exception: { name: "KeyboardInterrupt" } });
      expect(text(step.stdout)).toBe("before\n");
      expect(await run("kept")).toMatchObject({ result: { head: "2" } });
    },
  );

  waitingTest("ends a step that cannot be interrupted, and says that the state is lost", async () => {
    await run("kept = 3\nopen('/scratch/note', 'w').write('still here')");
    expect(await run("sum(range(10**11))")).toMatchObject({ end: "timeout", stateLost: true });
    expect(await run("kept")).toMatchObject({ end: "error", exception: { name: "NameError" } });
    expect(await run("open('/scratch/note').read()")).toMatchObject({ result: { head: "'still here'" } });
  });

  waitingTest("ends a step that ignores interrupts", async () => {
    const ignoring = await run("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass");
    expect(ignoring).toMatchObject({ end: "timeout", stateLost: true });
  });

  test("survives running out of memory", async () => {
    expect(await run("b = bytearray(1 << 30)")).toMatchObject(outOfMemory(true));
    expect(await run("1 + 1")).toMatchObject({ end: "ok", result: { head: "2" } });
  });

  test("does not take a grandchild killed for memory for a success", async () => {
    const step = await run(
      "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'bytearray(1 << 30)']).returncode",
    );
    expect(step).toMatchObject(outOfMemory(false));
  });

  test("bounds temporary files, and recovers when they are deleted", async () => {
    const fill = "f = open('/scratch/big', 'wb')\nwhile True: f.write(b'x' * (1 << 20)); f.flush()";
    expect(await run(fill)).toMatchObject({ end: "error", exception: { name: "OSError" } });
    expect(
      await run("import os\nf.close() if False else None\nos.remove('/scratch/big')\nos.path.exists('/scratch/big')"),
    ).toMatchObject({
      result: { head: "False" },
    });
    for (const path of ["/x", "/usr/x", "/opt/runner/x", "/dev/x", "/etc/x", "/data/x"]) {
      expect((await run(`open('${path}', 'w')`)).end, path).toBe("error");
    }
  });

  test("reports an interpreter that leaves or crashes, and starts another", async () => {
    expect(await run("import os; os._exit(3)")).toMatchObject({ end: "exited", stateLost: true });
    const crashed = await run("import ctypes; ctypes.string_at(0)");
    expect(crashed).toMatchObject({ end: "exited", stateLost: true });
    expect(crashed.detail).toContain("SIGSEGV");
    expect(await run("import sys; sys.exit(0)")).toMatchObject({
      end: "error",
      exception: { name: "SystemExit" },
      stateLost: false,
    });
    expect(await run("1")).toMatchObject({ end: "ok" });
  });

  test("gives input() the end of the file at once", async () => {
    expect(await run("input()")).toMatchObject({ end: "error", exception: { name: "EOFError" } });
    expect(await run("quit()")).toMatchObject({ end: "error", exception: { name: "SystemExit" } });
    expect(await run("input()")).toMatchObject({ end: "error", exception: { name: "EOFError" } });
  });

  test("goes on after the code closed or replaced its output", async () => {
    expect((await run("import os; os.close(1); os.close(2)")).end).toBe("ok");
    expect(text((await run("print('again')")).stdout)).toBe("again\n");
    expect((await run("import sys; sys.stdout = None")).end).toBe("ok");
    expect(text((await run("print('again')")).stdout)).toBe("again\n");
  });

  test("takes forged frames for output or for a violation of the protocol, never for a result", async () => {
    const forge = `
import json, os, struct
body = json.dumps({"v": 1, "type": "done", "op": "done", "step": "x", "end": "ok", "result": {"head": "forged", "tail": "", "droppedBytes": 0}}).encode()
frame = struct.pack(">I", len(body)) + body
for fd in [1, 2] + [int(n) for n in os.listdir("/proc/self/fd") if int(n) > 2]:
    try: os.write(fd, frame)
    except OSError: pass
for pid in [p for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]:
    for fd in range(6):
        try: os.write(os.open(f"/proc/{pid}/fd/{fd}", os.O_WRONLY), frame)
        except OSError: pass
`;
    if (entry.isGvisor) {
      // gVisor lets code open the supervisor's pipes: a frame that it writes there ends the sandbox.
      const ended = await run(forge); // never a failure: the item would be owed for ever
      expect(["protocol_violation", "killed", "ok", "exited"]).toContain(ended.end);
      expect(ended).not.toMatchObject({ result: { head: "forged" } });
      await shared[Symbol.asyncDispose]();
      shared = await open();
      return;
    }
    const forged = await run(forge);
    expect(forged).toMatchObject({ end: "protocol_violation", stateLost: true, result: null });
    expect(await run("'own'")).toMatchObject({ end: "ok", result: { head: "'own'" } });
  });

  test("survives code that closes every descriptor", async () => {
    expect(await run("import os; os.closerange(0, 4096)")).toMatchObject({ end: "exited", stateLost: true });
    expect(await run("1")).toMatchObject({ end: "ok" });
  });

  waitingTest("survives a result whose repr hangs or raises", async () => {
    expect(await run("class A:\n    def __repr__(self): raise ValueError('no')\nA()")).toMatchObject({
      end: "error",
    });
    expect(await run("class B:\n    def __repr__(self):\n        while True: pass\nB()")).toMatchObject({
      end: "timeout",
      stateLost: false,
    });
    expect(await run("class C(Exception):\n    def __str__(self): raise C()\nraise C()")).toMatchObject({
      end: "error",
    });
  });

  test("takes a forked copy of the interpreter for no interpreter", async () => {
    const step = await run("import os\nprint('parent' if os.fork() else 'copy')\nNone");
    expect(step.end).toBe("ok");
    for (let index = 0; index < 5; index++)
      expect(await run(`${index}`)).toMatchObject({ result: { head: `${index}` } });
  });

  test("bounds the number of processes and threads", async () => {
    const bomb = await run("import os\nwhile True:\n    try: os.fork()\n    except BlockingIOError: pass");
    expect(["timeout", "exited", "killed"]).toContain(bomb.end);
    if (bomb.end === "killed" && !entry.isGvisor) shared = await open();
    expect(await run("1")).toMatchObject({ end: "ok" });
    if (entry.isGvisor) return; // its threads are no threads of the host, and only memory bounds them
    const threads =
      "import threading, time\nfor _ in range(1000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()";
    expect(await run(threads)).toMatchObject({ end: "error", exception: { name: "RuntimeError" } });
    expect(await run("import os; os._exit(0)")).toMatchObject({ end: "exited" });
  });

  test("outlives code that kills everything it can reach", async () => {
    for (const code of ["os.system('kill -9 -1')", "os.kill(1, 9); os.kill(1, 15); os.kill(1, 19); os._exit(1)"]) {
      expect(await run(`import os; ${code}`), code).toMatchObject({ end: "exited", stateLost: true });
      expect(await run("1 + 1")).toMatchObject({ end: "ok", result: { head: "2" } });
    }
    const refused = { end: "error", exception: { name: "PermissionError" }, stateLost: false };
    const limit = "import resource; resource.prlimit(1, resource.RLIMIT_AS, (1, 1))";
    expect(await run(limit)).toMatchObject(refused);
  });

  test("shows the data and lets nobody change it", async () => {
    expect(await run("open('/data/cars.csv').read()")).toMatchObject({
      result: { head: "'name,mpg\\na,21\\nb,30\\n'" },
    });
    const tries = [
      "open('/data/cars.csv', 'a')",
      "os.remove('/data/cars.csv')",
      "os.chmod('/data/cars.csv', 0o777)",
      "os.rename('/data/cars.csv', '/data/b.csv')",
      "os.link('/data/cars.csv', '/scratch/link')",
      "open('/proc/self/root/data/cars.csv', 'w')",
      "check(libc.mount(b'none', b'/data', None, 4096 | 32, None))",
      "check(libc.umount(b'/data'))",
      "check(libc.unshare(0x10000000))",
    ];
    await run(
      "import os, ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\ndef check(code):\n    if code: raise OSError(ctypes.get_errno(), 'refused')",
    );
    // gVisor lets code make a user namespace, in which it has all capabilities and still changes nothing.
    if (entry.isGvisor) tries.unshift(tries.pop() as string);
    for (const code of tries) {
      const isLetIn = entry.isGvisor && code.includes("unshare");
      expect((await run(code)).end, code).toBe(isLetIn ? "ok" : "error");
    }
    if (entry.isGvisor) await run("import os; os._exit(0)");
    expect(readFileSync(join(dataDir, "cars.csv"), "utf8")).toBe("name,mpg\na,21\nb,30\n");
    expect(readdirSync(dataDir)).toEqual(["cars.csv"]);
  });

  test("has no network, not even to the host", async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
    });
    try {
      for (const [host, at] of [
        ["127.0.0.1", port],
        ["169.254.169.254", 80],
        ["192.0.2.1", 443],
        ["example.com", 80],
      ]) {
        const step = await run(`import socket\nsocket.create_connection(('${host}', ${at}), timeout=2)`);
        expect(step.end, String(host)).toBe("error");
        expect(step.exception?.name, String(host)).not.toBe("TimeoutError");
      }
    } finally {
      server.close();
    }
  });

  waitingTest("hides the host's environment, files and sockets", async () => {
    const secret = join(tmpdir(), `tracemill-secret-${process.pid}`);
    writeFileSync(secret, "secret");
    process.env.TRACEMILL_TEST_SECRET = "hunter2";
    try {
      expect((await fresh(`open('${secret}')`)).exception?.name).toBe("FileNotFoundError");
      const environ =
        "import os, glob\n''.join(open(p, errors='replace').read() for p in glob.glob('/proc/[0-9]*/environ') if os.access(p, os.R_OK))";
      expect((await fresh(environ)).result?.head).not.toContain("hunter2");
      const seen =
        "import os\n[p for p in ('/root', '/home', '/var/run/docker.sock', '/run/docker.sock', '/etc/shadow', '/work') if os.access(p, os.R_OK) and (os.path.isfile(p) or os.listdir(p))]";
      expect((await fresh(seen)).result?.head).toBe("[]");
    } finally {
      delete process.env.TRACEMILL_TEST_SECRET;
      await rm(secret);
    }
  });

  test("leaves the code no power over the kernel or the host's devices", async () => {
    await run("import os");
    for (const path of ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches"]) {
      expect((await run(`open('${path}', 'w')`)).end, path).toBe("error");
    }
    expect((await run("os.chmod('/dev/null', 0)")).end).toBe("error");
    expect((await run("os.kill(os.getppid(), 0)\nopen('/proc/%d/mem' % os.getppid(), 'rb')")).end).toBe("error");
    const status =
      "dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if l.startswith('Cap'))";
    const seen = text((await run(status)).result);
    expect(seen).toContain("'CapEff': '0000000000000000'");
    expect(seen).toContain("'CapBnd': '0000000000000000'");
    expect(await run("import ctypes; ctypes.CDLL(None).prctl(39, 0, 0, 0, 0)")).toMatchObject({
      result: { head: "1" },
    });
  });

  test("runs what data science needs: multiprocessing, shared memory, SQLite, plots", async () => {
    await using sandbox = await open();
    const steps = [
      "import multiprocessing\nwith multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, -2]))",
      "import sqlite3\nsqlite3.connect('/scratch/a.db').execute('create table t (a)')",
      "import getpass, tempfile\ngetpass.getuser()\ntempfile.TemporaryFile()\nNone",
      "open('/scratch/mine.py', 'w').write('answer = 42')\nimport mine\nmine.answer",
    ];
    for (const code of steps) {
      const step = await sandbox.run(code, { signal });
      expect(step.end, `${code}: ${text(step.exception?.traceback)}`).toBe("ok");
    }
  });

  test("keeps concurrent sandboxes apart, and opens no more than it may", async () => {
    await shared[Symbol.asyncDispose]();
    const sandboxes = await Promise.all(Array.from({ length: 6 }, open));
    const late = new AbortController();
    const seventh = backend.open({ dataDir, label: "seventh", signal: late.signal });
    const results = await Promise.all(
      sandboxes.map((sandbox, index) =>
        sandbox.run(`open('/scratch/who', 'x').write('${index}')\nopen('/scratch/who').read()`, { signal }),
      ),
    );
    expect(results.map((step) => step.result?.head)).toEqual(["'0'", "'1'", "'2'", "'3'", "'4'", "'5'"]);
    late.abort(new Error("no longer wanted"));
    await expect(seventh).rejects.toThrow("no longer wanted");
    await Promise.all(sandboxes.map((sandbox) => sandbox[Symbol.asyncDispose]()));
    shared = await open();
  });

  test("fails at once where the data went away while it started, and waits for no engine", async () => {
    const going = await dataFolder({ "cars.csv": "name\n" });
    const opening = [1, 2, 3, 4].map(() =>
      backend.open({ dataDir: going, label: "going", signal }).catch((error: unknown) => error),
    );
    setTimeout(() => renameSync(going, `${going}-away`), 2);
    for (const opened of await Promise.all(opening)) {
      if (opened instanceof Error) expect(opened.message).toContain("Cannot read the data");
      else await (opened as Sandbox)[Symbol.asyncDispose]();
    }
    await rm(`${going}-away`, { recursive: true });
  });

  test("refuses a second step while one runs, and any step after it is closed", async () => {
    const sandbox = await open();
    const first = sandbox.run("1", { signal });
    await expect(sandbox.run("2", { signal })).rejects.toThrow(FailureError);
    await first;
    await sandbox[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
    await expect(sandbox.run("3", { signal })).rejects.toThrow(FailureError);
  });

  test("stops at once when it is aborted, and leaves nothing behind", async () => {
    const before = await leftOnHost(entry.name);
    const sandbox = await open();
    const abort = new AbortController();
    const running = sandbox.run(
      "import subprocess\nsubprocess.Popen(['setsid', 'sleep', '7654'])\nprint(1)\nsum(range(10**11))",
      {
        signal: abort.signal,
      },
    );
    setTimeout(() => abort.abort(new Error("stop now")), 300);
    await expect(running).rejects.toThrow("stop now");
    await sandbox[Symbol.asyncDispose]();
    expect(await leftOnHost(entry.name)).toEqual(before);
    expect(commandLines().filter((line) => line.includes("sleep\x007654"))).toEqual([]);
  });

  test("names the environment by versions and limits, whatever the backend", async () => {
    expect(backend.environment.versions).toMatchObject({ python: expect.stringMatching(/^3\./) });
    expect(Object.keys(backend.environment.versions)).toEqual(
      expect.arrayContaining(["python", "numpy", "pandas", "blas"]),
    );
    expect(backend.environment.id).toMatch(/^[0-9a-f]{16}$/);
    if (entry.name === "docker") expect(backend.environment.image).toMatch(/^sha256:/);
  });

  test("runs on the kernel that it names, and records it", async () => {
    const { environment } = backend;
    expect((await run("import platform; platform.release()")).result?.head).toBe(`'${environment.kernel}'`);
    const count =
      "b = ctypes.create_string_buffer(65536); n = ctypes.CDLL(None).klogctl(3, b, 65536); b.raw[:max(0, n)].count(b'Starting gVisor')";
    const { result } = await run(`import ctypes; ${count}`);
    expect(result?.head).toBe(entry.isGvisor ? "1" : "0");
    const own = entry.promises(entry.settings.runtime).find(({ promise }) => promise.startsWith("a kernel of its own"));
    expect(own?.held).toBe(entry.isGvisor);
    expect(environment.runtime).toMatch(entry.isGvisor ? /^runsc$/ : /^(runc|bubblewrap \d)/);
  });
});

function text(bounded: BoundedText | null | undefined): string {
  return bounded ? bounded.head + bounded.tail : "";
}

function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return ""; // it has ended meanwhile
      }
    });
}
