// Rows 40, 41, 49 and 50: what runs on, waits or piles up inside ends with its sandbox and costs the host nothing for long.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { HostileCase, HostileContext, Step } from "../case.ts";
import { expectEnd, expectEndOf, expectUsable, hostProcessesWith, seenIn, until } from "./kit.ts";

/** Starts what goes on behind a step's back, in every way there is; each process carries `marker`. */
const daemons = (marker: string) => `
import atexit, os, subprocess, sys, threading, time
subprocess.Popen(["sleep", "${marker}"], start_new_session=True)
subprocess.Popen("nohup sleep ${marker} >/dev/null 2>&1 &", shell=True)
subprocess.Popen(["setsid", "sh", "-c", "trap '' HUP INT TERM QUIT; (sleep ${marker} &) ; sleep ${marker}"])
subprocess.Popen([sys.executable, "-c", "import signal, time\\nfor n in range(1, 32):\\n    try: signal.signal(n, signal.SIG_IGN)\\n    except OSError: pass\\ntime.sleep(600)", "${marker}"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: os.execvp("sleep", ["sleep", "${marker}"])
    os._exit(0)
def write():
    while True:
        open("/scratch/by-thread", "a").write("x"); time.sleep(0.01)
threading.Thread(target=write).start()
atexit.register(lambda: open("/scratch/by-atexit", "w").write("x"))
time.sleep(0.3)
None`;

/** What a sandbox holds that nobody put there since it was opened. */
const world = `
import os
def below(path): return [os.path.join(f, n) for f, d, names in os.walk(path) for n in names + d]
def lines(path):
    try: return open(path).read().splitlines()[1:]
    except OSError: return []
def command(pid):
    try: return open(f"/proc/{pid}/cmdline").read()
    except OSError: return ""
strangers = [c for c in (command(p) for p in os.listdir("/proc") if p.isdigit()) if c and "runner.py" not in c and "bwrap" not in c]
[below("/scratch"), [p for p in below("/tmp") if "matplotlib" not in p], below("/dev/shm"), below("/dev/mqueue"), strangers, [lines(f"/proc/sysvipc/{n}") for n in ("shm", "sem", "msg")]]`;
const cleanWorld = "[[], [], [], [], [], [[], [], []]]";

const counters = () => ({
  files: Number(readFileSync("/proc/sys/fs/file-nr", "utf8").split("\t")[0]),
  ipc: ["shm", "sem", "msg"].map((name) => readFileSync(`/proc/sysvipc/${name}`, "utf8").split("\n").length),
});

// Others open files on the same machine meanwhile.
const strayFiles = 30_000;

/** Takes as much of one thing as it gets within a second and a half. */
const exhaust = (take: string, setup = "") => `
import ctypes, os, socket, time
libc = ctypes.CDLL(None, use_errno=True)
def check(n):
    if n < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return n
${setup}
held, end = [], time.monotonic() + 1.5
try:
    while time.monotonic() < end and len(held) < 100_000: held.append(${take})
    print("no limit met at", len(held))
except (OSError, MemoryError, RuntimeError) as e: print("stopped at", len(held), type(e).__name__, e)
None`;

const resources: readonly (readonly [name: string, take: string, setup?: string])[] = [
  ["files", "open('/dev/null')"],
  ["pipes", "os.pipe()"],
  ["sockets", "socket.socketpair()"],
  ["epoll", "select.epoll()", "import select"],
  ["eventfd", "os.eventfd(0)"],
  ["inotify", "check(libc.inotify_init1(0))"],
  [
    "inotify watches",
    "check(libc.inotify_add_watch(fd, f'/scratch/w{len(held)}'.encode() if os.mkdir(f'/scratch/w{len(held)}') is None else b'', 0xfff))",
    "fd = check(libc.inotify_init1(0))",
  ],
  ["timerfd", "check(libc.timerfd_create(1, 0))"],
  ["POSIX timers", "check(libc.timer_create(1, None, ctypes.byref(ctypes.c_void_p())))"],
  ["memfd", "os.memfd_create('x')"],
  ["shared memory", "check(libc.shmget(0, 1 << 20, 0o1600))"],
  ["shared memory of a size beyond memory", "check(libc.shmget(0, ctypes.c_size_t(1 << 40), 0o1600))"],
  ["semaphores", "check(libc.semget(0, 250, 0o1600))"],
  ["message queues", "check(libc.msgget(0, 0o1600))"],
  [
    "messages",
    "check(libc.msgsnd(q, m, 8000, 0o4000))",
    "q = check(libc.msgget(0, 0o1600)); m = ctypes.create_string_buffer(b'\\1' + b'\\0' * 8100)",
  ],
  [
    "POSIX message queues",
    "check(libc.mq_open(f'/q{len(held)}'.encode(), os.O_CREAT | os.O_RDWR, 0o600, None))",
    "libc = ctypes.CDLL('librt.so.1', use_errno=True)",
  ],
  ["keys", "check(libc.syscall(248, b'user', f'k{len(held)}'.encode(), b'x' * 1000, 1000, -2))"],
  ["mappings", "mmap.mmap(-1, 4096)", "import mmap"],
  ["file locks", "fcntl.lockf(f, fcntl.LOCK_EX, 1, 2 * len(held))", "import fcntl; f = open('/scratch/locks', 'w')"],
  ["pseudo-terminals", "os.openpty()"],
];

async function worldOf(context: HostileContext): Promise<string> {
  const session = await context.open();
  const step = await session.run(world);
  expectEnd(step, "ok");
  return step.result ?? "";
}

export const lastingCases: readonly HostileCase[] = [
  {
    row: 40,
    name: "daemons of every make end with their sandbox",
    kind: "files",
    async run(context) {
      const marker = `${2_400_000 + process.pid}.40`;
      const session = await context.open();
      const step = await session.run(daemons(marker));
      expectEnd(step, "ok");
      const alive = hostProcessesWith(marker).length;
      if (!context.target.name.includes("runsc")) assert.ok(alive >= 4, `Expected to see them run, saw ${alive}`);
      await expectUsable(session);
      await session.close();
      await until(() => hostProcessesWith(marker).length === 0, 10_000, "no daemon of a closed sandbox");
      return { ...seenIn(step), record: `${step.end}; ${alive} processes, none after the close` };
    },
  },
  {
    row: 40,
    name: "daemons end with their interpreter",
    kind: "files",
    async run({ open }) {
      const session = await open();
      const started = await session.run(daemons("77.40"));
      const left = await session.run("import os; os._exit(0)");
      expectEnd(left, "exited");
      const found = await session.run(world);
      assert.equal(JSON.parse((found.result ?? "").replaceAll("'", '"'))[4].length, 0, found.result ?? "");
      return seenIn(started, left);
    },
  },
  {
    row: 41,
    name: "a time bomb finds neither its process nor its file in the next sandbox",
    kind: "files",
    async run(context) {
      const marker = `${2_400_000 + process.pid}.41`;
      const session = await context.open();
      const step = await session.run(`${daemons(marker)}
import ctypes
libc = ctypes.CDLL(None)
libc.shmget(0x54, 4096, 0o1666); libc.semget(0x54, 1, 0o1666); libc.msgget(0x54, 0o1666)
for folder in ("/scratch", "/tmp", "/dev/shm"):
    open(f"{folder}/sitecustomize.py", "w").write("print('bomb')")
    subprocess.Popen(["sh", "-c", f"sleep 1; while true; do echo bomb > {folder}/bomb; sleep 0.1; done"], start_new_session=True)
None`);
      expectEnd(step, "ok");
      const beside = await worldOf(context);
      assert.equal(beside, cleanWorld, "a sandbox beside it sees nothing of it");
      await session.close();
      const next = await context.open();
      const first = await next.run(world);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const later = await next.run(world);
      assert.equal(first.result, cleanWorld);
      assert.equal(later.result, cleanWorld);
      assert.deepEqual(hostProcessesWith(marker), []);
      return seenIn(step, later);
    },
  },
  {
    row: 49,
    name: "descriptors, queues, segments, keys and watches until none are left",
    kind: "limits",
    slow: true,
    async run({ open }) {
      const before = counters();
      const said: string[] = [];
      const spoilt: string[] = [];
      for (const [name, take, setup] of resources) {
        const session = await open();
        const step = await session.run(exhaust(take, setup));
        expectEndOf(name, step, "ok", "error", "oom");
        // An interpreter without a descriptor left may not outlive the step; a new one follows.
        const left = await session.run("import os; os._exit(0)");
        expectEndOf(name, left, "exited", "oom");
        const next = await session.run("6 * 7");
        expectEndOf(name, next, "ok", "oom");
        if (next.end === "oom") spoilt.push(name);
        else assert.equal(next.result, "42", name);
        said.push(`${name}: ${step.stdout.trim() || step.end}`);
        await session.close();
      }
      assert.match(said.find((line) => line.startsWith("files")) ?? "", /stopped at \d{1,4} OSError/);
      assert.deepEqual(counters().ipc, before.ipc, "System V objects are the sandbox's own");
      await until(() => counters().files < before.files + strayFiles, 10_000, "the host's open files to be given back");
      await expectUsable(await open());
      const seen = { agentSees: said.join(" / "), record: "each stopped at a limit; ok, error or oom" };
      if (spoilt.length === 0) return seen;
      const notHeld = `what outlives processes stays charged to the sandbox, so that its later steps end as oom too: ${spoilt.join(", ")}; a new sandbox is sound`;
      return { ...seen, notHeld };
    },
  },
  {
    row: 49,
    name: "as many processes as there may be, each with as many descriptors",
    kind: "limits",
    slow: true,
    async run({ open }) {
      const before = counters();
      const session = await open();
      const step = await session.run(`
import os, time
children = 0
try:
    while True:
        if os.fork() == 0:
            try:
                while True: os.pipe()
            except OSError: time.sleep(60)
            os._exit(0)
        children += 1
except OSError as e: print(children, e)
time.sleep(1.5)
None`);
      expectEnd(step, "ok", "oom", "timeout", "exited", "killed");
      if (step.end !== "killed") {
        expectEnd(await session.run("import os; os._exit(0)"), "exited", "oom", "killed");
      }
      await session.close();
      await until(() => counters().files < before.files + strayFiles, 10_000, "the host's open files to be given back");
      await expectUsable(await open());
      return seenIn(step);
    },
  },
  {
    row: 50,
    name: "a farm of zombies, and orphans nobody waits for",
    kind: "limits",
    slow: true,
    async run({ open }) {
      const session = await open();
      const farm = await session.run(`
import os
count = 0
try:
    while True:
        if os.fork() == 0: os._exit(0)
        count += 1
except OSError as e: print(count, type(e).__name__)
None`);
      expectEnd(farm, "ok", "timeout"); // gVisor takes its time for processes
      if (farm.end === "ok") assert.match(farm.stdout, /^\d{1,3} BlockingIOError/);
      const after = await session.run(
        "while True:\n    try: os.waitpid(-1, 0)\n    except ChildProcessError: break\n6 * 7",
      );
      expectEnd(after, "ok");
      // Orphans fall to process 1, which takes them away while it watches a step.
      const orphans = await session.run(`
import os, time
refused = 0
for _ in range(500):
    try:
        pid = os.fork()
    except BlockingIOError:
        refused += 1; time.sleep(0.02); continue
    if pid == 0:
        try: os.fork()
        except OSError: pass
        os._exit(0)
    os.waitpid(pid, 0)
time.sleep(0.3)
print(refused)
len([p for p in os.listdir("/proc") if p.isdigit()])`);
      expectEnd(orphans, "ok", "timeout");
      if (orphans.end === "ok") assert.ok(Number(orphans.result) < 10, `${orphans.result} processes are left`);
      await expectUsable(session);
      return seenIn(farm, orphans);
    },
  },
  {
    row: 50,
    name: "10,000 short-lived processes",
    kind: "limits",
    slow: true,
    async run({ open }) {
      const session = await open();
      let made = 0;
      const steps: Step[] = [];
      expectEnd(await session.run("import os, time"), "ok");
      while (made < 10_000 && steps.length < 60) {
        const step = await session.run(`
end, n = time.monotonic() + 2, 0
while time.monotonic() < end and n < ${10_000 - made}:
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0); n += 1
n`);
        expectEnd(step, "ok");
        made += Number(step.result);
        steps.push(step);
      }
      assert.ok(made > 500, `${made}`);
      const left = await session.run(`len([p for p in os.listdir("/proc") if p.isdigit()])`);
      assert.ok(Number(left.result) <= 4, left.result ?? "");
      await expectUsable(session);
      return { agentSees: `${made} processes in ${steps.length} steps`, record: "ok" };
    },
  },
];
