// Rows 51 and 52: what code can write into the host's logs, and what it can read of where it is.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { HostileCase } from "../case.ts";
import { expectEnd, expectUsable, runAlone, seenIn } from "./kit.ts";

const look = `
import os, json, socket, platform
def read(path):
    try: return open(path, errors="replace").read()
    except OSError as e: return type(e).__name__
seen = {p: read(p) for p in ("/proc/self/mountinfo", "/proc/self/mounts", "/proc/self/cgroup", "/proc/1/cgroup", "/proc/1/cpuset", "/proc/1/environ", "/proc/self/environ", "/proc/1/cmdline",
    "/proc/1/status", "/proc/self/status", "/proc/cmdline", "/proc/version", "/proc/loadavg", "/proc/uptime", "/proc/meminfo", "/proc/stat", "/proc/self/sched", "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/random/boot_id", "/proc/keys", "/proc/key-users", "/proc/locks", "/proc/net/unix", "/proc/net/dev", "/proc/net/route", "/proc/1/mountinfo", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf",
    "/etc/machine-id", "/etc/passwd", "/.dockerenv", "/proc/self/uid_map", "/proc/modules", "/proc/diskstats", "/proc/partitions", "/proc/swaps", "/proc/self/attr/current", "/sys/fs/cgroup/memory/cgroup.procs", "/proc/sched_debug", "/proc/timer_list")}
for link in ("/proc/self/cwd", "/proc/self/root", "/proc/1/cwd", "/proc/1/root", "/proc/self/exe"):
    try: seen[link] = os.readlink(link)
    except OSError as e: seen[link] = type(e).__name__
seen["hostname"] = socket.gethostname()
seen["uname"] = " ".join(platform.uname())
seen["env"] = json.dumps(dict(os.environ))
seen["files"] = "\\n".join(os.path.join(f, n) for root in ("/scratch", "/tmp", "/opt", "/mnt", "/media", "/srv", "/home", "/root", "/run", "/var") for f, d, names in os.walk(root) for n in names + d)
open("/scratch/seen.json", "w").write(json.dumps(seen))
len(json.dumps(seen))`;

export const disclosureCases: readonly HostileCase[] = [
  {
    row: 51,
    name: "the kernel's log, core dumps and syslog are out of reach",
    kind: "kernel",
    async run({ open, target }) {
      const step = await runAlone(
        open,
        `
import ctypes, os, resource, socket, syslog
libc = ctypes.CDLL(None, use_errno=True)
gained = []
for path in ("/dev/kmsg", "/proc/kmsg", "/dev/log", "/dev/console", "/dev/tty0", "/dev/tty1", "/sys/kernel/debug/tracing/trace_marker", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/printk", "/var/log/x"):
    try:
        fd = os.open(path, os.O_WRONLY)
        os.write(fd, b"<0>spam\\n")
        gained.append(path)
    except OSError: pass
if libc.klogctl(3, ctypes.create_string_buffer(64), 64) >= 0: gained.append("klogctl")
if libc.klogctl(5, None, 0) >= 0: gained.append("klogctl clear")
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    try: socket.socket(socket.AF_UNIX, kind).connect("/dev/log"); gained.append("/dev/log")
    except OSError: pass
try: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9).send(b"\\x20\\0\\0\\0\\x51\\4\\5\\0" + b"\\0" * 24); gained.append("audit")
except OSError: pass
try: resource.setrlimit(resource.RLIMIT_CORE, (1, 1)); gained.append("core")
except (OSError, ValueError): pass
for _ in range(2000): syslog.syslog(syslog.LOG_EMERG, "spam " * 100)
gained`,
        "ok",
        "exited",
      );
      // A filter may end the process at its first such call; else nothing may have been gained.
      if (step.end === "ok") {
        const gained = JSON.parse((step.result ?? "").replaceAll("'", '"')) as string[];
        // Asking netlink's audit is only sending to a socket: without the capability the kernel answers with a refusal and logs nothing.
        // gVisor shows a log that it makes up, and not the host's.
        const harmless = ["audit", ...(target.name.includes("runsc") ? ["klogctl"] : [])];
        assert.deepEqual(
          gained.filter((name) => !harmless.includes(name)),
          [],
        );
      }
      return seenIn(step);
    },
  },
  {
    row: 51,
    name: "what is printed by the megabyte is kept in no log of the engine's",
    kind: "kernel",
    slow: true,
    async run({ open, target }) {
      const session = await open();
      const steps = [];
      for (let time = 0; time < 3; time++) {
        const step = await session.run(
          "import os\\nfor _ in range(300): os.write(1, b'x' * 65536); os.write(2, b'y' * 32768)".replaceAll(
            "\\n",
            "\n",
          ),
        );
        expectEnd(step, "ok", "timeout");
        steps.push(step);
      }
      await expectUsable(session);
      if (target.kind !== "docker") return { ...seenIn(...steps), record: "ok; no log is written at all" };
      const ids = docker("ps", "-q", "--filter", "label=tracemill.owner")
        .split("\n")
        .filter((id) => id !== "");
      const logs = docker("inspect", "--format", "{{.HostConfig.LogConfig.Type}} {{.LogPath}}", ...ids);
      assert.ok(ids.length > 0);
      for (const line of logs.split("\n")) assert.equal(line.trim(), "none");
      return { ...seenIn(...steps), record: "ok; LogConfig none" };
    },
  },
  {
    row: 52,
    name: "what the sandbox shows of the host: no ids, no labels, no paths, no users",
    kind: "secrets",
    async run({ open, target, secret, dataDir, hostDir }) {
      const session = await open();
      const looked = await session.run(look);
      expectEnd(looked, "ok");
      const pages: string[] = [];
      for (let from = 0; from < Number(looked.result); from += 7000) {
        const page = await session.run(`print(open("/scratch/seen.json").read()[${from}:${from + 7000}], end="")`);
        pages.push(page.stdout);
      }
      const seen = JSON.parse(pages.join("")) as Record<string, string>;
      const forbidden: Readonly<Record<string, string>> = {
        "the planted secret": secret,
        "the folder of the answers": hostDir,
        "the label": "hostile",
        "the owner's process": `${process.pid}-`,
        "the folder of the program": dirname(fileURLToPath(import.meta.url)),
        "the host's name": hostname(),
        "the project's name": "tracemill",
        "the user's folder": process.env.HOME ?? "/root",
      };
      const found = Object.entries(forbidden).flatMap(([what, text]) =>
        Object.entries(seen).flatMap(([where, content]) =>
          (text.length > 5 ? content.includes(text) : new RegExp(`(?:^|[\\s"'=:])${text}(?:/|$)`, "m").test(content)) &&
          !(where === "/etc/passwd" && what === "the user's folder")
            ? [`${what} in ${where}`]
            : [],
        ),
      );
      const data = Object.entries(seen).flatMap(([where, content]) => (content.includes(dataDir) ? [where] : []));
      const visible = ["hostname", "/proc/loadavg", "/proc/self/cgroup", "uname"].map(
        (name) => `${name}: ${seen[name]?.trim().split("\n")[0]}`,
      );
      const mount = /^.* \/data .*$/m.exec(seen["/proc/self/mountinfo"] ?? "")?.[0] ?? "";
      const outcome = {
        agentSees: visible.join(" / "),
        record: `visible: kernel, load, memory and uptime of the host; mount of the data: ${mount}`,
      };
      const open_ = found.filter((line) => !line.endsWith("mountinfo"));
      assert.deepEqual(open_, []);
      const inMounts = [
        ...found.map((line) => line),
        ...data.map((where) => `the data folder's host path in ${where}`),
      ];
      if (inMounts.length === 0) return outcome;
      assert.ok(!target.name.includes("runsc"), inMounts.join("; "));
      return {
        ...outcome,
        notHeld: `the kernel shows the source of a bind mount in mountinfo: ${inMounts.join("; ")}`,
      };
    },
  },
];

function docker(...args: readonly string[]): string {
  return execFileSync("docker", args, { encoding: "utf8" }).trim();
}
