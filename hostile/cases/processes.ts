// Row 1: more processes and threads than a sandbox may have.
import assert from "node:assert/strict";
import { endedIn, goesOn, lastLine, recordOf } from "../attempts.ts";
import type { HostileCase } from "../case.ts";

/** A bomb may be stopped by the limit (an error of its own), by the clock, or by what it takes down with itself. */
function bomb(name: string, code: string, ends: readonly string[], slow = false): HostileCase {
  return {
    row: 1,
    name,
    kind: "processes",
    slow,
    async run(context) {
      const session = await context.open();
      const step = await session.run(code);
      endedIn(context, step, ends);
      const next = await goesOn(context, session, step);
      const counted = await next.run(`
import os
def threads(pid):
    try: return len(os.listdir(f"/proc/{pid}/task"))
    except OSError: return 0  # it ended meanwhile
sum(threads(pid) for pid in os.listdir("/proc") if pid.isdigit())
`);
      assert.equal(counted.end, "ok", counted.observation);
      assert.ok(Number(counted.result) <= context.target.limits.pids, `${counted.result} threads run inside`);
      return { agentSees: lastLine(step), record: recordOf(step) };
    },
  };
}

const forever = ["timeout", "exited", "killed", "oom"];

export const processes: readonly HostileCase[] = [
  bomb(
    "threads without end",
    "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
    ["error"],
  ),
  bomb("fork bomb in Python", "import os\nwhile True:\n    try: os.fork()\n    except BlockingIOError: pass", forever),
  bomb(
    "fork bomb in a shell",
    `import subprocess\nsubprocess.run(["/bin/sh", "-c", "b() { b | b & }; while :; do b; done"])`,
    [...forever, "ok", "error", "output_limit"],
  ),
  bomb(
    "fork bomb that leaves its group and ignores signals",
    `import os, signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True:
    try:
        if os.fork() == 0: os.setsid()
    except BlockingIOError: pass`,
    forever,
    true,
  ),
  bomb(
    "multiprocessing without end",
    `import multiprocessing, time
kept = []
while True:
    process = multiprocessing.Process(target=time.sleep, args=(600,), daemon=True)
    process.start()
    kept.append(process)`,
    ["error", ...forever],
  ),
  bomb(
    "a process that executes itself for ever",
    `import os
with open("/scratch/again", "w") as file: file.write("#!/bin/sh\\nexec /scratch/again\\n")
os.chmod("/scratch/again", 0o755)
os.execv("/scratch/again", ["again"])`,
    ["exited", "killed", "protocol_violation"],
  ),
  bomb(
    "a thousand children for a moment each",
    `import os
for _ in range(1000):
    while True:
        try: pid = os.fork()
        except BlockingIOError: continue
        break
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
print("done")`,
    ["ok", "timeout"],
  ),
];
