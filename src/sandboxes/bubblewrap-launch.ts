// The command line that becomes a bubblewrap sandbox: what is mounted before bwrap, as which user it runs, and what the inside sees.
import { existsSync, readFileSync, realpathSync } from "node:fs";
import type { SandboxLimits } from "../contracts.ts";
import { insideCommand, insideEnv, insideUid, runnerDir, tmpfsBytes } from "./inside.ts";

/** The descriptor on which bwrap finds the system call filter. */
export const filterDescriptor = 3;

/**
 * How many files each of the three folders in memory holds, which bwrap's own --tmpfs cannot bound. The kernel keeps about a kilobyte
 * for an empty one and charges the sandbox for it, so that all together may take up to three tenths of the memory.
 */
function filesPerFolder(limits: SandboxLimits): number {
  return Math.min(50_000, limits.memoryMb * 100);
}

/**
 * A command line whose process has mounted the sandbox's folders, for itself alone and below one folder of its mount namespace, and
 * then becomes bwrap as an ordinary user without capabilities. `bwrap` starts bwrap with what follows it.
 */
export function launchCommand(limits: SandboxLimits, dataDir: string, bwrap: readonly string[]): string[] {
  const asRoot = process.getuid?.() === 0;
  const size = tmpfsBytes(limits);
  const base = freeFolder([dataDir, runnerDir()]);
  // Root becomes an ordinary user before bwrap: user 0 inside would still own what root owns on the host, and without any capability
  // could write /proc/sys and change the host's device nodes. Another user is "root" of a user namespace, to mount, and then no longer.
  const [owner, become] = asRoot
    ? [
        insideUid,
        `setpriv --reuid ${insideUid} --regid ${insideUid} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs`,
      ]
    : [0, `unshare --user --map-user=${insideUid} --map-group=${insideUid}`];
  const inMemory = (name: string, bytes: number, mode: string) =>
    `tmpfs ${base}/${name} tmpfs size=${bytes},nr_inodes=${filesPerFolder(limits)},mode=${mode},uid=${owner},gid=${owner} 0 0`;
  const table = [
    inMemory("scratch", size.scratch, "0700"),
    inMemory("tmp", size.tmp, "1777"),
    inMemory("shm", size.shm, "1777"),
  ];
  const script = [
    "umask 022",
    `mount -t tmpfs -o mode=755,size=4m,nr_inodes=1k tmpfs ${base} || exit 72`,
    `mkdir ${["data", "none", "runner", "scratch", "tmp", "shm"].map((name) => `${base}/${name}`).join(" ")} || exit 72`,
    `${showData(dataDir, base)} || exit 72`,
    // One process for the three of them: starting it is what takes the time.
    `echo '${table.join("\n")}' > ${base}/table && mount --all --fstab ${base}/table || exit 72`,
    // Copied, not bound: in a checkout made under umask 077 nobody but root may read them, and their path is nobody's business inside.
    `cp -r "$2"/* ${base}/runner && chmod -R a+rX,go-w ${base}/runner && cd / && shift 2 || exit 72`,
    `exec ${become} "$@"`,
  ].join("\n");
  const unshare = ["unshare", ...(asRoot ? [] : ["--user", "--map-root-user"]), "--mount", "--propagation", "private"];
  const shell = ["/bin/sh", "-c", script, "sh", dataDir, runnerDir()];
  return [...unshare, ...shell, ...bwrap, ...insideArguments(limits, base)];
}

/**
 * Shell that shows the folder `$1` at `data`. Through an overlay of it and of nothing, because the code reads the source of a bind off
 * /proc/self/mountinfo, with the user's and the run's names. Bound where the kernel has no such overlay or more is mounted below it.
 */
function showData(dataDir: string, base: string): string {
  const bind = `mount --rbind "$1" ${base}/data`;
  const below = `${resolved(dataDir)}/`;
  const mounted = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) =>
      line.split(" ")[1]?.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
  if (mounted.some((path) => path?.startsWith(below))) return bind;
  return `{ cd "$1" && mount -t overlay -o ro,lowerdir=.:${base}/none overlay ${base}/data 2>/dev/null || ${bind}; }`;
}

/** A folder of every system that none of `used` lies in: what is mounted on it hides what it holds, to the sandbox's launcher alone. */
function freeFolder(used: readonly string[]): string {
  const paths = used.map((path) => `${resolved(path)}/`);
  const free = ["/mnt", "/media", "/srv", "/boot"].find(
    (folder) => existsSync(folder) && !paths.some((path) => path.startsWith(`${folder}/`)),
  );
  if (free === undefined) throw new Error("Expected one of /mnt, /media, /srv and /boot to mount on, found none");
  return free;
}

/** The path without links; as it is where it cannot be followed, which mounting it then says. */
function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

// What Docker masks, and what else tells of the host: its keys, its boot parameters, its kernel's addresses and messages.
const maskedFiles = ["cmdline", "interrupts", "kallsyms", "kcore", "keys", "key-users", "kmsg"].concat([
  ...["latency_stats", "sched_debug", "timer_list", "timer_stats"],
]);
const maskedFolders = ["acpi", "asound", "scsi"];

/** bwrap's own arguments, applied left to right, and the runner's command line. */
function insideArguments(limits: SandboxLimits, base: string): string[] {
  const readOnly = (from: string, to = from) => (existsSync(from) ? ["--ro-bind", from, to] : []);
  return [
    ...["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--as-pid-1"],
    ...["--cap-drop", "ALL", "--seccomp", String(filterDescriptor)],
    ...["--uid", String(insideUid), "--gid", String(insideUid), "--hostname", "sandbox", "--clearenv"],
    ...Object.entries(insideEnv(limits)).flatMap(([name, value]) => ["--setenv", name, value]),
    // Not /usr/local, not /usr/sbin: only what the interpreter and its packages read.
    ...["/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/share"].flatMap((path) => readOnly(path)),
    ...["--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"],
    ...(existsSync("/lib64") ? ["--symlink", "usr/lib64", "/lib64"] : []),
    ...["/etc/alternatives", "/etc/ld.so.cache", "/etc/matplotlibrc", "/etc/fonts", "/etc/mime.types"].flatMap((path) =>
      readOnly(path),
    ),
    ...["--ro-bind", `${base}/runner/passwd`, "/etc/passwd", "--ro-bind", `${base}/runner/group`, "/etc/group"],
    ...["--ro-bind", `${base}/runner/runner.py`, "/opt/runner/runner.py"],
    ...["--ro-bind", `${base}/runner/_inside`, "/opt/runner/_inside"],
    // Whoever made an IPC namespace may write its limits in /proc/sys.
    ...["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"],
    ...maskedFiles
      .map((name) => `/proc/${name}`)
      .flatMap((path) => (existsSync(path) ? ["--ro-bind", "/dev/null", path] : [])),
    ...maskedFolders
      .map((name) => `/proc/${name}`)
      .flatMap((path) => (existsSync(path) ? ["--tmpfs", path, "--remount-ro", path] : [])),
    ...["--dev", "/dev", "--bind", `${base}/shm`, "/dev/shm", "--remount-ro", "/dev"],
    ...["--bind", `${base}/tmp`, "/tmp", "--bind", `${base}/scratch`, "/scratch"],
    ...["--ro-bind", `${base}/data`, "/data", "--remount-ro", "/"],
    ...["--chdir", "/scratch", "--", ...insideCommand],
  ];
}
