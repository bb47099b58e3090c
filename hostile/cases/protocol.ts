// Rows 26 and 31: whatever descriptor code writes to, closes or replaces, it spoils its own step at most.
import assert from "node:assert/strict";
import type { HostileCase } from "../case.ts";
import { forgery } from "./forgery.ts";
import { expectEnd, expectUsable, expectUsableAgain, runAlone, seenIn } from "./kit.ts";

const everywhere = `${forgery}
frame = forged("x")
wrote = 0
for fd in list(range(1, 256)):
    try: os.write(fd, frame); wrote += 1
    except OSError: pass
for pid in [p for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]:
    for fd in range(16):
        try: os.write(os.open(f"/proc/{pid}/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK), frame); wrote += 1000
        except OSError: pass
`;

export const protocolCases: readonly HostileCase[] = [
  {
    row: 26,
    name: "forged frames to every descriptor and to every process's descriptors",
    kind: "output",
    async run({ open }) {
      const session = await open();
      const step = await session.run(everywhere);
      expectEnd(step, "ok", "exited", "protocol_violation", "killed");
      assert.ok(step.result === null, `Expected no forged result, got ${step.result}`);
      assert.ok(!/'wrote'/.test(step.stdout));
      // Where a kernel lets code into the supervisor's own descriptors (gVisor), a frame of its making ends the sandbox.
      if (step.end === "killed") await expectUsable(await open());
      else await expectUsableAgain(session);
      return seenIn(step);
    },
  },
  {
    row: 26,
    name: "a forged answer under the step's own id, and then a second one",
    kind: "output",
    async run({ open }) {
      const session = await open();
      const step = await session.run(`${forgery}
mine = known()
os.write(mine["control"], forged(mine["step"]))
os.write(mine["control"], forged(mine["step"], result=bounded("'again'")))
'true'`);
      // The interpreter is the agent's: it may spoil its own step, and no other.
      expectEnd(step, "ok", "exited", "protocol_violation");
      await expectUsableAgain(session);
      const later = await session.run("'own'");
      assert.equal(later.result, "'own'");
      return seenIn(step);
    },
  },
  {
    row: 26,
    name: "garbage, huge lengths and deep JSON on the interpreter's control socket",
    kind: "output",
    async run({ open }) {
      const bodies = [
        "b'\\xff' * 64",
        "struct.pack('>I', 0xffffffff)",
        "packed([1])",
        "struct.pack('>I', 200000) + b'[' * 200000",
        "packed({'op': 'done', 'step': mine['step'], 'end': {}, 'result': {'head': 1}, 'exception': {'name': {}, 'traceback': 7}, 'cpuMs': 1e400})",
        "packed({'op': 'done', 'step': mine['step'], 'cpuMs': 'x', 'result': bounded('a' * 3000000)})",
        "packed({'op': 'ready', 'missing': ['x'], 'cpuSeconds': 'x'}) + packed({'op': 'probed', 'step': mine['step']})",
      ];
      const session = await open();
      const steps = [];
      for (const body of bodies) {
        const step = await session.run(`${forgery}
mine = known()
try: os.write(mine["control"], ${body})
except OSError as e: print(e)
import time; time.sleep(0.3)`);
        expectEnd(step, "ok", "error", "exited", "protocol_violation");
        assert.ok((step.result ?? "").length <= 10_000);
        await expectUsableAgain(session);
        steps.push(step);
      }
      return seenIn(...steps.slice(0, 2));
    },
  },
  {
    row: 26,
    name: "an answer of 15 MB that grows to hundreds in whoever reads it",
    kind: "output",
    async run({ open }) {
      const session = await open();
      const ends = [];
      for (const value of [
        'b"[" + b"[]," * 5000000 + b"0]"',
        'b"{" + b",".join(b\'"%d":0\' % i for i in range(1000000)) + b"}"',
        "b'\"' + b\"\\\\u0100\" * 2500000 + b'\"'",
      ]) {
        const step = await session.run(`${forgery}
mine = known()
body = b'{"op": "done", "step": "' + mine["step"].encode() + b'", "end": "ok", "result": ' + ${value} + b'}'
data = memoryview(struct.pack(">I", len(body)) + body)
while data: data = data[os.write(mine["control"], data):]
None`);
        expectEnd(step, "ok", "error", "oom", "exited", "killed", "protocol_violation");
        if (step.end === "killed") return seenIn(step);
        await expectUsableAgain(session);
        ends.push(step);
      }
      return seenIn(...ends);
    },
  },
  {
    row: 26,
    name: "prompts, sentinels and frames through a pseudo-terminal",
    kind: "output",
    async run({ open }) {
      const step = await runAlone(
        open,
        `${forgery}
import pty
try:
    main, other = os.openpty()
    os.write(other, b">>> " + forged("x")); os.write(main, b"exit\\n")
    print(len(os.read(main, 100)))
except OSError as e: print(e)
print(">>> \\n$ \\nIn [1]: \\n__END_OF_STEP__ 0")
try:
    tty = os.open("/dev/tty", os.O_RDWR); os.write(tty, b"to the terminal")
except OSError as e: print(e)
None`,
        "ok",
      );
      assert.match(step.stdout, /__END_OF_STEP__ 0/);
      return seenIn(step);
    },
  },
  {
    row: 31,
    name: "descriptors closed, replaced, blocked and redirected",
    kind: "output",
    async run({ open }) {
      const tricks = [
        "import os; os.close(1); os.close(2)",
        "import os; os.close(0); os.close(1); os.close(2); [os.open('/dev/null', 0) for _ in range(8)]",
        "import os, sys; full = os.open('/dev/full', os.O_WRONLY); os.dup2(full, 1); os.dup2(full, 2); print('lost')",
        "import sys; sys.stdout.close(); sys.stderr.close()",
        "import sys; sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None",
        "import sys\nclass S:\n    def write(self, s): raise SystemExit\n    def flush(self): raise KeyboardInterrupt\nsys.stdout = S(); sys.stderr = S()",
        "import os, fcntl\nfor fd in (1, 2): fcntl.fcntl(fd, 4, os.O_NONBLOCK)\ntry:\n    while True: os.write(1, b'x' * 65536)\nexcept BlockingIOError: pass",
        "import os, fcntl; fcntl.fcntl(1, 1031, 4096)",
        "import os; os.ftruncate(1, 0)",
        "import os; os.read(1, 10)",
      ];
      const session = await open();
      const steps = [];
      for (const trick of tricks) {
        const step = await session.run(trick);
        expectEnd(step, "ok", "error", "exited", "timeout", "output_limit");
        const again = await session.run("print('again')\n6 * 7");
        expectEnd(again, "ok");
        assert.equal(again.result, "42", trick);
        assert.ok(again.stdout.endsWith("again\n"), `${trick}: ${JSON.stringify(again.stdout.slice(-80))}`);
        steps.push(step);
      }
      return seenIn(...steps.slice(0, 3));
    },
  },
  {
    row: 31,
    name: "every descriptor closed, stdout laid over the protocol's, death by SIGPIPE",
    kind: "output",
    async run({ open }) {
      const tricks = [
        "import os; os.closerange(0, 4096)",
        `${forgery}\nmine = known()\nos.dup2(1, mine["control"])`,
        `${forgery}\nmine = known()\nos.dup2(mine["control"], 1); print("A" * 200)`,
        `${forgery}\nmine = known()\nimport socket; socket.socket(fileno=os.dup(mine["control"])).shutdown(2)`,
        "import os, signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\nr, w = os.pipe(); os.close(r); os.write(w, b'x')",
      ];
      const session = await open();
      const steps = [];
      for (const trick of tricks) {
        const step = await session.run(trick);
        expectEnd(step, "exited", "protocol_violation");
        assert.equal(step.stateLost, true);
        await expectUsable(session);
        steps.push(step);
      }
      return seenIn(...steps);
    },
  },
];
