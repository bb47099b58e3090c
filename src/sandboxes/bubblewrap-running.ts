// The bubblewrap sandboxes on this machine, whoever opened them, read off their cgroups; and the end of those whose owners are gone.
import { readdirSync, readFileSync } from "node:fs";
import {
  type CgroupRoots,
  cgroupHomes,
  cgroupParents,
  findCgroupRoots,
  foundCgroups,
  ownerOf,
  processesIn,
  reapCgroups,
} from "./cgroup.ts";
import { ownerLives } from "./owner.ts";
import type { RunningSandbox } from "./running.ts";

/**
 * Every sandbox that has a cgroup of ours: of all users, as far as this one may read them. Those of an ordinary user on cgroup v2 are
 * systemd scopes and are not among them.
 */
export async function listBubblewrap(): Promise<RunningSandbox[]> {
  const roots = process.platform === "linux" ? findCgroupRoots() : null;
  if (roots === null) return [];
  return usersIn(roots).flatMap((uid) => sandboxesOf(roots, uid));
}

/**
 * Ends what is left of sandboxes whose owners no longer run, and returns it as it was. Root does so for every user, others for themselves.
 * @throws {Error} when a process of one does not go for ten seconds.
 */
export async function reapBubblewrap(): Promise<RunningSandbox[]> {
  const roots = process.platform === "linux" ? findCgroupRoots() : null;
  if (roots === null) return [];
  const own = process.getuid?.() ?? 0;
  const reaped: RunningSandbox[] = [];
  for (const uid of own === 0 ? usersIn(roots) : [own]) {
    const before = sandboxesOf(roots, uid);
    const names = new Set(await reapCgroups(roots, uid));
    reaped.push(...before.filter(({ id }) => names.has(id)));
  }
  return reaped;
}

function usersIn(roots: CgroupRoots): number[] {
  const names = cgroupParents(roots).flatMap((parent) => readdirSync(parent));
  const uids = names.flatMap((name) => /^tracemill-(\d+)$/.exec(name)?.[1] ?? []);
  return [...new Set(uids.map(Number))].sort((a, b) => a - b);
}

function sandboxesOf(roots: CgroupRoots, uid: number): RunningSandbox[] {
  return foundCgroups(cgroupHomes(roots, uid)).map(({ name, folders }) => {
    const owner = ownerOf(name) as string;
    const memory = folders[0]; // the hierarchy of memory comes first
    return {
      backend: "bubblewrap",
      id: name,
      ...launcherSays(new Set(folders.flatMap(processesIn))),
      ownerPid: Number(owner.split("-")[0]),
      ownerAlive: ownerLives(owner),
      memoryBytes: numberIn([`${memory}/memory.usage_in_bytes`, `${memory}/memory.current`]),
    };
  });
}

/** What the launcher among these processes was told by `startInside`: nothing of it is in the environment of any other. */
function launcherSays(pids: Iterable<number>): { readonly label: string; readonly createdAt: string | null } {
  for (const pid of pids) {
    const told = environmentOf(pid);
    const created = told.get("TRACEMILL_CREATED");
    if (created !== undefined) return { label: told.get("TRACEMILL_LABEL") ?? "", createdAt: created };
  }
  return { label: "", createdAt: null };
}

function environmentOf(pid: number): ReadonlyMap<string, string> {
  const text = readable(`/proc/${pid}/environ`) ?? "";
  return new Map(
    text.split("\0").map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
}

function numberIn(paths: readonly string[]): number | null {
  for (const path of paths) {
    const text = readable(path);
    if (text !== null) return Number(text);
  }
  return null;
}

/** A file's text, or null where it is gone or may not be read. */
function readable(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENODEV" || code === "ESRCH" || code === "EACCES" || code === "EPERM")
      return null;
    throw error;
  }
}
