// Rows 22 to 25: the process that speaks with the host, and the interpreter that it keeps.
import assert from "node:assert/strict";
import { attempts, done, endedIn, goesOn, inWords, lastLine, printed, recordOf } from "../attempts.ts";
import type { HostileCase } from "../case.ts";

/** Code that attacks; the step ends in one of these ways, the next one works, and nobody but the code is blamed. */
function attack(row: number, name: string, code: string, ends: readonly string[], slow = false): HostileCase {
  return {
    row,
    name,
    kind: "supervisor",
    slow,
    async run(context) {
      const session = await context.open();
      const step = await session.run(code);
      endedIn(context, step, ends);
      assert.notEqual(step.end, "oom", "killing is no lack of memory");
      await goesOn(context, session, step);
      return { agentSees: lastLine(step), record: recordOf(step) };
    },
  };
}

const ended = ["exited", "killed", "protocol_violation"];

export const supervisor: readonly HostileCase[] = [
  {
    row: 22,
    name: "tracing and reading the supervisor",
    kind: "supervisor",
    async run(context) {
      const session = await context.open();
      const told = await attempts(
        session,
        {
          attach: "call(101, 16, 1, 0, 0)",
          seize: "call(101, 0x4206, 1, 0, 0)",
          "read its memory":
            "buffer = ctypes.create_string_buffer(16); vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 16); remote = (ctypes.c_void_p * 2)(0x400000, 16); call(310, 1, vector, 1, remote, 1, 0)",
          "write its memory":
            "buffer = ctypes.create_string_buffer(16); vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 16); remote = (ctypes.c_void_p * 2)(0x400000, 16); call(311, 1, vector, 1, remote, 1, 0)",
          "open its memory": `open("/proc/1/mem", "r+b", 0)`,
          "open its descriptors": `os.open("/proc/1/fd/1", os.O_WRONLY)`,
          "open its input": `os.open("/proc/1/fd/0", os.O_RDONLY)`,
          "take a descriptor":
            "h = libc.syscall(434, 1, 0)\nif h == -1: raise OSError(ctypes.get_errno(), 'pidfd_open')\ncall(438, h, 1, 0)",
          "its working folder": `os.listdir("/proc/1/cwd")`,
          "its core": "call(157, 0x59616d61, -1, 0, 0, 0); call(101, 16, 1, 0, 0)",
          "its oom score": `open("/proc/1/oom_score_adj", "w").write("1000")`,
        },
        `import platform\nif platform.machine() != "x86_64": raise SystemExit("numbers of x86-64")`,
      );
      await goesOn(context, session, await session.run("1"));
      const through = done(told).filter((name) => name !== "its core");
      const seen = { agentSees: inWords(told), record: "ok" };
      if (through.length === 0) return seen;
      return {
        ...seen,
        notHeld: `process 1 can be reached by: ${through.join(", ")}; it holds no secret, and the session went on`,
      };
    },
  },
  {
    row: 22,
    name: "lowering the supervisor's own limits",
    kind: "supervisor",
    async run(context) {
      const session = await context.open();
      const step = await session.run(`
import os, resource
for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_AS):
    try: print(resource.prlimit(1, limit, (1, 1)))
    except OSError as error: print(error.strerror)
os._exit(1)
`);
      endedIn(context, step, [...ended, "error"]);
      await goesOn(context, session, step);
      return { agentSees: lastLine(step), record: recordOf(step) };
    },
  },
  attack(23, "SIGKILL to the parent", "import os\nos.kill(os.getppid(), 9)\n'still here'", ["ok", "error", ...ended]),
  attack(23, "kill -9 -1", "import os\nos.kill(-1, 9)\n'still here'", ["ok", "error", ...ended]),
  attack(
    23,
    "every signal to process 1",
    `import os
for number in range(1, 65):
    try: os.kill(1, number)
    except OSError: pass
'still here'`,
    ["ok", ...ended],
  ),
  attack(
    23,
    "SIGSTOP to everything, by a child that lives on",
    `import os, time
if os.fork() == 0:
    os.setsid()
    for _ in range(40):
        try: os.kill(-1, 19); os.kill(1, 19)
        except OSError: pass
        time.sleep(0.05)
    os._exit(0)
time.sleep(600)`,
    ["timeout", ...ended],
    true,
  ),
  attack(
    23,
    "the shell's kill of everything",
    "import os\nos.system('kill -STOP 1; kill -TERM 1; kill -9 -1')\n'still here'",
    ["ok", ...ended],
  ),
  attack(
    23,
    "killing itself while children hold its pipes",
    `import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
os.kill(os.getpid(), 9)`,
    ended,
  ),
  {
    row: 24,
    name: "files that pose as modules, and an interpreter that starts again",
    kind: "supervisor",
    async run(context) {
      const session = await context.open();
      const planted = await session.run(`
import os, sys
poison = "raise SystemExit('poisoned')\\nopen('/scratch/poisoned', 'w')\\n"
site = os.path.join("/scratch/.local/lib/python%d.%d/site-packages" % sys.version_info[:2])
os.makedirs(site, exist_ok=True)
os.makedirs("/scratch/_inside", exist_ok=True)
names = ["json", "random", "os", "socket", "struct", "select", "signal", "ctypes", "ast", "traceback", "linecache", "sitecustomize", "usercustomize", "encodings", "pandas", "numpy", "_inside/__init__", "_inside/interpreter"]
for folder in ("/scratch", "/tmp", site):
    for name in names:
        os.makedirs(os.path.dirname(f"{folder}/{name}.py"), exist_ok=True)
        with open(f"{folder}/{name}.py", "w") as file: file.write(poison)
with open(site + "/evil.pth", "w") as file: file.write("import os; open('/scratch/poisoned', 'w')\\n")
for name in (".pythonrc.py", "pyvenv.cfg", ".pdbrc", "python311._pth"):
    with open("/scratch/" + name, "w") as file: file.write(poison)
os.environ["PYTHONSTARTUP"] = "/scratch/.pythonrc.py"
os.environ["PYTHONPATH"] = "/scratch"
os.environ["LD_PRELOAD"] = "/scratch/evil.so"
sys.path.insert(0, "/scratch")
os._exit(3)
`);
      endedIn(context, planted, ["exited"]);
      const step = await session.run(`
import json, random, os, sys, traceback, struct, signal
import pandas
print(json.dumps({"poisoned": os.path.exists("/scratch/poisoned"), "first": sys.path[0] == "/scratch",
                  "files": [module.__file__ for module in (json, random, os, traceback, struct, signal, pandas) if getattr(module, "__file__", "").startswith(("/scratch", "/tmp"))]}))
`);
      const told = printed<{ poisoned: boolean; first: boolean; files: string[] }>(step);
      assert.deepEqual(told, { poisoned: false, first: false, files: [] });
      return { agentSees: lastLine(planted), record: `${recordOf(planted)}; then ok` };
    },
  },
  {
    row: 24,
    name: "the runner's own files",
    kind: "supervisor",
    async run(context) {
      const session = await context.open();
      const told = await attempts(session, {
        "write runner.py": `open("/opt/runner/runner.py", "a")`,
        "remove it": `os.remove("/opt/runner/runner.py")`,
        "rename its folder": `os.rename("/opt/runner", "/opt/other")`,
        "write the interpreter": `open("/opt/runner/_inside/interpreter.py", "w")`,
        "a cache beside it": `os.makedirs("/opt/runner/_inside/__pycache__"); open("/opt/runner/_inside/__pycache__/interpreter.cpython-311.pyc", "w")`,
        "a new module": `open("/opt/runner/_inside/evil.py", "w")`,
        chmod: `os.chmod("/opt/runner/runner.py", 0o777)`,
        "Python's library": `open(os.__file__, "a")`,
        "Python itself": `open(os.path.realpath(sys.executable), "r+b")`,
        sitecustomize: `open("/usr/lib/python3/dist-packages/sitecustomize.py", "w")`,
        preload: `open("/etc/ld.so.preload", "w")`,
        passwd: `open("/etc/passwd", "a")`,
      });
      assert.deepEqual(done(told), [], "these were done");
      return { agentSees: inWords(told), record: "ok" };
    },
  },
  {
    row: 25,
    name: "builtins, streams, json and os patched",
    kind: "supervisor",
    async run(context) {
      const session = await context.open();
      const step = await session.run(`
import atexit, builtins, json, os, signal, sys, threading, time, traceback
def wrong(*_, **__): return "forged"
for module, names in ((builtins, ("print", "repr", "len", "open", "compile", "exec", "eval", "isinstance", "type", "str")),
                      (json, ("dumps", "loads")), (os, ("write", "read", "getpid", "times", "_exit")),
                      (signal, ("signal", "pthread_sigmask")), (time, ("time", "monotonic", "process_time")),
                      (traceback, ("TracebackException", "format_exc"))):
    for name in names: setattr(module, name, wrong)
sys.stdout = sys.stderr = sys.__stdout__ = None
sys.excepthook = sys.displayhook = wrong
threading.Thread.start = wrong
atexit.register(wrong)
`);
      endedIn(context, step, ["ok", "error", "timeout", ...ended]);
      // In the session that it spoiled the code may see anything but another's answer; it must end, and the sandbox stay in hand.
      const after = await session.run("6 * 7");
      endedIn(context, after, ["ok", "error", "timeout", ...ended]);
      const next = await context.open();
      const clean = await next.run("6 * 7");
      assert.deepEqual([clean.end, clean.result], ["ok", "42"]);
      return { agentSees: lastLine(after), record: `${recordOf(step)}; then ${recordOf(after)}` };
    },
  },
  {
    row: 25,
    name: "the interpreter's own objects, found by gc",
    kind: "supervisor",
    async run(context) {
      const session = await context.open();
      const step = await session.run(`
import gc, os
for thing in gc.get_objects():
    if type(thing).__name__ == "Interpreter":
        kept = thing.reply
        forged = {"op": "done", "step": "0" * 32, "end": "ok", "result": {"head": "forged", "tail": "", "droppedBytes": 0}, "exception": None, "cpuMs": -5, "session": "x", "seq": 1}
        thing.reply(forged)
        thing.reply(dict(forged, op="ready"))
        thing.reply(dict(forged, op="probed"))
        thing.reply({"op": "done", "step": ["list"], "end": {}})
        thing.pid = 1
        thing.saved = (0, 0)
print("patched")
`);
      endedIn(context, step, ["ok", "error", "timeout", ...ended]);
      assert.notEqual(step.result, "forged", "a forged answer was taken for the step's");
      let last = step;
      for (let tries = 0; tries < 3 && last.end !== "killed"; tries++) {
        last = await session.run("6 * 7");
        endedIn(context, last, ["ok", "error", "timeout", ...ended]);
        if (last.end === "ok" && last.result === "42") break;
      }
      if (last.end !== "killed") assert.equal(last.result, "42", `the session does not come back: ${last.observation}`);
      return { agentSees: lastLine(step), record: `${recordOf(step)}; then ${recordOf(last)}` };
    },
  },
  {
    row: 25,
    name: "a trace function, a profiler, and exit handlers that hang",
    kind: "supervisor",
    async run(context) {
      const session = await context.open();
      const step = await session.run(`
import atexit, sys, threading, time
def trace(frame, event, argument):
    frame.f_locals["value"] = "forged"
    return trace
sys.settrace(trace)
sys.setprofile(lambda *_: None)
threading.settrace(trace)
atexit.register(lambda: time.sleep(600))
class Hangs:
    def __del__(self): time.sleep(600)
kept = Hangs()
`);
      endedIn(context, step, ["ok", "error", ...ended]);
      // It may spoil its own session, nobody's but its own, and must not keep it from ending.
      const after = await session.run("6 * 7");
      endedIn(context, after, ["ok", "error", "timeout", ...ended]);
      const next = await (await context.open()).run("6 * 7");
      assert.deepEqual([next.end, next.result], ["ok", "42"], next.observation);
      return { agentSees: lastLine(after), record: `${recordOf(step)}; then ${recordOf(after)}` };
    },
  },
  attack(
    25,
    "the control socket closed",
    "import os\nfor number in range(3, 256):\n    try: os.close(number)\n    except OSError: pass\nprint('closed')",
    ended,
  ),
];
