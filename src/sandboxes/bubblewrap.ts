// Sandboxes as bubblewrap processes: an allow-listed read-only root, no capabilities, no network, limits by cgroup.
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import type { SandboxBackend, SandboxLimits, SandboxRequest } from "../contracts.ts";
import { FailureError, UsageError } from "../domain/errors.ts";
import { provenBackend } from "./backend.ts";
import { filterDescriptor, launchCommand } from "./bubblewrap-launch.ts";
import { reapBubblewrap } from "./bubblewrap-running.ts";
import { type Cgroup, findCgroupRoots, makeCgroup, oomKills, openHomes, readOnlyRoots } from "./cgroup.ts";
import { type SandboxOptions, supervisorGaveUp, tmpfsBytes } from "./inside.ts";
import { ownerId } from "./owner.ts";
import { missingModules, pythonPath } from "./python.ts";
import { checkReadable, checkThere } from "./readable.ts";
import { hasFilter, seccompProgram } from "./seccomp.ts";
import type { Inside, InsideEnd } from "./supervised.ts";
import type { Architecture } from "./system-calls.ts";

export const bwrapPath = "/usr/bin/bwrap";

/** How a started process comes under its limits: `enter` is a command line that becomes what follows it, `bwrap` starts bwrap. */
type Fence = (limits: SandboxLimits) => {
  readonly enter: readonly string[];
  readonly bwrap: readonly string[];
  /** Whether the kernel has taken something of it for memory; null where that cannot be read from outside. */
  ranOutOfMemory(): boolean | null;
  /** Kills whatever is still in it, until nothing is. @throws {Error} when something does not go for ten seconds. */
  killAll(): Promise<void>;
  remove(): Promise<void>;
};

/** Why bubblewrap cannot be used here, or null. Looks only; `createBubblewrap` tries it. `installable` is whether setup can mend it. */
export async function bubblewrapLacks(): Promise<{ reason: string; wayOut: string; installable: boolean } | null> {
  const never = (reason: string, wayOut: string) => ({ reason, wayOut, installable: false });
  const notYet = (reason: string) => ({ reason, wayOut: "run `npx tracemill setup`", installable: true });
  if (process.platform !== "linux") return never("bubblewrap needs Linux", "use Docker");
  if (!hasFilter(process.arch)) {
    return never(`there is no system call filter for the architecture ${process.arch}`, "use Docker");
  }
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
  const fence = findFence();
  const filter = seccompProgram(process.arch as Architecture);
  return provenBackend(
    {
      name: "bubblewrap",
      image: null,
      runtime: `bubblewrap ${await bwrapVersion()}`,
      expected: { seccomp: true, gvisor: false, outlivesMemory: true },
      createsPerSecond: 100,
      createsAtOnce: 16,
      check: ({ dataDir }) => (process.getuid?.() === 0 ? checkReadable(dataDir) : checkThere(dataDir)),
      start: async (limits, request) => startInside(fence, limits, request, filter),
      reap: reapBubblewrap,
      settled: async () => {},
    },
    options,
  );
}

/** As bubblewrap says it of itself. @throws {UsageError} when it cannot be started. */
async function bwrapVersion(): Promise<string> {
  const said = await promisify(execFile)(bwrapPath, ["--version"]).catch((cause: Error) => {
    throw new UsageError(`Expected to start ${bwrapPath}, got: ${cause.message}: mend or reinstall bubblewrap`, {
      cause,
    });
  });
  return said.stdout.trim().replace(/^bubblewrap /, "");
}

function findFence(): Fence {
  const roots = findCgroupRoots();
  const uid = process.getuid?.() ?? 0;
  if (roots === null)
    throw new UsageError("Expected mounted cgroups, found none: use Docker (`sandbox.backend: docker`)");
  if (roots.kind === "v2" && uid !== 0) return scopeFence;
  openHomes(roots, uid);
  const owner = ownerId();
  return (limits) => {
    const cgroup = makeCgroup(roots, uid, `${owner}-${++sandboxCount}`, limits);
    return {
      enter: joinCgroup(cgroup),
      bwrap: [bwrapPath, ...cgroup.shown.flatMap(({ path, inside }) => ["--ro-bind", path, inside])],
      killAll: () => cgroup.killAll(),
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
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    'events="/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/memory.events"; b=$1; shift; exec "$b" --ro-bind "$events" /sys/fs/cgroup/memory.events --ro-bind "${events%events}stat" /sys/fs/cgroup/memory.stat "$@"';
  return {
    enter: [
      "systemd-run",
      ...["--user", "--scope", "--quiet", "--collect"],
      ...properties.flatMap((property) => ["-p", property]),
      "--",
    ],
    bwrap: ["/bin/sh", "-c", script, "sh", bwrapPath],
    killAll: async () => {},
    ranOutOfMemory: () => null,
    remove: async () => {},
  };
};

function startInside(fence: Fence, limits: SandboxLimits, request: SandboxRequest, filter: Buffer): Inside {
  const { enter, bwrap, killAll, ranOutOfMemory, remove } = fenced(() => fence(limits));
  const [command, ...rest] = [...enter, ...launchCommand(limits, request.dataDir, bwrap)];
  // Nothing of this reaches the inside, which starts with --clearenv: systemd-run finds the user's manager by XDG_RUNTIME_DIR, and
  // `tracemill sandbox ps` reads what a sandbox is for off its launcher.
  const env = {
    PATH: "/usr/bin:/bin:/usr/sbin:/sbin",
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.() ?? 0}`,
    TRACEMILL_LABEL: request.label,
    TRACEMILL_CREATED: new Date().toISOString(),
  };
  // In a process group of its own: a terminal sends Ctrl-C to ours, and that must not end the code under way.
  const child = spawn(command as string, rest, {
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    env,
    cwd: "/",
    detached: true,
  }) as ChildProcessWithoutNullStreams;
  let diagnostics = "";
  child.stderr.on("data", (chunk: Buffer) => {
    diagnostics = (diagnostics + chunk.toString("utf8")).slice(-2000);
  });
  child.stdin.on("error", () => {}); // the process has gone; `ended` says so
  const toFilter = child.stdio[filterDescriptor] as Writable;
  toFilter.on("error", () => {});
  toFilter.end(filter);
  // A launcher that is killed before bwrap has tied the inside to it leaves processes behind, which hold our pipes open.
  child.once("exit", () => void killAll().catch(() => {}));
  return {
    write: (bytes) => void child.stdin.write(bytes),
    onData: (listener) => void child.stdout.on("data", listener),
    ended: new Promise<InsideEnd>((resolve) => {
      child.once("error", (error) => resolve({ cause: "infrastructure", detail: error.message }));
      child.once("close", (code, signal) => resolve(explain(code, signal, ranOutOfMemory, diagnostics.trim())));
    }),
    kill() {
      child.kill("SIGKILL");
      // A bwrap that dies before the process inside has asked to die with it leaves that one waiting for us: the end of its input ends it.
      child.stdin.destroy();
    },
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
