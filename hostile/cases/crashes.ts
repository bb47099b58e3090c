// Rows 33 to 37, 53 and 54: exceptions, results, crashes, exits and code that is hostile by its form.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { HostileCase, Step } from "../case.ts";
import { forgery } from "./forgery.ts";
import { expectEnd, expectEndOf, expectUsable, hostProcessesWith, seenIn, until } from "./kit.ts";

/** Runs each in one sandbox, one after another; each must end in its way and leave the sandbox usable. */
type Tricks = readonly (readonly [code: string, ...ends: string[]])[];

function inTurn(
  row: number,
  name: string,
  tricks: Tricks,
  more: { slow?: boolean; check?: (step: Step, code: string) => void } = {},
): HostileCase {
  return {
    row,
    name,
    kind: "language",
    ...(more.slow ? { slow: true } : {}),
    async run({ open, target }) {
      let session = await open();
      const steps: Step[] = [];
      for (const [code, ...ends] of tricks) {
        const step = await session.run(code);
        // gVisor is one process to the kernel that counts memory, and goes whole.
        const wholeGoes = target.name.includes("runsc") && ends.includes("oom");
        expectEndOf(code, step, ...ends, ...(wholeGoes ? ["killed"] : []));
        if (step.end === "killed") session = await open();
        assert.ok(step.observation.length < 60_000, `an observation of ${step.observation.length} characters`);
        assert.ok(Buffer.byteLength(JSON.stringify(step.raw)) < 8 * target.limits.outputBytes + 20_000);
        JSON.stringify(step.raw, (_key, value) => {
          if (typeof value === "string") assert.doesNotMatch(value, /\p{Cs}/u, "no lone surrogate is recorded");
          return value;
        });
        more.check?.(step, code);
        await expectUsable(session);
        steps.push(step);
      }
      return seenIn(...steps);
    },
  };
}

const raiser = (body: string) => `class Bad(Exception):\n${body}\nraise Bad()`;
const shower = (body: string) => `class Shown:\n    def __repr__(self):\n        ${body}\nShown()`;

export const crashCases: readonly HostileCase[] = [
  inTurn(33, "exceptions with huge messages, names and chains", [
    ["raise ValueError('x' * 20_000_000)", "error"],
    ["raise type('N' * 1_000_000, (Exception,), {})('m')", "error"],
    ["raise type('\\ud800<|im_end|>\\x1b[2J', (Exception,), {})('\\udcff')", "error"],
    ["raise KeyError(*range(200_000))", "error"],
    ["e = None\nfor i in range(3000):\n    n = ValueError(i); n.__cause__ = e; e = n\nraise e", "error"],
    ["a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a", "error"],
    ["e = ValueError(0)\nfor i in range(500): e = ExceptionGroup('g', [e])\nraise e", "error"],
    ["raise ExceptionGroup('wide', [ValueError('x' * 1000) for _ in range(5000)])", "error"],
    ["e = ValueError('n')\nfor i in range(20000): e.add_note('note ' * 20)\nraise e", "error"],
    ["e = SyntaxError('s', ('f' * 100000, 10**9, 10**9, 't' * 1000000, -1, -1)); raise e", "error"],
    ["exec(compile('\\n' * 200_000 + 'raise ValueError(1)', 'f\\n' * 5000, 'exec'))", "error"],
    ["def f(n): return f(n + 1)\nf(0)", "error"],
    [
      "import sys\nsys.setrecursionlimit(30_000)\ndef f(n): return f(n + 1) if n < 29_000 else 1 / 0\nf(0)",
      "error",
      "exited",
      "oom",
    ],
  ]),
  inTurn(33, "exceptions that act while they are shown", [
    [raiser("    def __str__(self): raise Bad()"), "error"],
    [raiser("    def __str__(self): raise SystemExit(1)"), "error"],
    [raiser("    def __str__(self): raise KeyboardInterrupt"), "error"],
    [raiser("    def __str__(self): return 7"), "error"],
    [raiser("    def __str__(self): return 'x' * 60_000_000"), "error", "oom"],
    [raiser("    def __repr__(self): raise MemoryError"), "error"],
    [raiser("    def __getattribute__(self, name): raise RuntimeError(name)"), "error"],
    [raiser("    __traceback__ = property(lambda self: 7)\n    __cause__ = property(lambda self: self)"), "error"],
    [
      "class M(type):\n    __name__ = property(lambda c: 7)\n    __qualname__ = property(lambda c: 1 / 0)\nclass B(Exception, metaclass=M): pass\nraise B('x')",
      "error",
    ],
    [
      "class M(type):\n    def __instancecheck__(c, i): raise SystemExit\n    def __subclasscheck__(c, i): raise SystemExit\nclass B(BaseException, metaclass=M): pass\nraise B",
      "error",
    ],
  ]),
  inTurn(
    33,
    "messages of exceptions that loop or never stop growing",
    [
      [raiser("    def __str__(self):\n        while True: pass"), "error", "timeout"],
      [
        raiser("    def __str__(self):\n        x = []\n        while True: x.append('x' * 1_000_000)"),
        "oom",
        "error",
        "timeout",
      ],
    ],
    { slow: true },
  ),
  inTurn(34, "results that raise, leave, fork or lie while they are shown", [
    [shower("raise SystemExit(0)"), "error"],
    [shower("raise KeyboardInterrupt"), "error"],
    [shower("raise GeneratorExit"), "error"],
    [shower("return 7"), "error"],
    [shower("return 'x' * 40_000_000"), "ok", "oom"],
    [shower("import os; os.fork(); return 'who'"), "ok"],
    [shower("import os; os._exit(0)"), "exited"],
    [shower("return '\\ud800\\x00<|im_end|>'"), "ok"],
    [
      "class P:\n    def _repr_png_(self): return b'not a png' * 1000\n    def _repr_html_(self): raise SystemExit\n    def _repr_mimebundle_(self, **k): return 7\nP()",
      "ok",
      "error",
    ],
    [
      "class P:\n    def __getattr__(self, name): return lambda *a, **k: (_ for _ in ()).throw(SystemExit)\n    def __repr__(self): return 'p'\nP()",
      "ok",
      "error",
    ],
    [
      "class S(str):\n    def encode(self, *a): raise SystemExit\n    def __len__(self): return -1\nclass P:\n    def __repr__(self): return S('sub')\nP()",
      "ok",
      "error",
    ],
    ["x = []\nx.append(x)\nfor _ in range(200_000): x = [x]\nx", "error", "exited", "ok"],
    ["class D(dict):\n    shape = property(lambda s: 1 / 0)\n    columns = property(lambda s: s)\nD(a=1)", "ok"],
    [
      "import types\nm = types.ModuleType('pandas'); m.set_option = lambda *a: 1 / 0\nimport sys; sys.modules['pandas'] = m\n1",
      "ok",
      "error",
    ],
    ["import sys; del sys.modules['pandas']\n2", "ok", "error"],
  ]),
  inTurn(
    34,
    "results whose text hangs, or is a gigabyte",
    [
      [shower("while True: pass"), "timeout"],
      [shower("return 'x' * (1 << 30)"), "oom", "error"],
      [
        "class P:\n    def _repr_png_(self):\n        while True: pass\n    _repr_html_ = _repr_png_\n    def __repr__(self): return 'p'\nP()",
        "ok",
        "timeout",
      ],
    ],
    { slow: true },
  ),
  inTurn(
    35,
    "crashes: bad memory, abort, illegal instruction, division, stack",
    [
      ["import ctypes; ctypes.string_at(0)", "exited"],
      ["import faulthandler; faulthandler._sigsegv()", "exited"],
      ["import os; os.abort()", "exited"],
      ["import os, signal; os.kill(os.getpid(), signal.SIGFPE)", "exited"],
      [
        "import ctypes, mmap\np = mmap.mmap(-1, 4096, prot=7); p.write(b'\\x0f\\x0b'); ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(p)))()",
        "exited",
        "error",
      ],
      [
        "import sys; sys.setrecursionlimit(10**9)\nclass A:\n    def __getattr__(self, n): return getattr(self, n + 'x')\nrepr(A().x)",
        "exited",
        "error",
        "oom",
      ],
      ["import sys; sys.setrecursionlimit(10**9)\nx = ()\nfor _ in range(10**6): x = (x,)\nhash(x)", "exited", "error"],
      [
        "import threading\nthreading.stack_size(1 << 15)\ndef f(n): return sorted([n], key=f)\nt = threading.Thread(target=f, args=(1,)); t.start(); t.join()",
        "exited",
        "ok",
      ],
    ],
    {
      check(step) {
        if (step.end !== "exited") return;
        assert.equal(step.stateLost, true);
        assert.match(step.raw.detail ?? "", /SIG|exit code/);
      },
    },
  ),
  {
    row: 35,
    name: "a crash writes no core file, inside or on the host",
    kind: "language",
    async run({ open }) {
      const session = await open();
      const step = await session.run(
        "import os, resource, ctypes\ntry: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))\nexcept (ValueError, OSError) as e: print(e)\nctypes.CDLL(None).prctl(4, 1)\nctypes.string_at(0)",
      );
      expectEnd(step, "exited");
      const found = await session.run(
        "import os, resource\n[p for d in ('/scratch', '/tmp', '/dev/shm', '/data', '/') for p in os.listdir(d) if 'core' in p], resource.getrlimit(resource.RLIMIT_CORE)",
      );
      assert.equal(found.result, "([], (0, 0))");
      const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim();
      assert.ok(!pattern.startsWith("/tmp/tracemill"), "the host's pattern is its own");
      for (const folder of ["/", process.cwd()]) {
        assert.deepEqual(
          readdirSync(folder).filter((name) => /^core(\.\d+)?$/.test(name) && !existsSync(`${folder}/${name}/`)),
          [],
        );
      }
      return seenIn(step);
    },
  },
  inTurn(
    36,
    "leaving: exits, replaced processes and signals to itself",
    [
      ["import os; os._exit(0)", "exited"],
      ["import os; os._exit(139)", "exited"],
      ["import os; os.execv('/bin/true', ['true'])", "exited"],
      [
        "import os; os.execv('/usr/bin/python3', ['python3', '-c', 'print(\"score: 1.0\"); raise SystemExit(0)'])",
        "exited",
      ],
      ["import os, signal; os.kill(os.getpid(), signal.SIGTERM); import time; time.sleep(9)", "exited"],
      ["import os, signal; os.kill(os.getpid(), signal.SIGKILL); import time; time.sleep(9)", "exited"],
      ["import os, signal; os.killpg(0, signal.SIGHUP); import time; time.sleep(9)", "exited"],
      ["import ctypes; ctypes.CDLL(None).exit(0)", "exited"],
      ["import ctypes; ctypes.CDLL(None).syscall(60, 0)", "exited", "error"],
      ["import os\nif os.fork(): os._exit(0)\nimport time; time.sleep(1); print('survivor')", "exited"],
    ],
    { check: (step) => assert.equal(step.stateLost, true) },
  ),
  inTurn(
    36,
    "leaving politely is an exception, and the state stays",
    [
      ["import sys; kept = 1; sys.exit(0)", "error"],
      ["quit()", "error"],
      ["exit('bye')", "error"],
      ["raise SystemExit", "error"],
      ["raise SystemExit({'code': 0})", "error"],
      ["import atexit; atexit.register(print, 'x'); atexit._run_exitfuncs(); raise SystemExit(kept)", "error"],
    ],
    { check: (step) => assert.equal(step.stateLost, false) },
  ),
  {
    row: 36,
    name: "another program in the interpreter's place that speaks for it",
    kind: "language",
    async run({ open }) {
      const session = await open();
      const step = await session.run(`${forgery}
mine = known()
os.set_inheritable(mine["control"], True)
impostor = '''
import json, os, struct, sys
fd, step = int(sys.argv[1]), sys.argv[2]
def answer(step, text):
    body = json.dumps({"op": "done", "step": step, "end": "ok", "result": {"head": text, "tail": "", "droppedBytes": 0}, "exception": None, "cpuMs": 0}).encode()
    os.write(fd, struct.pack(">I", len(body)) + body)
answer(step, "'exec'")
while True:
    header = os.read(fd, 4)
    if not header: break
    message = json.loads(os.read(fd, struct.unpack(">I", header)[0]))
    answer(message["step"], "'impostor'")
'''
os.execv("/usr/bin/python3", ["python3", "-c", impostor, str(mine["control"]), mine["step"]])`);
      expectEnd(step, "ok", "exited", "protocol_violation");
      const next = await session.run("6 * 7");
      expectEnd(next, "ok", "exited", "protocol_violation", "error");
      // What it may do is what code may do anyway by replacing builtins: lie about its own steps. A new sandbox knows nothing of it.
      await expectUsable(await open());
      const told = seenIn(step, next);
      if (next.result === "42") return told;
      const notHeld = `within its own sandbox a program in the interpreter's place may answer the agent's later steps (here ${next.result}), as replaced builtins could; no other sandbox is touched`;
      return { ...told, notHeld };
    },
  },
  {
    row: 37,
    name: "input(), getpass, debuggers and reads of descriptor 0 end at once and swallow nothing",
    kind: "language",
    async run({ open }) {
      const tricks = [
        "input('Password: ')",
        "import sys; sys.stdin.readline() or 'empty'",
        "import os; os.read(0, 100) or 'empty'",
        "open('/proc/self/fd/0').read() or 'empty'",
        "import getpass; getpass.getpass()",
        "import pdb; pdb.set_trace()\nx = 1",
        "breakpoint()\nx = 1",
        "import code; code.interact()",
        "import pdb; pdb.post_mortem()",
        "help()",
        "import subprocess; subprocess.run(['python3', '-i'], timeout=2).returncode",
        "import subprocess; subprocess.run(['cat'], timeout=2).returncode",
        "open('/dev/tty').read()",
      ];
      const session = await open();
      const steps: Step[] = [];
      for (const trick of tricks) {
        const step = await session.run(trick);
        expectEnd(step, "ok", "error");
        await expectUsable(session);
        steps.push(step);
      }
      assert.match(steps[0]?.error ?? "", /^EOFError/);
      return seenIn(...steps.slice(0, 6));
    },
  },
  {
    row: 53,
    name: "an interpreter that does not want to end: threads, finalizers, exit handlers",
    kind: "language",
    async run({ open }) {
      const marker = `${1_700_000 + process.pid}.53`;
      const closing: number[] = [];
      const steps: Step[] = [];
      for (const code of [
        "import threading, time\nthreading.Thread(target=lambda: [time.sleep(1) for _ in iter(int, 1)]).start()",
        "import atexit, time\natexit.register(time.sleep, 600)\nclass D:\n    def __del__(self):\n        while True: pass\nd = D()",
        "import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass",
        `import subprocess; subprocess.Popen(['sleep', '${marker}'], start_new_session=True) and None`,
        "import os\nos.kill(os.getpid(), 19) if os.fork() == 0 else None",
      ]) {
        const session = await open();
        const step = await session.run(code);
        expectEnd(step, "ok");
        const began = performance.now();
        await session.close();
        closing.push(performance.now() - began);
        steps.push(step);
      }
      const slowest = Math.round(Math.max(...closing));
      assert.ok(slowest < 10_000, `Expected every sandbox to close within 10 s, the slowest took ${slowest} ms`);
      await until(() => hostProcessesWith(marker).length === 0, 5000, "no process of a closed sandbox");
      return { ...seenIn(...steps), record: "closed, nothing left" };
    },
  },
  {
    row: 53,
    name: "a sandbox closed while its code runs on",
    kind: "language",
    async run({ open }) {
      const session = await open();
      const running = session.run("import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass").then(
        (step) => step.end,
        (error: Error) => error.name,
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
      const began = performance.now();
      await session.close();
      assert.ok(performance.now() - began < 10_000);
      const outcome = await running;
      assert.ok(["killed", "FailureError"].includes(outcome), outcome);
      return { agentSees: "nothing: its run is over", record: outcome };
    },
  },
  {
    row: 54,
    name: "code that is malformed in every way text can be",
    kind: "language",
    async run({ open }) {
      const bad = [
        "a\0b",
        "x = '\ud800'",
        "\udfff",
        "'''",
        "(",
        "if True:\n\tx = 1\n        y = 2",
        "await f()",
        "async with a: pass",
        "return 1",
        "yield",
        "break",
        "x = 08",
        "\ufeff\ufeffx",
        "f(**",
        "print 'x'",
        "{",
        `${"(".repeat(500)}`,
        `x = ${"9".repeat(5000)}`,
        "\u202ex = 1\u202c)",
        "nonlocal x",
        "from __future__ import braces",
        "×",
        "x = \u201cq\u201d",
        `${"[".repeat(100_000)}`,
        `x = ${"-".repeat(100_000)}1`,
        `a${".b".repeat(50_000)}`,
        `${"if x:\n ".repeat(90)}1`,
      ];
      const good = [
        "s = '''a\r\nb'''\r\nlen(s)",
        "\f\n1",
        "# only a comment",
        "# coding: nonsense\n1",
        "",
        "\n\n\n",
        "x = 1;",
        "if True:\n\t1",
        `x = "${"é".repeat(500_000)}"\nlen(x)`,
        "1 + \\\n1",
        "ａ = 1\na",
      ];
      const session = await open();
      const steps: Step[] = [];
      for (const code of bad) {
        const step = await session.run(code);
        expectEndOf(code, step, "error", "exited");
        steps.push(step);
      }
      // A byte order mark is an editor's doing: read over or refused, but never more than that.
      expectEnd(await session.run("\ufeff1"), "ok", "error");
      // Lines of IPython's are no Python: taken for what they mean or refused, and the next step is Python again.
      for (const magic of ["%matplotlib inline", "!pip install x", "%%bash\necho x", "?print", "%nonsense"])
        expectEndOf(magic, await session.run(magic), "ok", "error");
      await expectUsable(session);
      for (const code of good) expectEndOf(code, await session.run(code), "ok");
      for (const size of [1_900_000, 3_000_000, 10_000_000]) {
        expectEnd(await session.run(`x = "${"a".repeat(size)}"\nlen(x)`), "ok", "error");
        await expectUsable(session);
      }
      return seenIn(...steps.slice(0, 8));
    },
  },
  {
    row: 54,
    name: "code that turns the way code is run around",
    kind: "language",
    slow: true,
    async run({ open }) {
      const spoilers = [
        "import ast, builtins, sys\nast.parse = lambda *a: 1 / 0\nbuiltins.compile = builtins.exec = builtins.eval = None",
        "import builtins\nbuiltins.str = builtins.type = builtins.isinstance = builtins.open = None\n1 / 0",
        "import traceback, linecache\ntraceback.TracebackException = None\nlinecache.cache = None\n1 / 0",
        "import sys, threading\nsys.settrace(lambda *a: 1 / 0); threading.settrace(lambda *a: 1 / 0); sys.setprofile(lambda *a: 1 / 0)",
        "import os, signal, time\nos.write = os.dup2 = os.getpid = signal.signal = time.time = lambda *a, **k: 1 / 0",
        "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Interpreter': o.step = o.reply = lambda *a: None; break",
        "import json\njson.dumps = json.loads = lambda *a, **k: 1 / 0",
      ];
      const steps: Step[] = [];
      for (const code of spoilers) {
        const session = await open();
        const spoilt = await session.run(code);
        expectEndOf(code, spoilt, "ok", "error", "exited", "timeout", "protocol_violation");
        // It may spoil its own interpreter for good, and every step says so; leaving it brings a sound one.
        const after = await session.run("6 * 7");
        expectEndOf(code, after, "ok", "error", "exited", "timeout", "protocol_violation");
        assert.ok(after.result === null || after.result === "42");
        steps.push(spoilt, after);
        await session.close();
      }
      await expectUsable(await open());
      return seenIn(...steps);
    },
  },
];
