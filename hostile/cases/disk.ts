// Rows 5, 7, 8: bytes and files without end, where there is room and where there shall be none.
import assert from "node:assert/strict";
import { endedIn, goesOn, lastLine, printed, recordOf } from "../attempts.ts";
import type { HostileCase } from "../case.ts";

const folders = ["/scratch", "/tmp", "/dev/shm"];

function full(folder: string): HostileCase {
  return {
    row: 5,
    name: `${folder} filled to the last byte`,
    kind: "disk",
    async run(context) {
      const session = await context.open();
      const step = await session.run(
        `part = b"x" * (1 << 20)\nwith open("${folder}/hostile-big", "wb") as file:\n    while True: file.write(part)`,
      );
      endedIn(context, step, ["error"]);
      assert.match(step.error ?? "", /No space left on device/);
      // Nothing is bricked: full, a step still runs, and what was deleted can be used again.
      await goesOn(context, session, step);
      const again = await session.run(
        `import os\nos.remove("${folder}/hostile-big")\nopen("${folder}/small", "w").write("fits") `,
      );
      assert.deepEqual([again.end, again.result], ["ok", "4"], again.observation);
      return { agentSees: lastLine(step), record: recordOf(step) };
    },
  };
}

/** Files until there is no more room for one. `prepare` gives `name(n)`. */
function manyFiles(name: string, prepare: string, slow = false): HostileCase {
  return {
    row: 8,
    name,
    kind: "disk",
    slow,
    async run(context) {
      const session = await context.open();
      const step = await session.run(`
import os, time
os.chdir("/scratch")
${prepare}
made = 0
until = time.monotonic() + 3
why = "its own clock"
while time.monotonic() < until:
    try: make(made)
    except OSError as error:
        why = error.strerror
        break
    made += 1
os.chdir("/scratch")
print(made, why)
`);
      endedIn(context, step, ["ok", "oom", "killed"]);
      const seen = { agentSees: lastLine(step), record: recordOf(step) };
      const after = await session.run("6 * 7");
      if (step.end === "oom" && after.end === "killed")
        return {
          ...seen,
          notHeld:
            "files are bounded by memory alone: it stayed full, and the next step was told that the sandbox is over",
        };
      await goesOn(context, session, after);
      const made = Number(step.stdout.split(" ")[0] ?? 0);
      if (step.end === "ok" && made <= 60_000) return seen;
      const what = step.end === "ok" ? `${made} files were made in 3 s` : `memory ended it (${step.end})`;
      return { ...seen, notHeld: `files are bounded by memory alone: ${what}` };
    },
  };
}

const writableFolders = `
import json, os
skip = ("/proc", "/sys", "/scratch", "/tmp", "/dev/shm")
found = []
for folder, folders, files in os.walk("/"):
    # The libraries are many: below the first levels of /usr nothing differs.
    deep = folder.startswith("/usr") and folder.count("/") > 3
    folders[:] = [] if deep else [name for name in folders if os.path.join(folder, name) not in skip]
    if os.access(folder, os.W_OK):
        try:
            with open(os.path.join(folder, "hostile-probe"), "wb") as file: file.write(b"x" * 1_000_000)
            found.append(folder)
        except OSError: pass
    for name in files[:200]:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not os.path.islink(path):
            try:
                os.close(os.open(path, os.O_WRONLY))
                found.append(path)
            except OSError: pass
print(json.dumps(found))
`;

export const disk: readonly HostileCase[] = [
  ...folders.map(full),
  {
    row: 5,
    name: "every temporary folder full, and memory after it",
    kind: "disk",
    async run(context) {
      const session = await context.open();
      const filled = await session.run(`
for folder in ${JSON.stringify(folders)}:
    try:
        with open(folder + "/hostile-big", "wb", buffering=0) as file:
            while True: file.write(b"x" * (1 << 20))
    except OSError as error: print(folder, error.strerror)
`);
      endedIn(context, filled, ["ok"]);
      assert.equal(filled.stdout.match(/No space left/g)?.length, 3, filled.observation);
      const eaten = await session.run("b'x' * (1 << 30)");
      endedIn(context, eaten, ["oom", "killed"]);
      const next = await goesOn(context, session, eaten);
      if (next === session) {
        const freed = await session.run(
          `import os\nfor folder in ${JSON.stringify(folders)}: os.remove(folder + "/hostile-big")\nlen(b"x" * (64 << 20))`,
        );
        assert.equal(freed.end, "ok", freed.observation);
      }
      return { agentSees: lastLine(eaten), record: `${recordOf(filled)}; ${recordOf(eaten)}` };
    },
  },
  {
    row: 7,
    name: "writing everywhere else",
    kind: "disk",
    async run(context) {
      const session = await context.open();
      const step = await session.run(writableFolders);
      // The queue file system takes no plain files; terminals and null devices are no disk.
      const found = printed<string[]>(step).filter(
        (path) => !/^\/dev\/(pts|mqueue|null|zero|full|tty|ptmx)/.test(path),
      );
      assert.deepEqual(found, [], "outside its temporary folders the code could write");
      const error = await session.run("open('/usr/hostile', 'w')");
      endedIn(context, error, ["error"]);
      assert.match(error.error ?? "", /Read-only file system|Permission denied/);
      return { agentSees: lastLine(error), record: recordOf(error) };
    },
  },
  manyFiles("empty files without end", "def make(n): os.close(os.open(f'f{n}', os.O_CREAT | os.O_WRONLY))"),
  manyFiles("folders as deep as they go", "def make(n):\n    os.mkdir('d' * 200)\n    os.chdir('d' * 200)"),
  manyFiles(
    "names that are no text, as long as they may be",
    "def make(n): os.close(os.open(b'\\n\\xff\\x1b[2J' + str(n).encode().rjust(249, b'\\xfe'), os.O_CREAT | os.O_WRONLY))",
    true,
  ),
];
