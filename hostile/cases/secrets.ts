// Rows 14 to 16: what the host knows, what other sessions know, and the answers.
import assert from "node:assert/strict";
import { attempts, done, inWords, printed, recordOf } from "../attempts.ts";
import type { HostileCase, HostileContext, Session } from "../case.ts";

/** Finds the planted secret by its form, which this code itself does not have; `places` yields (name, bytes). */
const search = `
import json, os, re
form = re.compile(b"sk-" + b"hostile-" + b"[0-9a-f]{32}")
found, read = [], 0
def look(name, data):
    global read
    read += 1
    if form.search(data): found.append(name)
def look_at(path, limit=1 << 16):
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try: look(path, os.read(handle, limit))
        finally: os.close(handle)
    except OSError: pass
`;

/** Runs the search; fails where anything was found, or nothing could be looked at. */
async function findsNothing(session: Session, context: HostileContext, places: string) {
  const step = await session.run(`${search}${places}\nprint(json.dumps({"found": found, "read": read}))`);
  const { found, read } = printed<{ found: string[]; read: number }>(step);
  assert.ok(!step.stdout.includes(context.secret));
  assert.deepEqual(found, [], "the secret was found");
  assert.ok(read > 0, "nothing was looked at");
  return { agentSees: `${read} places read, nothing found`, record: recordOf(step) };
}

const places = {
  processes: `
for pid in os.listdir("/proc"):
    if pid.isdigit():
        for part in ("environ", "cmdline", "comm", "cwd/answer.csv", "root/root/.bashrc", "mountinfo"):
            look_at(f"/proc/{pid}/{part}")
for name, value in os.environ.items(): look(name, value.encode())
`,
  files: `
skip = ("/proc", "/sys", "/usr")
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in skip]
    for name in files: look_at(os.path.join(folder, name))
`,
  memory: `
for line in open("/proc/self/maps"):
    span, rights = line.split()[:2]
    first, last = (int(end, 16) for end in span.split("-"))
    if "r" not in rights or last - first > 64 << 20 or first >> 63: continue
    try:
        with open("/proc/self/mem", "rb", 0) as mem:
            mem.seek(first)
            look(span, mem.read(last - first))
    except (OSError, ValueError, OverflowError): pass
`,
};

const usual = [
  "/etc/shadow",
  "/etc/gshadow",
  "/etc/sudoers",
  "/root/.ssh/id_rsa",
  "/root/.bash_history",
  "/root/.aws/credentials",
  "/root/.config/gcloud/application_default_credentials.json",
  "/root/.docker/config.json",
  "/root/.netrc",
  "/root/.npmrc",
  "/run/secrets/kubernetes.io/serviceaccount/token",
  "/var/run/secrets",
  "/proc/kcore",
  "/dev/mem",
];

export const secrets: readonly HostileCase[] = [
  {
    row: 14,
    name: "environments and command lines of every process",
    kind: "secrets",
    run: async (context) => findsNothing(await context.open(), context, places.processes),
  },
  {
    row: 14,
    name: "the usual files of secrets",
    kind: "secrets",
    async run(context) {
      const told = await attempts(
        await context.open(),
        Object.fromEntries(usual.map((path) => [path, `open(${JSON.stringify(path)}, "rb").read(1)`])),
      );
      assert.deepEqual(done(told), []);
      return { agentSees: inWords(told), record: "ok" };
    },
  },
  {
    row: 14,
    name: "the interpreter's own memory and environment",
    kind: "secrets",
    async run(context) {
      const session = await context.open();
      const step = await session.run("import json, os\nprint(json.dumps(dict(os.environ)))");
      const names = Object.keys(printed<Record<string, string>>(step));
      assert.deepEqual(
        names.filter((name) => /KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|DOCKER|TRACEMILL/i.test(name)),
        [],
      );
      return await findsNothing(session, context, places.memory);
    },
  },
  {
    row: 15,
    name: "another session at the same time",
    kind: "secrets",
    async run(context) {
      const [one, other] = await Promise.all([context.open(), context.open()]);
      const left = await one.run(`
import os, socket, subprocess, sys, ctypes
marker = "sk-hostile-" + "0123456789abcdef" * 2
for folder in ("/scratch", "/tmp", "/dev/shm"):
    with open(folder + "/left.txt", "w") as file: file.write(marker)
    os.chmod(folder + "/left.txt", 0o777)
os.environ["LEFT"] = marker
kept = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", marker])
name = socket.socket(socket.AF_UNIX)
name.bind("\\0left"); name.listen()
port = socket.socket()
try: port.bind(("127.0.0.1", 45454)); port.listen()
except OSError: pass
shared = ctypes.CDLL(None).shmget(0x4c454654, 4096, 0o1666)
print("left")
`);
      assert.equal(left.end, "ok", left.observation);
      const told = await attempts(other, {
        "abstract socket": `s = socket.socket(socket.AF_UNIX); s.settimeout(0.5); s.connect("\\0left")`,
        port: `socket.create_connection(("127.0.0.1", 45454), timeout=0.5)`,
        "shared memory": `if libc.shmget(0x4c454654, 4096, 0) == -1: raise OSError(ctypes.get_errno(), "shmget")`,
        files: `for f in ("/scratch/left.txt", "/tmp/left.txt", "/dev/shm/left.txt"):\n    if os.path.exists(f): break\nelse: raise FileNotFoundError(2, "none")`,
        processes: `if len([p for p in os.listdir("/proc") if p.isdigit()]) <= 3: raise ProcessLookupError(3, "none")`,
        signals: `for pid in range(2, 400):\n    if pid != os.getpid():\n        try: os.kill(pid, 0)\n        except ProcessLookupError: continue\n        break\nelse: raise ProcessLookupError(3, "none")`,
      });
      assert.deepEqual(done(told), [], "the other session could be reached");
      return await findsNothing(other, context, `${places.processes}${places.files}`);
    },
  },
  {
    row: 15,
    name: "a session that was there before",
    kind: "secrets",
    async run(context) {
      const before = await context.open();
      const left = await before.run(
        `import subprocess\nfor folder in ("/scratch", "/tmp", "/dev/shm"): open(folder + "/hostile-before.txt", "w").write("sk-hostile-" + "0123456789abcdef" * 2)\nsubprocess.Popen(["/bin/sh", "-c", "trap '' HUP TERM; sleep 60"], start_new_session=True).pid`,
      );
      assert.equal(left.end, "ok", left.observation);
      await before.close();
      return await findsNothing(await context.open(), context, `${places.files}${places.processes}`);
    },
  },
  {
    row: 16,
    name: "the answer key: files, names and ways around",
    kind: "secrets",
    async run(context) {
      const session = await context.open();
      const answer = `${context.hostDir}/answer.csv`;
      const ways = ["", "/data/..", "/proc/1/root", "/proc/self/root", "/proc/1/cwd", "/scratch/.."].map(
        (way) => way + answer,
      );
      const told = await attempts(session, {
        ...Object.fromEntries(ways.map((path) => [path.replace(answer, "…"), `open(${JSON.stringify(path)}).read()`])),
        "beside the data": `if os.listdir("/data/../host"): pass`,
        "a link to it": `os.symlink(${JSON.stringify(answer)}, "/scratch/link"); open("/scratch/link").read()`,
      });
      assert.deepEqual(done(told), []);
      const names = await session.run(`
import json, os, re
form = re.compile("(^|[^a-z])(answers?|labels?|private|grade[rs]?|solutions?|truth)([^a-z]|$)|test[.]csv", re.I)
libraries = ("/proc", "/sys", "/usr", "/etc/alternatives", "/etc/ssl")
found = []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in libraries]
    found += [os.path.join(folder, name) for name in files + folders if form.search(name)]
print(json.dumps(found))
`);
      assert.deepEqual(printed<string[]>(names), [], "names that look like an answer");
      return await findsNothing(session, context, places.files);
    },
  },
  {
    row: 16,
    name: "the answer key in the supervisor's memory",
    kind: "secrets",
    async run(context) {
      const told = await attempts(await context.open(), {
        "its memory": `open("/proc/1/mem", "rb")`,
        "its environment": `if not open("/proc/1/environ", "rb").read(): raise PermissionError(13, "empty")`,
        "its folder": `os.listdir("/proc/1/cwd")`,
        "its descriptors": `os.listdir("/proc/1/fd")`,
        "its maps": `if not open("/proc/1/maps").read(): raise PermissionError(13, "empty")`,
      });
      // A kernel that shows some of these must show nothing that matters: the supervisor never has a secret or an answer.
      const seen = done(told);
      const searched = await findsNothing(await context.open(), context, places.processes);
      return seen.length === 0
        ? { agentSees: inWords(told), record: "ok" }
        : { ...searched, notHeld: `process 1 can be looked into (${seen.join(", ")}); no secret is there` };
    },
  },
];
