// Memory, process and CPU limits for a process tree, through whichever cgroup hierarchy this machine and this user have.
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { SandboxLimits } from "../contracts.ts";
import { ownerLives } from "./owner.ts";

/** One sandbox's cgroup. `procs` are the files a process writes its id to in order to join. */
export interface Cgroup {
  readonly procs: readonly string[];
  /** Host file that counts out-of-memory kills (`oom_kill n`). */
  readonly oomFile: string;
  /** Files of its own that the runner reads, and where it looks for them inside: kills for memory, memory in use, CPU time. */
  readonly shown: readonly { readonly path: string; readonly inside: string }[];
  /** Kills whatever runs in it, until nothing does. @throws {Error} when something is still there after ten seconds. */
  killAll(): Promise<void>;
  /** Kills what still runs in it and removes it. @throws {Error} when it is still busy after ten seconds. */
  remove(): Promise<void>;
}

export type CgroupRoots =
  | { readonly kind: "v1"; readonly memory: string; readonly pids: string; readonly cpu: string }
  | { readonly kind: "v2"; readonly root: string };

/** Where this machine's cgroup hierarchies with memory, pids and cpu controllers are mounted, or null. */
export function findCgroupRoots(): CgroupRoots | null {
  const v1 = new Map<string, string>();
  let v2: string | undefined;
  for (const line of readFileSync("/proc/self/mounts", "utf8").split("\n")) {
    const [, path, type, flags] = line.split(" ");
    if (path === undefined || flags === undefined) continue;
    if (type === "cgroup") for (const flag of flags.split(",")) v1.set(flag, path);
    if (type === "cgroup2") v2 ??= path;
  }
  const [memory, pids, cpu] = ["memory", "pids", "cpu"].map((name) => v1.get(name));
  if (memory && pids && cpu) return { kind: "v1", memory, pids, cpu };
  if (v2 && existsSync(`${v2}/cgroup.controllers`)) {
    const controllers = readFileSync(`${v2}/cgroup.controllers`, "utf8").split(/\s+/);
    if (["memory", "pids", "cpu"].every((name) => controllers.includes(name))) return { kind: "v2", root: v2 };
  }
  return null;
}

/** The mounted hierarchies that sandboxes have cgroups in, that of memory first. */
export function cgroupParents(roots: CgroupRoots): string[] {
  return [...new Set(roots.kind === "v1" ? [roots.memory, roots.pids, roots.cpu] : [roots.root])];
}

/** The folders that hold `uid`'s sandboxes: root makes them itself, others get them from `tracemill setup`. */
export function cgroupHomes(roots: CgroupRoots, uid: number): string[] {
  return cgroupParents(roots).map((parent) => `${parent}/tracemill-${uid}`);
}

/** Whether this process may make cgroups in every home. Root makes the homes first. @throws {Error} when root cannot. */
export function openHomes(roots: CgroupRoots, uid: number): boolean {
  const homes = cgroupHomes(roots, uid);
  if (uid === 0) {
    for (const home of homes) makeFolder(home, { recursive: true });
    if (roots.kind === "v2") {
      writeFileSync(`${roots.root}/cgroup.subtree_control`, "+memory +pids +cpu");
      writeFileSync(`${homes[0]}/cgroup.subtree_control`, "+memory +pids +cpu");
    }
    return true;
  }
  return roots.kind === "v1" && homes.every(isWritable);
}

/** Whatever the umask, everyone may look in: root's launcher is an ordinary user by the time it shows the sandbox its counters. */
function makeFolder(folder: string, how: { readonly recursive: boolean }): void {
  mkdirSync(folder, how);
  chmodSync(folder, 0o755);
}

/** The hierarchies that are mounted read-only, as in most containers: not even root makes a cgroup there. */
export function readOnlyRoots(roots: CgroupRoots): string[] {
  return cgroupParents(roots).filter((path) => accessError(path) === "EROFS");
}

/** Whether this process may make cgroups in a folder that is there. */
export function isWritable(path: string): boolean {
  return accessError(path) === null;
}

function accessError(path: string): "ENOENT" | "EACCES" | "EROFS" | null {
  try {
    accessSync(path, constants.W_OK);
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "EACCES" || code === "EROFS") return code;
    throw error;
  }
}

/** Makes a cgroup with these limits and no swap. `name` starts with its owner's id, so that `reapCgroups` finds it again. */
export function makeCgroup(roots: CgroupRoots, uid: number, name: string, limits: SandboxLimits): Cgroup {
  const homes = cgroupHomes(roots, uid);
  const folders = homes.map((home) => `${home}/${name}`);
  for (const folder of folders) makeFolder(folder, { recursive: false });
  const memoryBytes = String(limits.memoryMb * 1024 * 1024);
  const periodUs = 100_000;
  const quotaUs = String(Math.round(limits.cpus * periodUs));
  if (roots.kind === "v1") {
    const [memory, pids, cpu] = [roots.memory, roots.pids, roots.cpu].map(
      (root) => `${root}/tracemill-${uid}/${name}`,
    ) as [string, string, string];
    writeFileSync(`${memory}/memory.limit_in_bytes`, memoryBytes);
    if (existsSync(`${memory}/memory.memsw.limit_in_bytes`))
      writeFileSync(`${memory}/memory.memsw.limit_in_bytes`, memoryBytes);
    else writeFileSync(`${memory}/memory.swappiness`, "0");
    writeFileSync(`${pids}/pids.max`, String(limits.pids));
    writeFileSync(`${cpu}/cpu.cfs_period_us`, String(periodUs));
    writeFileSync(`${cpu}/cpu.cfs_quota_us`, quotaUs);
    return {
      procs: folders.map((folder) => `${folder}/cgroup.procs`),
      oomFile: `${memory}/memory.oom_control`,
      shown: shownFiles(memory, "/sys/fs/cgroup/memory", ["memory.oom_control", "memory.stat"]),
      killAll: () => retry(folders, killIn),
      remove: () => retry(folders, removeFolder),
    };
  }
  const folder = folders[0] as string;
  writeFileSync(`${folder}/memory.max`, memoryBytes);
  if (existsSync(`${folder}/memory.swap.max`)) writeFileSync(`${folder}/memory.swap.max`, "0");
  writeFileSync(`${folder}/pids.max`, String(limits.pids));
  writeFileSync(`${folder}/cpu.max`, `${quotaUs} ${periodUs}`);
  return {
    procs: [`${folder}/cgroup.procs`],
    oomFile: `${folder}/memory.events`,
    shown: shownFiles(folder, "/sys/fs/cgroup", ["memory.events", "memory.stat", "cpu.stat"]),
    killAll: () => retry(folders, killIn),
    remove: () => retry(folders, removeFolder),
  };
}

/** How many processes of a cgroup the kernel has killed for memory. */
export function oomKills(cgroup: Cgroup): number {
  return Number(/^oom_kill (\d+)$/m.exec(readFileSync(cgroup.oomFile, "utf8"))?.[1] ?? 0);
}

/** The files of these that the kernel has. */
function shownFiles(folder: string, inside: string, names: readonly string[]): Cgroup["shown"] {
  const there = names.filter((name) => existsSync(`${folder}/${name}`));
  return there.map((name) => ({ path: `${folder}/${name}`, inside: `${inside}/${name}` }));
}

/** The folders and processes of sandboxes whose names (`<owner>-<n>`) stand below these homes; a cgroup of v1 has one in each. */
export function foundCgroups(homes: readonly string[]): { readonly name: string; readonly folders: string[] }[] {
  const found = new Map<string, string[]>();
  for (const home of homes) {
    for (const name of existsSync(home) ? readdirSync(home) : []) {
      if (ownerOf(name) === null) continue;
      found.set(name, [...(found.get(name) ?? []), `${home}/${name}`]);
    }
  }
  return [...found].map(([name, folders]) => ({ name, folders }));
}

/** The owner in a cgroup's name, or null where it is none of ours. */
export function ownerOf(name: string): string | null {
  return /^(\d+-\d+)-\d+$/.exec(name)?.[1] ?? null;
}

/** Removes the cgroups of `uid`'s owners that no longer run, with whatever still runs in them, and returns their names. */
export async function reapCgroups(roots: CgroupRoots, uid: number): Promise<string[]> {
  const dead = foundCgroups(cgroupHomes(roots, uid)).filter(({ name }) => !ownerLives(ownerOf(name) as string));
  for (const { folders } of dead) await retry(folders, removeFolder);
  return dead.map(({ name }) => name);
}

/** Tries until `done` says so of every folder. @throws {Error} after ten seconds. */
async function retry(folders: readonly string[], done: (folder: string) => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    if (folders.map(done).every(Boolean)) return;
    if (performance.now() > deadline)
      throw new Error(`Expected ${folders.join(", ")} to become empty, it is still busy`);
    await sleep(pauseMs);
  }
}

/** The processes in a cgroup; none where it is gone. */
export function processesIn(folder: string): number[] {
  try {
    return readFileSync(`${folder}/cgroup.procs`, "utf8").split("\n").filter(Boolean).map(Number);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function killIn(folder: string): boolean {
  const left = processesIn(folder);
  for (const pid of left) kill(pid);
  return left.length === 0;
}

function removeFolder(folder: string): boolean {
  killIn(folder);
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if (isGone(error)) return true;
    if ((error as NodeJS.ErrnoException).code === "EBUSY") return false;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENODEV";
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
