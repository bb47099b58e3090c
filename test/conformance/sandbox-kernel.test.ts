// What of the kernel the code can reach: system calls, /proc, descriptors, files without content. The same code on every backend.
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Sandbox, SandboxBackend } from "../../src/contracts.ts";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { dataFolder, describeEachBackend } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;

// Numbers of x86_64. Each is made with arguments that do nothing; let through, it would answer EINVAL, EBADF, EFAULT or succeed.
const refused = `
add_key 248, request_key 249, keyctl 250, bpf 321, perf_event_open 298, userfaultfd 323, mount 165, umount2 166, open_tree 428, move_mount 429,
fsopen 430, fsconfig 431, fsmount 432, fspick 433, mount_setattr 442, pivot_root 155, chroot 161, unshare 272, clone3 435, setns 308,
kexec_load 246, kexec_file_load 320, init_module 175, finit_module 313, delete_module 176, open_by_handle_at 304, swapon 167, swapoff 168,
reboot 169, acct 163, settimeofday 164, clock_settime 227, quotactl 179, quotactl_fd 443, syslog 103, nfsservctl 180, iopl 172, ioperm 173,
lookup_dcookie 212, vhangup 153, move_pages 279, migrate_pages 256, mbind 237, set_mempolicy 238, get_mempolicy 239, kcmp 312, pidfd_getfd 438,
process_madvise 440, sethostname 170, setdomainname 171, fanotify_init 300, uselib 134, sysfs 139, ustat 136,
io_uring_setup 425, io_uring_enter 426, io_uring_register 427`;

// What Docker 20.10's default profile lets through, and ours does not.
const refusedByOurs = `
name_to_handle_at 303, clock_adjtime 305, adjtimex 159, ptrace 101,
process_vm_readv 310, process_vm_writev 311, memfd_secret 447, modify_ldt 154, shmget 29, shmat 30, semget 64, semop 65, msgget 68, mq_open 240,
io_setup 206`;

const caller = `
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    padded = (list(arguments) + [0] * 6)[:6]
    if libc.syscall(ctypes.c_long(number), *[ctypes.c_long(value) for value in padded]) == -1:
        return errno.errorcode.get(ctypes.get_errno(), "?")
    return "let through"
`;

const callAll = (calls: string) => `${caller}
answers = {name: call(int(number)) for name, number in (entry.split() for entry in """${calls}""".split(","))}
{name: answer for name, answer in answers.items() if answer not in ("EPERM", "ENOSYS")}
`;

await describeEachBackend("the kernel, from inside a sandbox", (entry) => {
  const ours = entry.name === "bubblewrap";
  let backend: SandboxBackend;
  let dataDir: string;
  let sandbox: Sandbox;

  beforeAll(async () => {
    dataDir = await dataFolder({ "a.csv": "x" });
    backend = await openSandboxBackend({ backend: entry.name, memoryMb: 256, scratchMb: 32, preimport: [], signal });
    sandbox = await backend.open({ dataDir, label: "kernel test", signal });
  });

  afterAll(async () => {
    await sandbox?.[Symbol.asyncDispose]();
    await backend?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function value(code: string): Promise<string> {
    const step = await sandbox.run(code, { signal });
    expect(step).toMatchObject({ end: "ok" });
    return step.result?.head ?? "";
  }

  test("hands the interpreter no descriptor of the launcher's", async () => {
    const kinds = `
import os, re
sorted({re.sub(r"\\W.*", "", os.readlink("/proc/self/fd/" + name).lstrip("/")) for name in os.listdir("/proc/self/fd") if os.path.lexists("/proc/self/fd/" + name)})`;
    expect(await value(kinds)).toBe("['dev', 'pipe', 'socket']");
  });

  test("refuses every system call that could change the machine, in every process", async () => {
    if (process.arch === "x64") expect(await value(callAll(ours ? `${refused},${refusedByOurs}` : refused))).toBe("{}");
    const namespaces = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
    const clone = process.arch === "x64" ? 56 : 220;
    expect(await value(`${caller}{call(${clone}, flag | 17) for flag in ${JSON.stringify(namespaces)}}`)).toBe(
      "{'EPERM'}",
    );
    // AF_VSOCK and AF_ALG
    const socket = process.arch === "x64" ? 41 : 198;
    expect(await value(`${caller}{call(${socket}, family, 5, 0) for family in (40, 38)}`)).toBe("{'EPERM'}");
    const filtered = `
import glob, subprocess
child = subprocess.Popen(["sleep", "5"])
found = {line.split()[1] for path in glob.glob("/proc/[0-9]*/status") for line in open(path) if line.startswith("Seccomp:")}
child.kill() or child.wait() and None
found`;
    expect(await value(filtered)).toBe("{'2'}");
  });

  describe.skipIf(!ours)("with our own filter (skipped: Docker has its engine's)", () => {
    test.skipIf(process.arch !== "x64")("kills what speaks to the kernel as another architecture", async () => {
      // x32's getpid, and i386's through `int 0x80`: mov eax, 20; int 0x80; ret
      const foreign = `
import ctypes, mmap, os, signal
def x32():
    ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 | 39))
def i386():
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex("b814000000cd80c3"))
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
def end_of(body):
    pid = os.fork()
    if pid == 0:
        body()
        os._exit(0)
    return os.waitpid(pid, 0)[1]
[end_of(x32) == signal.SIGSYS, end_of(i386) == signal.SIGSYS]`;
      expect(await value(foreign)).toBe("[True, True]");
    });

    test("lets the usual arguments through, and not those that reach the host", async () => {
      const sockets = `
import ctypes, os, socket
def opened(*arguments):
    try:
        socket.socket(*arguments).close()
        return True
    except OSError:
        return False
usual = [opened(socket.AF_UNIX), opened(socket.AF_INET), opened(socket.AF_INET6), opened(socket.AF_NETLINK, socket.SOCK_RAW, 0)]
others = [opened(socket.AF_VSOCK), opened(socket.AF_PACKET, socket.SOCK_RAW), opened(38, 5), opened(socket.AF_NETLINK, socket.SOCK_RAW, 9)]
libc = ctypes.CDLL(None)
os.sync()
os.memfd_create("a")
huge = []
try:
    os.memfd_create("b", os.MFD_HUGETLB)
except OSError:
    huge.append("refused")
usual, others, libc.personality(ctypes.c_ulong(0xffffffff)) >= 0, libc.personality(ctypes.c_ulong(0x40000)), huge`;
      expect(await value(sockets)).toBe(
        "([True, True, True, True], [False, False, False, False], True, -1, ['refused'])",
      );
    });
  });

  test("bounds the number of files, and recovers when they are deleted", async () => {
    // Docker's own /dev/shm is bounded in size alone.
    const folders = ours ? ["/scratch", "/tmp", "/dev/shm"] : ["/scratch", "/tmp"];
    const fill = (folder: string) => `
import errno, os, shutil
os.mkdir("${folder}/full")
made = 0
try:
    while made < 100_000:
        os.close(os.open("${folder}/full/\\n%d" % made, os.O_CREAT))
        made += 1
except OSError as error:
    shutil.rmtree("${folder}/full")
    open("${folder}/again", "w").close()
    made = error.errno == errno.ENOSPC
made`;
    for (const folder of folders) expect(await value(fill(folder))).toBe("True");
  });

  test("leaves /proc nothing to write, and hides what tells of the host", async () => {
    const look = `
import os
writable = [os.path.join(folder, name) for folder, _, names in os.walk("/proc/sys") for name in names if os.access(os.path.join(folder, name), os.W_OK)]
told = []
for name in ("kcore", "keys", "kmsg", "timer_list", "sched_debug", "latency_stats", "scsi/scsi", "acpi/wakeup"):
    try:
        if open("/proc/" + name, "rb").read(1):
            told.append(name)
    except OSError:
        pass
try:
    os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-1000")
    told.append("oom_score_adj can be lowered")
except OSError:
    pass
writable, told, os.uname().nodename`;
    expect(await value(look)).toBe("([], [], 'sandbox')");
  });
});
