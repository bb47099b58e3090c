// What sandboxes could leave on a machine, counted: ours by owner, and the machine's as a whole.
import { readdirSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { listSandboxes } from "../src/sandboxes/index.ts";

/** Counts that have to be after a soak what they were before. Of this process and its sandboxes alone. */
export interface OwnCounts {
  readonly sandboxes: number;
  readonly processes: number;
  readonly mounts: number;
  readonly cgroups: number;
  readonly descriptors: number;
}

/** Counts of the whole machine: they have to return too where nothing else runs on it (`--alone`). */
export interface MachineCounts {
  readonly processes: number;
  readonly mounts: number;
  readonly cgroups: number;
}

/** Memory in MB; null where there is no such process. */
export interface Memory {
  readonly rssMb: number;
  readonly heapMb: number;
  readonly dockerdMb: number | null;
}

/** `marks` are texts that stand in a line of the mount table where a sandbox of ours is mounted. */
export async function ownCounts(marks: readonly string[]): Promise<OwnCounts> {
  const descriptors = readdirSync("/proc/self/fd").length; // before the list, which opens connections of its own
  const ours = (await listSandboxes()).filter(({ ownerPid }) => ownerPid === process.pid);
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  return {
    sandboxes: ours.length,
    processes: below(process.pid),
    mounts: mounts.filter((line) => marks.some((mark) => line.includes(mark))).length,
    cgroups: cgroupNames().filter((name) => name.startsWith(`${process.pid}-`)).length,
    descriptors,
  };
}

export function machineCounts(): MachineCounts {
  return {
    processes: processes().length,
    mounts: readFileSync("/proc/self/mounts", "utf8").split("\n").length - 1,
    // Folders, not the kernel's own number: that counts removed ones too, until their last page is reclaimed.
    cgroups: cgroupFolders("/sys/fs/cgroup/memory") || cgroupFolders("/sys/fs/cgroup"),
  };
}

/** After a garbage collection. */
export function memory(): Memory {
  setFlagsFromString("--expose_gc");
  (runInNewContext("gc") as () => void)();
  const { rss, heapUsed } = process.memoryUsage();
  const dockerd = processes().find(({ name }) => name === "dockerd");
  const dockerdKb = dockerd && /VmRSS:\s+(\d+)/.exec(readOr(`/proc/${dockerd.pid}/status`))?.[1];
  return { rssMb: mb(rss), heapMb: mb(heapUsed), dockerdMb: dockerdKb ? mb(Number(dockerdKb) * 1024) : null };
}

const mb = (bytes: number) => Math.round(bytes / 1e5) / 10;

function cgroupFolders(folder: string): number {
  try {
    const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return inside.reduce((sum, { name }) => sum + 1 + cgroupFolders(`${folder}/${name}`), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0; // it has just been removed, or there is no such hierarchy
    throw error;
  }
}

function cgroupNames(): string[] {
  const homes = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].map((root) => `${root}/tracemill-${process.getuid?.()}`);
  return homes.flatMap((home) => {
    try {
      return readdirSync(home);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  });
}

function processes(): { pid: number; parent: number; name: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const stat = readOr(`/proc/${pid}/stat`);
      if (stat === "") return [];
      const end = stat.lastIndexOf(")");
      const parent = Number(stat.slice(end + 2).split(" ")[1]);
      return { pid: Number(pid), parent, name: stat.slice(stat.indexOf("(") + 1, end) };
    });
}

function below(pid: number): number {
  const all = processes();
  const count = (parent: number): number =>
    all.filter((one) => one.parent === parent).reduce((sum, one) => sum + 1 + count(one.pid), 0);
  return count(pid);
}

/** A file of /proc, or nothing where the process has just ended. */
function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}
