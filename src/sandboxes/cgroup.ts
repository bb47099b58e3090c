// Memory, process and CPU limits for a process tree, through whichever cgroup hierarchy this machine and this user have.
import {
  accessSync,
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
  /** Host file that counts out-of-memory kills (`oom_kill n`), and where the runner looks for it inside. */
  readonly oomFile: string;
  readonly oomFileInside: string;
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

/** The folders that hold `uid`'s sandboxes: root makes them itself, others get them from `tracemill setup`. */
export function cgroupHomes(roots: CgroupRoots, uid: number): string[] {
  const name = `tracemill-${uid}`;
  const homes = roots.kind === "v1" ? [roots.memory, roots.pids, roots.cpu] : [roots.root];
  return [...new Set(homes)].map((home) => `${home}/${name}`);
}

/** Whether this process may make cgroups in every home. Root makes the homes first. @throws {Error} when root cannot. */
export function openHomes(roots: CgroupRoots, uid: number): boolean {
  const homes = cgroupHomes(roots, uid);
  if (uid === 0) {
    for (const home of homes) mkdirSync(home, { recursive: true });
    if (roots.kind === "v2") {
      writeFileSync(`${roots.root}/cgroup.subtree_control`, "+memory +pids +cpu");
      writeFileSync(`${homes[0]}/cgroup.subtree_control`, "+memory +pids +cpu");
    }
    return true;
  }
  return roots.kind === "v1" && homes.every(isWritable);
}

/** The hierarchies that are mounted read-only, as in most containers: not even root makes a cgroup there. */
export function readOnlyRoots(roots: CgroupRoots): string[] {
  const mounted = roots.kind === "v1" ? [roots.memory, roots.pids, roots.cpu] : [roots.root];
  return [...new Set(mounted)].filter((path) => accessError(path) === "EROFS");
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
  for (const folder of folders) mkdirSync(folder);
  const memoryBytes = String(limits.memoryMb * 1024 * 1024);
  const periodUs = 100_000;
  const quotaUs = String(Math.round(limits.cpus * periodUs));
  if (roots.kind === "v1") {
    const [memory, pids, cpu] = [roots.memory, roots.pids, roots.cpu].map((root) => `${root}/tracemill-${uid}/${name}`);
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
      oomFileInside: "/sys/fs/cgroup/memory/memory.oom_control",
      remove: () => removeFolders(folders),
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
    oomFileInside: "/sys/fs/cgroup/memory.events",
    remove: () => removeFolders(folders),
  };
}

/** How many processes of a cgroup the kernel has killed for memory. */
export function oomKills(cgroup: Cgroup): number {
  return Number(/^oom_kill (\d+)$/m.exec(readFileSync(cgroup.oomFile, "utf8"))?.[1] ?? 0);
}

/** Removes the cgroups of owners that no longer run. */
export async function reapCgroups(roots: CgroupRoots, uid: number): Promise<void> {
  for (const home of cgroupHomes(roots, uid)) {
    for (const name of existsSync(home) ? readdirSync(home) : []) {
      const owner = /^(\d+-\d+)-\d+$/.exec(name)?.[1];
      if (owner === undefined || ownerLives(owner)) continue;
      await removeFolders([`${home}/${name}`]);
    }
  }
}

async function removeFolders(folders: readonly string[]): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    if (folders.map(removeFolder).every(Boolean)) return;
    if (performance.now() > deadline)
      throw new Error(`Expected ${folders.join(", ")} to become empty, it is still busy`);
    await sleep(pauseMs);
  }
}

function removeFolder(folder: string): boolean {
  try {
    for (const pid of readFileSync(`${folder}/cgroup.procs`, "utf8").split("\n")) if (pid !== "") kill(Number(pid));
    rmdirSync(folder);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENODEV") return true;
    if (code === "EBUSY") return false;
    throw error;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
