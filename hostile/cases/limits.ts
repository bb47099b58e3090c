// Rows 38, 39, 47 and 48: time is the host's, a step ends when its time is up, and no limit can be raised from inside.
import assert from "node:assert/strict";
import type { HostileCase, Step } from "../case.ts";
import { forgery } from "./forgery.ts";
import { expectEnd, expectEndOf, expectUsable, expectUsableAgain, recordOf, seenIn } from "./kit.ts";

// Beyond a step's own limit: the ladder's rungs and a new interpreter, on a machine that does other things too.
const ladderMs = 20_000;

/** Code that does not end; `lost` is whether its interpreter had to be taken from it, null where either may be. */
function endless(name: string, code: string, lost: boolean | null): HostileCase {
  return {
    row: 38,
    name,
    kind: "limits",
    slow: true,
    async run({ open, target }) {
      const session = await open();
      expectEnd(await session.run("kept = 'kept'"), "ok");
      const step = await session.run(code);
      expectEnd(step, "timeout");
      if (lost !== null) assert.equal(step.stateLost, lost, recordOf(step));
      const { wallMs } = step.raw;
      const { stepTimeoutMs } = target.limits;
      assert.ok(wallMs >= stepTimeoutMs - 50 && wallMs < stepTimeoutMs + ladderMs, `${wallMs} ms`);
      assert.match(step.observation, step.stateLost ? /are (?:gone|lost)/ : /still there/);
      const after = await session.run("kept");
      if (step.stateLost) assert.match(after.error ?? "", /^NameError/);
      else assert.equal(after.result, "'kept'");
      await expectUsable(session);
      return seenIn(step);
    },
  };
}

export const limitCases: readonly HostileCase[] = [
  endless("an endless loop", "while True: pass", false),
  endless("a loop in C", "sum(range(10**11))", true),
  endless(
    "a numpy sort over and over",
    "import numpy as np\na = np.random.rand(3_000_000)\nwhile True: np.sort(a)",
    null,
  ),
  endless(
    "a loop that ignores the interrupt",
    "import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass",
    true,
  ),
  endless(
    "a loop that catches everything",
    "n = 0\nwhile True:\n    try:\n        while True:\n            n += 1; str(n)\n    except BaseException: n = 0",
    true,
  ),
  endless(
    "blocked signals",
    "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
    true,
  ),
  endless(
    "waiting for a thread that never ends",
    "import threading, time\nt = threading.Thread(target=lambda: sum(range(10**11)))\nt.start(); t.join()",
    null,
  ),
  endless(
    "a native library that cannot be interrupted",
    "import ctypes\nlibc = ctypes.PyDLL(None)\nwhile True: libc.usleep(900_000)",
    null,
  ),
  endless("regular expression that backtracks", "import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')", null),
  endless(
    "a number too long to write",
    "x = 3 ** 20_000_000\nimport sys\nsys.set_int_max_str_digits(0)\nlen(str(x))",
    null,
  ),
  endless(
    "children that ignore every signal, in sessions of their own",
    "import subprocess, sys\nignore = 'import signal, time\\n' + 'for n in range(1, 32):\\n' + '    try: signal.signal(n, signal.SIG_IGN)\\n' + '    except OSError: pass\\n' + 'time.sleep(600)'\n[p.wait() for p in [subprocess.Popen([sys.executable, '-c', ignore], start_new_session=True) for _ in range(4)]]",
    null,
  ),
  endless(
    "an interpreter that stops itself, and one that leaves its group",
    "import os, signal\nos.setsid() if os.getpgid(0) != os.getpid() else None\nos.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass",
    null,
  ),
  {
    row: 38,
    name: "a finalizer and a handler that take up the loop again",
    kind: "limits",
    slow: true,
    async run({ open }) {
      const session = await open();
      const steps = [
        await session.run(
          "import signal\ndef again(*a):\n    while True: pass\nsignal.signal(2, again)\nwhile True: pass",
        ),
        await session.run("class D:\n    def __del__(self):\n        while True: pass\nd = D()\ndel d"),
        await session.run(
          "import sys\nsys.excepthook = sys.unraisablehook = lambda *a: sum(range(10**11))\nwhile True: pass",
        ),
      ];
      for (const step of steps) {
        expectEnd(step, "timeout", "error", "ok");
      }
      expectEnd(steps[0] as Step, "timeout");
      await expectUsable(session);
      return seenIn(...steps);
    },
  },
  {
    row: 39,
    name: "a step that swallows its interrupt and speaks late",
    kind: "limits",
    slow: true,
    async run({ open }) {
      const session = await open();
      const late = await session.run(
        "import time\ntry: time.sleep(600)\nexcept KeyboardInterrupt: time.sleep(0.5); print('late')\n'late result'",
      );
      expectEnd(late, "timeout");
      const own = await session.run("print('own')\n'own result'");
      assert.equal(own.result, "'own result'");
      assert.equal(own.stdout, "own\n");
      const later = await session.run(
        "import time\ntry: time.sleep(600)\nexcept KeyboardInterrupt: time.sleep(30)\n'never'",
      );
      expectEnd(later, "timeout");
      assert.notEqual(later.result, "'never'");
      await expectUsable(session);
      return seenIn(late, own);
    },
  },
  {
    row: 39,
    name: "an answer of an old step written during the next",
    kind: "limits",
    async run({ open }) {
      const session = await open();
      const first = await session.run(`${forgery}
import threading, time
mine = known()
def late():
    for _ in range(40):
        time.sleep(0.05)
        try: os.write(mine["control"], forged(mine["step"], result=bounded("'late'")))
        except OSError: return
threading.Thread(target=late, daemon=True).start()
'first'`);
      expectEnd(first, "ok");
      assert.equal(first.result, "'first'");
      const second = await session.run("import time; time.sleep(1)\n'second'");
      expectEnd(second, "ok", "exited", "protocol_violation");
      assert.ok(second.result === null || second.result === "'second'", `got ${second.result}`);
      const third = await session.run("import time; time.sleep(0.5)\n'third'");
      assert.ok(third.result === null || third.result === "'third'", `got ${third.result}`);
      const leave = await session.run("import os; os._exit(0)");
      expectEnd(leave, "exited", "protocol_violation");
      await expectUsableAgain(session);
      return seenIn(first, second);
    },
  },
  {
    row: 39,
    name: "output of a thread and of a child that outlive their step",
    kind: "limits",
    async run({ open }) {
      const session = await open();
      await session.run(
        "import threading, time, subprocess\nthreading.Thread(target=lambda: (time.sleep(0.3), print('old thread')), daemon=True).start()\nsubprocess.Popen(['sh', '-c', 'sleep 0.3; echo old child']) and None",
      );
      const next = await session.run("import time; time.sleep(0.8)\n'own'");
      expectEnd(next, "ok");
      assert.equal(next.result, "'own'");
      // As in a notebook: what still runs writes where the current step's output goes. It is the agent's own.
      assert.match(next.stdout, /^(?:old (?:thread|child)\n){0,2}$/);
      await expectUsable(session);
      return seenIn(next);
    },
  },
  {
    row: 47,
    name: "clocks patched, timers and alarms set, the time set back",
    kind: "limits",
    slow: true,
    async run({ open, target }) {
      const tricks: readonly (readonly [string, ...string[]])[] = [
        ["import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)", "error"],
        ["import ctypes\nctypes.CDLL(None).settimeofday((ctypes.c_long * 2)(1, 0), None)", "ok"],
        ["import ctypes\nctypes.CDLL(None).adjtimex((ctypes.c_char * 256)(8))", "ok"],
        ["with open('/proc/self/timens_offsets', 'w') as f: f.write('1 1000000 0')", "error"],
        ["import signal, time\nsignal.signal(14, signal.SIG_DFL); signal.alarm(1); time.sleep(9)", "exited"],
        ["import signal, time\nsignal.setitimer(signal.ITIMER_REAL, 0.05, 0.05); time.sleep(9)", "exited"],
        [
          "import signal, time\nsignal.signal(14, lambda *a: 1 / 0); signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(9)",
          "error",
        ],
        [
          "import resource, time\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass",
          "exited",
          "timeout",
        ],
      ];
      const session = await open();
      const steps: Step[] = [];
      const before = Date.now();
      for (const [code, ...ends] of tricks) {
        const step = await session.run(code);
        expectEndOf(code, step, ...ends);
        await expectUsable(session);
        steps.push(step);
      }
      const inside = Number((await session.run("import time; time.time()")).result);
      assert.ok(inside * 1000 > before - 60_000 && inside * 1000 < Date.now() + 60_000, "the clock is the host's");
      const patched = await session.run(
        "import time, os\ntime.time = time.monotonic = time.perf_counter = time.process_time = lambda: 0\nos.times = lambda: (0,) * 5\ntime.sleep = lambda s: None\nwhile True: pass",
      );
      expectEnd(patched, "timeout");
      assert.ok(patched.raw.wallMs >= target.limits.stepTimeoutMs - 50, `${patched.raw.wallMs} ms`);
      return seenIn(...steps.slice(0, 6), patched);
    },
  },
  {
    row: 47,
    name: "sleeping across the deadline, and wall time that code reports for itself",
    kind: "limits",
    slow: true,
    async run({ open, target }) {
      const session = await open();
      const { stepTimeoutMs } = target.limits;
      const step = await session.run(
        `import time\ntry: time.sleep(${stepTimeoutMs / 1000 + 0.3})\nexcept KeyboardInterrupt: pass\nprint('done in time')`,
      );
      expectEnd(step, "timeout");
      const lying = await session.run(`${forgery}
import time; time.sleep(0.4)
mine = known()
os.write(mine["control"], forged(mine["step"], wallMs=0, cpuMs=-5, stateLost=True, stdout=bounded("forged")))
time.sleep(0.2)`);
      expectEnd(lying, "ok", "exited", "protocol_violation");
      assert.ok(lying.raw.wallMs >= 350, `wall time is the supervisor's: ${lying.raw.wallMs}`);
      assert.ok(lying.raw.cpuMs >= 0);
      assert.equal(lying.stdout, "");
      await expectUsableAgain(session);
      return seenIn(step);
    },
  },
  {
    row: 48,
    name: "priorities, affinity, locked memory, limits and the out-of-memory score",
    kind: "limits",
    async run({ open, target }) {
      const session = await open();
      const step = await session.run(`
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
gained = []
def attempt(name, f):
    try:
        if f() is not False: gained.append(name)
    except (OSError, ValueError, PermissionError, AttributeError, OverflowError): pass
def put(path, text):
    with open(path, "w") as f: f.write(text)
def call(*a):
    if libc.syscall(*a) < 0: raise OSError(ctypes.get_errno(), "refused")
attempt("nice", lambda: os.nice(-10) < 0)
attempt("setpriority", lambda: (os.setpriority(os.PRIO_PROCESS, 0, -20), os.getpriority(os.PRIO_PROCESS, 0) < 0)[1])
attempt("fifo", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)))
attempt("round robin", lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)))
attempt("deadline", lambda: call(314, 0, (ctypes.c_uint32 * 12)(48, 6, 0, 0, 0, 0, 10**7, 0, 10**8, 0, 10**8, 0), 0))
attempt("realtime io", lambda: call(251, 1, 0, (1 << 13) | 0))
attempt("mlockall", lambda: libc.mlockall(3) == 0 and bytearray(64 << 20) and resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] > 64 << 20)
libc.munlockall()
for name in [n for n in dir(resource) if n.startswith("RLIMIT_")]:
    number = getattr(resource, name)
    soft, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        attempt(name, lambda: resource.setrlimit(number, (hard + 1, hard + 1)))
        attempt(name + " without end", lambda: resource.setrlimit(number, (-1, -1)))
def score(value):
    before = int(open("/proc/self/oom_score_adj").read())
    put("/proc/self/oom_score_adj", value)
    return int(open("/proc/self/oom_score_adj").read()) < before
attempt("oom_score_adj", lambda: score("-1000"))
attempt("oom_adj", lambda: put("/proc/self/oom_adj", "-17"))
attempt("priority of the supervisor", lambda: os.setpriority(os.PRIO_PROCESS, 1, -5))
attempt("cgroup", lambda: put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "-1"))
attempt("cgroup 2", lambda: put("/sys/fs/cgroup/memory.max", "max"))
attempt("pids", lambda: put("/sys/fs/cgroup/pids/pids.max", "max"))
gained`);
      expectEnd(step, "ok");
      const gained = JSON.parse((step.result ?? "").replaceAll("'", '"')) as string[];
      // A kernel of its own keeps scores and priorities of its own, which say nothing to the host's.
      const mattering = target.name.includes("runsc")
        ? gained.filter((name) => !/oom_|priority|nice/.test(name))
        : gained;
      assert.deepEqual(mattering, []);
      await expectUsable(session);
      const oom = await session.run("b = bytearray(1 << 31)"); // the limit still holds
      expectEnd(oom, "oom", "error", ...(target.name.includes("runsc") ? ["killed"] : []));
      await expectUsable(oom.end === "killed" ? await open() : session);
      return seenIn(step, oom);
    },
  },
  {
    row: 48,
    name: "the supervisor's own limits lowered from inside",
    kind: "limits",
    slow: true,
    async run({ open }) {
      const tried: Step[] = [];
      const outcomes: string[] = [];
      for (const limit of [
        "RLIMIT_NOFILE",
        "RLIMIT_CPU",
        "RLIMIT_AS",
        "RLIMIT_FSIZE",
        "RLIMIT_NPROC",
        "RLIMIT_STACK",
      ]) {
        const session = await open();
        const step = await session.run(
          `import resource\ntry: resource.prlimit(1, resource.${limit}, (0, 0))\nexcept PermissionError as e: print(e)`,
        );
        tried.push(step);
        // What the code did to its sandbox is the code's doing: a typed end, never trouble that is tried again for ever.
        const after = await session.run("import os; os._exit(0)").then(recordOf, (error: Error) => error.name);
        const again = await session.run("6 * 7").then(
          (next) => next.result ?? recordOf(next),
          (error: Error) => error.name,
        );
        outcomes.push(`${limit}: ${step.stdout.trim() || "lowered"}, then ${after}, then ${again}`);
        await session.close();
      }
      const broken = outcomes.filter((outcome) => /Error/.test(outcome.replace(/^[^,]*,/, "")));
      assert.deepEqual(broken, []);
      return { ...seenIn(...tried), record: outcomes.join("; ") };
    },
  },
  {
    row: 48,
    name: "the out-of-memory score lowered, so that the supervisor is the largest",
    kind: "limits",
    slow: true,
    async run({ open, target }) {
      const many = await open();
      const taken = await many.run(`
import os, time
with open("/proc/self/oom_score_adj", "w") as f: f.write("0")
for _ in range(40):
    if os.fork() == 0:
        b = bytearray(8 << 20)
        b[::4096] = b"x" * len(b[::4096])
        time.sleep(60)
        os._exit(0)
time.sleep(2)`);
      // gVisor is one process to the kernel that counts, and goes whole.
      expectEnd(taken, ...(target.name.includes("runsc") ? ["oom", "killed"] : ["oom"]));
      if (taken.end === "oom") {
        // Those that are left hold what they have until their interpreter goes.
        expectEnd(await many.run("import os; os._exit(0)"), "exited", "oom");
        await expectUsable(many);
      }
      const session = await open();
      const step = await session.run(`
import os, subprocess, sys, time
def put(text):
    try:
        with open("/proc/self/oom_score_adj", "w") as f: f.write(text)
    except OSError: pass
for text in ("800", "500", "0", "-500", "-1000"): put(text)
eat = "b = bytearray(4 << 20); import time; time.sleep(600)"
children = []
try:
    while True: children.append(subprocess.Popen([sys.executable, "-S", "-c", eat])); time.sleep(0.01)
except OSError: pass
b = []
while True: b.append(bytearray(1 << 20))`);
      // Whoever the kernel takes, it was the code's memory.
      expectEnd(step, "oom", "killed", "error", "timeout");
      if (step.end !== "killed") await expectUsable(session);
      else expectEnd(await session.run("1"), "killed");
      await expectUsable(await open());
      return seenIn(taken, step);
    },
  },
];
