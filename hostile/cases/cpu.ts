// Row 10: more work than the sandbox has cores for.
import assert from "node:assert/strict";
import { endedIn, goesOn, printed, recordOf } from "../attempts.ts";
import type { HostileCase } from "../case.ts";

export const cpu: readonly HostileCase[] = [
  {
    row: 10,
    name: "as many spinning processes as there may be",
    kind: "cpu",
    async run(context) {
      const session = await context.open();
      const step = await session.run(`
import json, os, time
gate, opener = os.pipe()
pids = []
try:
    for _ in range(64):
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            os.read(gate, 1)  # all begin at once, when everybody is there
            end = time.monotonic() + 1
            while time.monotonic() < end: pass
            os._exit(0)
        pids.append(pid)
except BlockingIOError: pass
began = time.monotonic()
os.close(opener)
for pid in pids: os.waitpid(pid, 0)
times = os.times()
print(json.dumps({"processes": len(pids), "cpu": times.children_user + times.children_system, "wall": time.monotonic() - began}))
`);
      const { processes, cpu, wall } = printed<{ processes: number; cpu: number; wall: number }>(step);
      assert.ok(processes > 20, `only ${processes} could be started`);
      const allowed = wall * context.target.limits.cpus * 1.3 + 0.3;
      assert.ok(cpu <= allowed, `${processes} processes had ${cpu.toFixed(1)} s of CPU in ${wall.toFixed(1)} s`);
      await goesOn(context, session, step);
      return {
        agentSees: `${processes} processes had ${cpu.toFixed(1)} s of CPU in ${wall.toFixed(1)} s`,
        record: recordOf(step),
      };
    },
  },
  {
    row: 10,
    name: "spinning until the time limit, in threads and natively",
    kind: "cpu",
    slow: true,
    async run(context) {
      const session = await context.open();
      const step = await session.run(
        "import os\nfor _ in range(30):\n    if os.fork() == 0:\n        while True: pass\nsum(range(10 ** 12))",
      );
      endedIn(context, step, ["timeout", "killed"]);
      const next = await goesOn(context, session, step);
      const left = await next.run("import os\nlen([pid for pid in os.listdir('/proc') if pid.isdigit()])");
      assert.ok(Number(left.result) <= 4, `${left.result} processes are left inside`);
      return { agentSees: step.observation, record: recordOf(step) };
    },
  },
];
