// Sandboxes as bubblewrap processes: an allow-listed read-only root, no capabilities, no network, limits by cgroup.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { SandboxBackend, SandboxLimits } from "../contracts.ts";
import { FailureError, UsageError } from "../domain/errors.ts";
import { provenBackend } from "./backend.ts";
import { type Cgroup, findCgroupRoots, makeCgroup, oomKills, openHomes, readOnlyRoots, reapCgroups } from "./cgroup.ts";
import {
  insideCommand,
  insideEnv,
  insideUid,
  runnerDir,
  type SandboxOptions,
  supervisorGaveUp,
  tmpfsBytes,
} from "./inside.ts";
import { ownerId } from "./owner.ts";
import { missingModules, pythonPath } from "./python.ts";
import { checkReadable } from "./readable.ts";
import type { Inside, InsideEnd } from "./supervised.ts";

export const bwrapPath = "/usr/bin/bwrap";

/** How a started process comes under its limits: `enter` is a command line that becomes what follows it, `bwrap` starts bwrap. */
type Fence = (limits: SandboxLimits) => {
  readonly enter: readonly string[];
  readonly bwrap: readonly string[];
  /** Whether the kernel has taken something of it for memory; null where that cannot be read from outside. */
  ranOutOfMemory(): boolean | null;
  remove(): Promise<void>;
};

// Where root's launcher mounts, for itself alone, what an ordinary user may not reach by its own path.
const rootsDataDir = "/mnt";
const rootsRunnerDir = "/media";

/** Why bubblewrap cannot be used here, or null. Looks only; `createBubblewrap` tries it. `installable` is whether setup can mend it. */
export async function bubblewrapLacks(): Promise<{ reason: string; wayOut: string; installable: boolean } | null> {
  const never = (reason: string, wayOut: string) => ({ reason, wayOut, installable: false });
  const notYet = (reason: string) => ({ reason, wayOut: "run `npx tracemill setup`", installable: true });
  if (process.platform !== "linux") return never("bubblewrap needs Linux", "use Docker");
  const roots = findCgroupRoots();
  if (roots === null) return never("no cgroups with memory, pids and cpu controllers are mounted", "use Docker");
  const uid = process.getuid?.() ?? 0;
  const closed = uid === 0 || roots.kind === "v1" ? readOnlyRoots(roots) : [];
  if (closed.length > 0) {
    const reason = `${closed.join(", ")} is mounted read-only (a container?), so nothing would limit memory`;
    return never(reason, "use Docker, or run on the machine itself");
  }
  if (uid !== 0 && roots.kind === "v2" && !existsSync(`/run/user/${uid}/systemd`)) {
    const reason = `user ${uid} has no systemd session, so nothing would limit memory`;
    return never(reason, "log in as that user, or use root or Docker");
  }
  if (!existsSync(bwrapPath)) return notYet(`${bwrapPath} is not installed`);
  const missing = await missingModules();
  if (missing.length > 0) return notYet(`${pythonPath} (3.11 or newer) lacks ${missing.join(", ")}`);
  if (uid !== 0 && roots.kind === "v1" && !openHomes(roots, uid))
    return notYet(`no cgroup is delegated to user ${uid}, so nothing would limit memory`);
  return null;
}

/**
 * Probes bubblewrap with the real arguments and returns the backend.
 * @throws {UsageError} saying which promise it cannot hold here and the way out.
 */
export async function createBubblewrap(options: SandboxOptions): Promise<SandboxBackend> {
  const lack = await bubblewrapLacks();
  if (lack) throw new UsageError(`Expected a usable bubblewrap, but ${lack.reason}: ${lack.wayOut}`);
  tmpfsBytes(options.limits);
  const fence = await findFence();
  return provenBackend("bubblewrap", null, options, async (limits, request) => {
    if (process.getuid?.() === 0) await checkReadable(request.dataDir);
    return startInside(fence, limits, request.dataDir);
  });
}

async function findFence(): Promise<Fence> {
  const roots = findCgroupRoots();
  const uid = process.getuid?.() ?? 0;
  if (roots === null)
    throw new UsageError("Expected mounted cgroups, found none: use Docker (`sandbox.backend: docker`)");
  if (roots.kind === "v2" && uid !== 0) return scopeFence;
  openHomes(roots, uid);
  await reapCgroups(roots, uid);
  const owner = ownerId();
  return (limits) => {
    const cgroup = makeCgroup(roots, uid, `${owner}-${++sandboxCount}`, limits);
    return {
      enter: joinCgroup(cgroup),
      bwrap: [bwrapPath, "--ro-bind", cgroup.oomFile, cgroup.oomFileInside],
      ranOutOfMemory: () => oomKills(cgroup) > 0,
      remove: () => cgroup.remove(),
    };
  };
}

let sandboxCount = 0;

/** A command line that enters the cgroup and then becomes what follows it. */
function joinCgroup(cgroup: Cgroup): string[] {
  const script = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1" || exit 72; shift; n=$((n-1)); done; exec "$@"';
  return ["/bin/sh", "-c", script, "sh", String(cgroup.procs.length), ...cgroup.procs];
}

/** cgroup v2 without root: systemd makes the cgroup, and it is found from inside it. Unproven: see docs/sandbox.md. */
const scopeFence: Fence = (limits) => {
  const properties = [
    `MemoryMax=${limits.memoryMb}M`,
    "MemorySwapMax=0",
    `TasksMax=${limits.pids}`,
    `CPUQuota=${Math.round(limits.cpus * 100)}%`,
  ];
  const script =
    'events="/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/memory.events"; b=$1; shift; exec "$b" --ro-bind "$events" /sys/fs/cgroup/memory.events "$@"';
  return {
    enter: [
      "systemd-run",
      ...["--user", "--scope", "--quiet", "--collect"],
      ...properties.flatMap((property) => ["-p", property]),
      "--",
    ],
    bwrap: ["/bin/sh", "-c", script, "sh", bwrapPath],
    ranOutOfMemory: () => null,
    remove: async () => {},
  };
};

/**
 * Root becomes an ordinary user before bwrap: user 0 inside would still own what root owns on the host, and without any capability
 * could write /proc/sys and change the host's device nodes.
 */
function dropRoot(dataDir: string): string[] {
  const script = [
    `mount --bind "$1" ${rootsDataDir} && mount -t tmpfs -o mode=755,size=1m tmpfs ${rootsRunnerDir} || exit 72`,
    // Copied, not bound: in a checkout made under umask 077 nobody but root may read them.
    `cp -r "$2"/* ${rootsRunnerDir} && chmod -R a+rX,go-w ${rootsRunnerDir} && shift 2 || exit 72`,
    `exec setpriv --reuid ${insideUid} --regid ${insideUid} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"`,
  ].join("\n");
  return ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script, "sh", dataDir, runnerDir()];
}

/** The sandbox's own arguments, applied left to right. */
function bwrapArguments(limits: SandboxLimits, dataDir: string, runner: string): string[] {
  const size = tmpfsBytes(limits);
  const readOnly = (from: string, to = from) => (existsSync(from) ? ["--ro-bind", from, to] : []);
  return [
    ...[
      "--unshare-all",
      "--unshare-user",
      "--disable-userns",
      "--die-with-parent",
      "--new-session",
      "--as-pid-1",
      "--cap-drop",
      "ALL",
    ],
    ...["--uid", String(insideUid), "--gid", String(insideUid), "--hostname", "sandbox", "--clearenv"],
    ...Object.entries(insideEnv).flatMap(([name, value]) => ["--setenv", name, value]),
    // Not /usr/local, not /usr/sbin: only what the interpreter and its packages read.
    ...["/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/share"].flatMap((path) => readOnly(path)),
    ...["--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"],
    ...(existsSync("/lib64") ? ["--symlink", "usr/lib64", "/lib64"] : []),
    ...["/etc/alternatives", "/etc/ld.so.cache", "/etc/matplotlibrc", "/etc/fonts", "/etc/mime.types"].flatMap((path) =>
      readOnly(path),
    ),
    ...["--ro-bind", `${runner}/passwd`, "/etc/passwd", "--ro-bind", `${runner}/group`, "/etc/group"],
    ...[
      "--ro-bind",
      `${runner}/runner.py`,
      "/opt/runner/runner.py",
      "--ro-bind",
      `${runner}/_inside`,
      "/opt/runner/_inside",
    ],
    ...["--proc", "/proc", "--dev", "/dev"],
    ...["--size", String(size.shm), "--perms", "1777", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"],
    ...["--size", String(size.tmp), "--perms", "1777", "--tmpfs", "/tmp"],
    ...["--size", String(size.scratch), "--perms", "0700", "--tmpfs", "/scratch"],
    ...["--ro-bind", dataDir, "/data", "--remount-ro", "/"],
    ...["--chdir", "/scratch", "--", ...insideCommand],
  ];
}

function startInside(fence: Fence, limits: SandboxLimits, dataDir: string): Inside {
  const { enter, bwrap, ranOutOfMemory, remove } = fenced(() => fence(limits));
  const asRoot = process.getuid?.() === 0;
  const [command, ...rest] = asRoot
    ? [...enter, ...dropRoot(dataDir), ...bwrap, ...bwrapArguments(limits, rootsDataDir, rootsRunnerDir)]
    : [...enter, ...bwrap, ...bwrapArguments(limits, dataDir, runnerDir())];
  // systemd-run finds the user's manager by XDG_RUNTIME_DIR; nothing of this reaches the inside, which starts with --clearenv.
  const env = {
    PATH: "/usr/bin:/bin",
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.() ?? 0}`,
  };
  // In a process group of its own: a terminal sends Ctrl-C to ours, and that must not end the code under way.
  const child: ChildProcessWithoutNullStreams = spawn(command as string, rest, {
    stdio: "pipe",
    env,
    cwd: "/",
    detached: true,
  });
  let diagnostics = "";
  child.stderr.on("data", (chunk: Buffer) => {
    diagnostics = (diagnostics + chunk.toString("utf8")).slice(-2000);
  });
  child.stdin.on("error", () => {}); // the process has gone; `ended` says so
  return {
    write: (bytes) => void child.stdin.write(bytes),
    onData: (listener) => void child.stdout.on("data", listener),
    ended: new Promise<InsideEnd>((resolve) => {
      child.once("error", (error) => resolve({ cause: "infrastructure", detail: error.message }));
      child.once("close", (code, signal) => resolve(explain(code, signal, ranOutOfMemory, diagnostics.trim())));
    }),
    kill: () => void child.kill("SIGKILL"),
    remove: () => remove().catch(cgroupBroke),
  };
}

function fenced<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    return cgroupBroke(error);
  }
}

function cgroupBroke(cause: unknown): never {
  throw new FailureError("sandbox", `The sandbox's cgroup broke: ${(cause as Error).message}`, { cause });
}

/**
 * The code cannot signal the outer bwrap, which is not in its process namespace, nor the supervisor, which is process 1 of its own:
 * bwrap passes on the supervisor's end, and that is the code's doing only where the memory ran out.
 */
function explain(
  code: number | null,
  signal: NodeJS.Signals | null,
  ranOutOfMemory: () => boolean | null,
  diagnostics: string,
): InsideEnd {
  const bySignal = signal === null && code !== null && code > 128;
  if (bySignal && ranOutOfMemory() !== false) {
    return { cause: "agent", detail: `the sandbox's main process was ended by signal ${code - 128}` };
  }
  // No interpreter starts any more where the code left memory full that killing does not free, as of millions of files.
  if (code === supervisorGaveUp && ranOutOfMemory() === true) {
    return { cause: "agent", detail: "the memory ran out, and no interpreter could be started again" };
  }
  const why = signal
    ? `bwrap was ended by ${signal}`
    : bySignal
      ? `the sandbox's main process was ended from outside by signal ${code - 128}`
      : code === supervisorGaveUp
        ? "the supervisor gave up"
        : `bwrap left with ${code}`;
  return { cause: "infrastructure", detail: diagnostics === "" ? why : `${why}: ${diagnostics}` };
}
