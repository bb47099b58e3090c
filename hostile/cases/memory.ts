// Rows 2, 3, 4, 6: more memory than there is, and values that cost more than they look like.
import assert from "node:assert/strict";
import { endedIn, goesOn, lastLine, recordOf } from "../attempts.ts";
import type { HostileCase, HostileContext, Step } from "../case.ts";

interface Eater {
  readonly row: number;
  readonly name: string;
  /** What is imported in a step of its own, so that the time limit is for `code` alone. */
  readonly before?: string;
  readonly code: string;
  readonly ends: readonly string[];
  readonly slow?: boolean;
  /** More that must be so. */
  readonly check?: (step: Step, context: HostileContext) => void;
}

function eater({ row, name, before, code, ends, slow, check }: Eater): HostileCase {
  return {
    row,
    name,
    kind: "memory",
    slow: slow ?? false,
    async run(context) {
      const session = await context.open();
      if (before !== undefined) await session.run(before);
      const step = await session.run(code);
      endedIn(context, step, ends);
      check?.(step, context);
      await goesOn(context, session, step);
      return { agentSees: lastLine(step), record: recordOf(step) };
    },
  };
}

// A kernel of the sandbox's own may take the whole of it: the agent is then told that its sandbox is over.
const outOfMemory = ["oom", "killed"];

function toldSo(step: Step): void {
  if (step.end === "oom") assert.match(step.observation, /Memory limit \(\d+ MB\) exceeded/);
}

function bounded(step: Step, { target }: HostileContext): void {
  assert.ok(
    Buffer.byteLength(step.result ?? "") <= target.limits.outputBytes + 16,
    "the result is longer than its cap",
  );
  assert.ok(step.raw.result !== null && step.raw.result.droppedBytes > 0, "nothing was counted as left out");
}

export const memory: readonly HostileCase[] = [
  eater({ row: 2, name: "one big block", code: "block = b'x' * (1 << 30)", ends: outOfMemory, check: toldSo }),
  eater({
    row: 2,
    name: "a dense array of numpy's",
    before: "import numpy",
    code: "import numpy\nnumpy.ones((1 << 15, 1 << 15))",
    ends: outOfMemory,
    check: toldSo,
  }),
  eater({
    row: 2,
    name: "slow growth in small parts",
    code: "kept = []\nwhile True: kept.append(bytearray(1 << 16))",
    ends: [...outOfMemory, "timeout"],
  }),
  eater({
    row: 2,
    name: "many children that eat a little each",
    code: `import os, time
for _ in range(12):
    if os.fork() == 0:
        block = b"x" * (40 << 20)
        time.sleep(60)
        os._exit(0)
time.sleep(60)`,
    ends: [...outOfMemory, "timeout"],
    slow: true,
    check: (step) => assert.notEqual(step.end, "timeout", "twelve times 40 MB are more than 256 MB"),
  }),
  eater({
    row: 2,
    name: "anonymous maps, touched page by page",
    code: "import mmap\nkept = []\nwhile True:\n    area = mmap.mmap(-1, 1 << 24)\n    for at in range(0, 1 << 24, 4096): area[at] = 1\n    kept.append(area)",
    ends: outOfMemory,
    check: toldSo,
  }),
  eater({
    row: 3,
    name: "a child taken for memory, and a success returned",
    code: "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'b\"x\" * (1 << 30)'])\nprint('all is well')\n'success'",
    ends: outOfMemory,
    check: toldSo,
  }),
  eater({
    row: 3,
    name: "a child of a child taken for memory behind os.system",
    code: `import os, sys\nos.system(sys.executable + " -c 'import os; os.system(\\"exec " + sys.executable + " -c \\\\\\"b=bytearray(1<<30)\\\\\\"\\")'; true")\n'success'`,
    ends: outOfMemory,
  }),
  eater({
    row: 4,
    name: "a huge integer",
    code: "9 ** 9 ** 9",
    ends: ["timeout", ...outOfMemory],
    slow: true,
  }),
  eater({
    row: 4,
    name: "a huge integer as text",
    code: "str(10 ** 100_000)",
    ends: ["error", "timeout"],
    check: (step) => assert.match(step.error ?? "", /ValueError|KeyboardInterrupt/),
  }),
  eater({
    row: 4,
    name: "a regular expression that backtracks for ever",
    code: "import re\nre.match('(a+)+$', 'a' * 48 + 'b')",
    ends: ["timeout"],
    slow: true,
    check: (step) => assert.match(step.observation, /Time limit \([\d.]+ s\) exceeded/),
  }),
  eater({
    row: 4,
    name: "JSON a hundred thousand deep",
    code: "import json\njson.loads('[' * 100_000)",
    ends: ["error"],
    check: (step) => assert.match(step.error ?? "", /RecursionError/),
  }),
  eater({ row: 4, name: "a repr of 50 MB", code: "'x' * 50_000_000", ends: ["ok"], check: bounded }),
  eater({
    row: 4,
    name: "nested lists whose repr would be endless",
    code: "a = []\nfor _ in range(26): a = [a, a]\na",
    ends: ["timeout", "ok", ...outOfMemory],
    slow: true,
  }),
  eater({
    row: 4,
    name: "a list that holds itself",
    code: "a = []\na.append(a)\na",
    ends: ["ok"],
    check: (step) => assert.equal(step.result, "[[...]]"),
  }),
  eater({
    row: 4,
    name: "a frame of a thousand columns shown",
    before: "import pandas as pd",
    code: "import pandas as pd\npd.DataFrame([range(1000)] * 1000)",
    ends: ["ok"],
    check: (step, { target }) =>
      assert.ok(step.observation.length < target.limits.outputBytes * 2, "the frame was shown whole"),
  }),
  eater({
    row: 6,
    name: "memory in memfds",
    code: "import os\nkept = []\nwhile True:\n    kept.append(os.memfd_create('hostile'))\n    os.write(kept[-1], b'x' * (1 << 22))",
    ends: [...outOfMemory, "error"],
  }),
  eater({
    row: 6,
    name: "maps of a deleted file",
    code: `import mmap, os
kept = []
while True:
    handle = os.open("/dev/shm/hostile", os.O_RDWR | os.O_CREAT)
    os.unlink("/dev/shm/hostile")
    os.ftruncate(handle, 1 << 22)
    area = mmap.mmap(handle, 1 << 22)
    for at in range(0, 1 << 22, 4096): area[at] = 1
    kept.append((handle, area))`,
    ends: [...outOfMemory, "exited", "error"],
  }),
];
