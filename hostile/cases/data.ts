// Rows 17 and 18: the data is everybody's, and stays as it is.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { attempts, done, inWords, recordOf } from "../attempts.ts";
import type { HostileCase, HostileContext, Session } from "../case.ts";

const file = "/data/cars.csv";
const flags = { remount: 32, bind: 4096, readOnly: 1, recursive: 16384 };
const mount = (source: string, to: string, type: string, flag: number) =>
  `if libc.mount(b"${source}", b"${to}", b"${type}", ${flag}, None) != 0: raise OSError(ctypes.get_errno(), "mount")`;

const changes: Record<string, string> = {
  write: `open("${file}", "w").write("gone")`,
  append: `open("${file}", "a").write("more")`,
  truncate: `os.truncate("${file}", 0)`,
  "truncate by a descriptor": `h = os.open("${file}", os.O_RDONLY); open(f"/proc/self/fd/{h}", "w")`,
  "reopen for writing": `h = os.open("${file}", os.O_RDONLY); os.write(os.open(f"/proc/self/fd/{h}", os.O_RDWR), b"x")`,
  "map and write": `import mmap; h = os.open("${file}", os.O_RDONLY); mmap.mmap(h, 4, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)[0] = 65`,
  chmod: `os.chmod("${file}", 0o777)`,
  chown: `os.chown("${file}", os.getuid(), os.getgid())`,
  "chmod the folder": `os.chmod("/data", 0o777)`,
  remove: `os.remove("${file}")`,
  rename: `os.rename("${file}", "/data/other.csv")`,
  "rename away": `os.rename("${file}", "/scratch/cars.csv")`,
  "rename the folder": `os.rename("/data", "/data2")`,
  "hard link": `os.link("${file}", "/data/link.csv")`,
  "hard link outside": `os.link("${file}", "/scratch/link.csv")`,
  "symbolic link": `os.symlink("/scratch", "/data/link")`,
  "new file": `open("/data/new.csv", "w")`,
  "new folder": `os.mkdir("/data/new")`,
  times: `os.utime("${file}", (1, 1))`,
  attributes: `os.setxattr("${file}", "user.x", b"x")`,
  "through /proc/self/root": `open("/proc/self/root${file}", "w")`,
  "through /proc/1/root": `open("/proc/1/root${file}", "w")`,
  "through a descriptor of the folder": `d = os.open("/data", os.O_RDONLY); os.open("cars.csv", os.O_WRONLY, dir_fd=d)`,
  "no time of reading": `os.open("${file}", os.O_RDONLY | os.O_NOATIME | os.O_TRUNC)`,
  remount: mount("none", "/data", "", flags.remount | flags.bind),
  "remount whole": mount("none", "/", "", flags.remount),
  unmount: `if libc.umount2(b"/data", 2) != 0: raise OSError(ctypes.get_errno(), "umount")`,
  "mount by command": `subprocess.run(["/bin/sh", "-c", "mount -o remount,rw /data || /usr/bin/mount -o remount,rw,bind /data"], check=True, capture_output=True)`,
  "punch a hole": `call(285, os.open("${file}", os.O_RDONLY), 3, 0, 4)`,
};

const shadows: Record<string, string> = {
  "bind over":
    `os.makedirs("/scratch/mine", exist_ok=True); ${mount("/scratch/mine", "/data", "", flags.bind)}`.replace(
      "; if",
      "\nif",
    ),
  "tmpfs over": mount("tmpfs", "/data", "tmpfs", 0),
  "overlay over": mount("overlay", "/data", "overlay", 0),
  "bind a file over": `open("/scratch/mine.csv", "w").write("name,mpg\\n")\n${mount("/scratch/mine.csv", file, "", flags.bind)}`,
  "move another over": mount("/scratch", "/data", "", 8192),
  "replace by a link": `os.rmdir("/data"); os.symlink("/scratch/mine", "/data")`,
  "exchange names": `call(316, -100, b"/scratch", -100, b"/data", 2)`,
  "a user namespace first": `call(272, 0x10000000 | 0x20000)\n${mount("tmpfs", "/data", "tmpfs", 0)}`,
  "change of root": `os.makedirs("/scratch/root/data", exist_ok=True); os.chroot("/scratch/root")`,
  "open_tree and move_mount": `t = libc.syscall(428, -100, b"/scratch", 1)\nif t == -1: raise OSError(ctypes.get_errno(), "open_tree")\ncall(429, t, b"", -100, b"/data", 4)`,
};

/** Fails unless a step finds the data as it lies on the host. */
async function isTrue(session: Session, context: HostileContext): Promise<void> {
  const now = await session.run(`import hashlib\nhashlib.sha256(open("${file}", "rb").read()).hexdigest()`);
  const hash = createHash("sha256")
    .update(readFileSync(`${context.dataDir}/cars.csv`))
    .digest("hex");
  assert.equal(now.result, `'${hash}'`, now.observation);
}

function unchanged(row: number, name: string, pieces: Record<string, string>): HostileCase {
  return {
    row,
    name,
    kind: "data",
    async run(context) {
      const before = readFileSync(`${context.dataDir}/cars.csv`);
      const session = await context.open();
      const told = await attempts(session, pieces);
      assert.deepEqual(done(told), [], "these were done");
      assert.deepEqual(readFileSync(`${context.dataDir}/cars.csv`), before, "the host's file has changed");
      await isTrue(session, context);
      await isTrue(await context.open(), context);
      return { agentSees: inWords(told), record: "ok" };
    },
  };
}

export const data: readonly HostileCase[] = [
  unchanged(17, "every way to change a file of the data", changes),
  {
    row: 17,
    name: "plain writing, as the agent is told",
    kind: "data",
    async run(context) {
      const session = await context.open();
      const step = await session.run(`open("${file}", "w")`);
      assert.equal(step.end, "error");
      assert.match(step.observation, /OSError: \[Errno 30\] Read-only file system|PermissionError/);
      await isTrue(session, context);
      return { agentSees: step.observation.trim().split("\n").at(-1) ?? "", record: recordOf(step) };
    },
  },
  unchanged(18, "every way to lay something over the data", shadows),
];
