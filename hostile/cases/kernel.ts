// Rows 19 to 21: what only a kernel can give: namespaces, mounts, privileges, devices.
import assert from "node:assert/strict";
import { attempts, done, inWords, printed, recordOf } from "../attempts.ts";
import type { HostileCase } from "../case.ts";

// x86-64 and arm64 have other numbers: the case says so instead of calling something else.
const onX86 = `import platform\nif platform.machine() != "x86_64": raise SystemExit("numbers of x86-64")`;

/** Must fail everywhere: each would be a way out, or a change of the machine. Arguments are such that root would do no harm. */
const escapes: Record<string, string> = {
  "unshare user": "call(272, 0x10000000)",
  "unshare mounts": "call(272, 0x20000)",
  "unshare pids": "call(272, 0x20000000)",
  "unshare network": "call(272, 0x40000000)",
  "unshare by command": `subprocess.run(["unshare", "-Ur", "true"], check=True, capture_output=True)`,
  "clone with a user namespace": "call(56, 0x10000000 | 17, 0, 0, 0, 0) if os.getpid() else None",
  "setns to process 1": `call(308, os.open("/proc/1/ns/mnt", os.O_RDONLY), 0)`,
  "mount proc": `os.makedirs("/scratch/p", exist_ok=True); call(165, b"proc", b"/scratch/p", b"proc", 0, 0)`,
  "mount cgroup": `os.makedirs("/scratch/c", exist_ok=True); call(165, b"cgroup", b"/scratch/c", b"cgroup", 0, b"memory")`,
  umount: `call(166, b"/proc", 2)`,
  pivot_root: `call(155, b"/scratch", b"/scratch")`,
  chroot: `os.chroot("/scratch")`,
  "open by handle": "call(304, 0, 0, 0) if False else call(304, os.open('/', 0), ctypes.create_string_buffer(128), 0)",
  "load a module": `call(175, b"", 0, b"")`,
  "load a module from a file": `call(313, os.open("/dev/null", 0), b"", 0)`,
  kexec: "call(246, 0, 0, 0, 0)",
  reboot: "call(169, 0, 0, 0, 0)",
  swapon: `call(167, b"/scratch/none", 0)`,
  "set the clock": "call(164, ctypes.create_string_buffer(16), 0)",
  "set the host's name": `call(170, b"hostile", 7)`,
  iopl: "call(172, 3)",
  quota: `call(179, 0x800002 << 8, b"none", 0, 0)`,
  acct: `call(163, b"/scratch/none")`,
};

/** Surface of the kernel that data science does not need: filtered where there is a filter, else said. Each call is a harmless one. */
const surface: Record<string, string> = {
  bpf: "call(321, 0, ctypes.create_string_buffer(72), 72)",
  keyctl: "call(250, 0, -3, 1)",
  add_key: `call(248, b"user", b"hostile", b"x", 1, -2)`,
  request_key: `call(249, b"user", b"hostile-none", 0, -2)`,
  perf_event_open: "call(298, ctypes.create_string_buffer(b'\\0\\0\\0\\0\\x78' + bytes(115), 120), 0, -1, -1, 0)",
  userfaultfd: "call(323, 0)",
  io_uring_setup: "call(425, 4, ctypes.create_string_buffer(120))",
  syslog: "call(103, 10, 0, 0)",
  fsopen: `call(430, b"tmpfs", 0)`,
  open_tree: `call(428, -100, b"/scratch", 1)`,
};

export const kernel: readonly HostileCase[] = [
  {
    row: 19,
    name: "namespaces, mounts, modules, and the machine itself",
    kind: "kernel",
    async run(context) {
      const told = await attempts(await context.open(), escapes, onX86);
      assert.deepEqual(done(told), [], "these were done");
      return { agentSees: inWords(told), record: "ok" };
    },
  },
  {
    row: 19,
    name: "rare system calls",
    kind: "kernel",
    async run(context) {
      const told = await attempts(await context.open(), surface, onX86);
      // EINVAL and its like: the kernel itself answered, no filter stood before it.
      const answered = Object.entries(told).filter(([, how]) => !/ (EPERM|ENOSYS|EACCES)$/.test(how));
      const seen = { agentSees: inWords(told), record: "ok" };
      if (answered.length === 0) return seen;
      return { ...seen, notHeld: `no filter stands before ${answered.map(([name]) => name).join(", ")}` };
    },
  },
  {
    row: 20,
    name: "setuid programs, sudo, and file capabilities",
    kind: "kernel",
    async run(context) {
      const session = await context.open();
      const told = await attempts(session, {
        setuid: "os.setuid(0)",
        setgid: "os.setgid(0)",
        setgroups: "os.setgroups([0])",
        setresuid: "os.setresuid(0, 0, 0)",
        sudo: `subprocess.run(["sudo", "-n", "true"], check=True, capture_output=True)`,
        su: `subprocess.run(["su", "root", "-c", "true"], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=2)`,
        "capability of a file": `open("/scratch/f", "w").close(); os.setxattr("/scratch/f", "security.capability", bytes.fromhex("0100000200ffffff00000000ffffffff00000000"))`,
        "ambient capability": "call(157, 47, 2, 21, 0, 0)",
        "new privileges": "call(157, 38, 0, 0, 0, 0)",
        "a file of root's": `open("/scratch/r", "w").close(); os.chown("/scratch/r", 0, 0)`,
      });
      assert.deepEqual(done(told), [], "these were done");
      const step = await session.run(`
import json, os, shutil, stat, subprocess
shutil.copy("/usr/bin/id", "/scratch/id")
os.chmod("/scratch/id", 0o6755)
ids = [subprocess.run(["/scratch/id", "-u"], capture_output=True, text=True).stdout.strip()]
programs = []
for folder, folders, files in os.walk("/usr"):
    if folder.count("/") > 3 or folder == "/usr/share": folders.clear()
    for name in files:
        path = os.path.join(folder, name)
        try: mode = os.lstat(path).st_mode
        except OSError: continue
        if stat.S_ISREG(mode) and mode & 0o6000: programs.append(path)
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(json.dumps({"ids": ids, "uid": os.getuid(), "programs": programs, "privileges": status.get("NoNewPrivs", "?").strip(),
                  "capabilities": [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb") if name in status]}))
`);
      const seen = printed<{
        ids: string[];
        uid: number;
        programs: string[];
        privileges: string;
        capabilities: number[];
      }>(step);
      assert.deepEqual(seen.ids, [String(seen.uid)], "a setuid copy gained another user");
      assert.notEqual(seen.uid, 0);
      assert.deepEqual(
        seen.capabilities.filter((bits) => bits !== 0),
        [],
        "capabilities are left",
      );
      assert.ok(["1", "?"].includes(seen.privileges), "new privileges can be gained");
      return {
        agentSees: `${inWords(told)}; ${seen.programs.length} setuid programs in sight, none gains`,
        record: recordOf(step),
      };
    },
  },
  {
    row: 21,
    name: "devices, and nodes of one's own",
    kind: "kernel",
    async run(context) {
      const open = (path: string) => `os.close(os.open("${path}", os.O_RDWR | os.O_NONBLOCK))`;
      const devices = [
        "mem",
        "kmem",
        "port",
        "kvm",
        "fuse",
        "sda",
        "vda",
        "nvme0n1",
        "loop0",
        "loop-control",
        "kmsg",
        "net/tun",
        "input/event0",
        "mapper/control",
        "vhost-net",
        "rtc0",
        "watchdog",
      ];
      const told = await attempts(await context.open(), {
        ...Object.fromEntries(devices.map((name) => [name, open(`/dev/${name}`)])),
        "mknod character": `import stat; os.mknod("/scratch/mem", 0o666 | stat.S_IFCHR, os.makedev(1, 1))`,
        "mknod block": `import stat; os.mknod("/scratch/disk", 0o666 | stat.S_IFBLK, os.makedev(8, 0))`,
        "mknod in /dev": `import stat; os.mknod("/dev/hostile", 0o666 | stat.S_IFCHR, os.makedev(1, 1))`,
        "mode of /dev/null": `os.chmod("/dev/null", 0)`,
        "remove /dev/null": `os.remove("/dev/null")`,
      });
      assert.deepEqual(done(told), [], "these were done");
      return { agentSees: inWords(told), record: "ok" };
    },
  },
  {
    row: 21,
    name: "/sys, /proc/sys, sysrq and core_pattern",
    kind: "kernel",
    async run(context) {
      const session = await context.open();
      const write = (path: string, text: string) => `h = os.open("${path}", os.O_WRONLY); os.write(h, b"${text}")`;
      const told = await attempts(session, {
        // Each would write what is there, or nothing that does harm.
        core_pattern: `now = open("/proc/sys/kernel/core_pattern").read(); h = os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY); os.write(h, now.encode())`,
        sysrq: write("/proc/sysrq-trigger", "h"),
        "kernel.sysrq": write("/proc/sys/kernel/sysrq", "0"),
        "vm.overcommit": `now = open("/proc/sys/vm/overcommit_memory").read(); h = os.open("/proc/sys/vm/overcommit_memory", os.O_WRONLY); os.write(h, now.encode())`,
        modprobe: `now = open("/proc/sys/kernel/modprobe").read(); h = os.open("/proc/sys/kernel/modprobe", os.O_WRONLY); os.write(h, now.encode())`,
        release_agent: write("/sys/fs/cgroup/memory/release_agent", ""),
        "own cgroup": `os.mkdir("/sys/fs/cgroup/memory/hostile")`,
        "own memory limit": write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "-1"),
        power: write("/sys/power/state", ""),
        "uevent helper": write("/sys/kernel/uevent_helper", ""),
        "own oom_kill counter": write("/sys/fs/cgroup/memory/memory.oom_control", "1"),
      });
      assert.deepEqual(done(told), [], "these were done");
      const step = await session.run(`
import json, os
writable = []
for top in ("/sys", "/proc/sys"):
    for folder, folders, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            try: os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError: continue
            writable.append(path)
print(json.dumps(writable))
`);
      const writable = printed<string[]>(step);
      // These belong to the sandbox's own namespaces: its user may set them for itself alone.
      const strange = writable.filter(
        (path) =>
          !/^\/proc\/sys\/(net|user|kernel\/(ns_last_pid|pid_max|auto_msgmni|hostname|domainname|shm|msg|sem)|fs\/mqueue)/.test(
            path,
          ),
      );
      assert.deepEqual(strange, [], "these can be written");
      return {
        agentSees: `${inWords(told)}; ${writable.length} writable below /sys and /proc/sys`,
        record: recordOf(step),
      };
    },
  },
];
