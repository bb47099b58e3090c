// The sandboxes of bubblewrap that stand on this machine, found by their cgroups.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { cgroupHomes, findCgroupRoots, reapCgroups } from "./cgroup.ts";
import { ownerLives } from "./owner.ts";
import type { RunningSandbox } from "./running.ts";

/** This user's sandboxes, whoever's process opened them. */
export async function listBubblewrap(): Promise<RunningSandbox[]> {
  if (process.platform !== "linux") return [];
  const roots = findCgroupRoots();
  if (roots === null) return [];
  const [home] = cgroupHomes(roots, process.getuid?.() ?? 0);
  if (home === undefined || !existsSync(home)) return [];
  return readdirSync(home).flatMap((id): RunningSandbox[] => {
    const owner = /^(\d+-\d+)-\d+$/.exec(id)?.[1];
    if (owner === undefined) return [];
    const used = readNumber(`${home}/${id}/memory.usage_in_bytes`) ?? readNumber(`${home}/${id}/memory.current`);
    return [
      {
        backend: "bubblewrap",
        id,
        label: "",
        ownerPid: Number(owner.split("-")[0]),
        ownerAlive: ownerLives(owner),
        createdAt: madeAt(`${home}/${id}`),
        memoryBytes: used,
      },
    ];
  });
}

/** Removes the sandboxes of processes that no longer run; returns what it removed. @throws {Error} when one is still busy. */
export async function reapBubblewrap(): Promise<RunningSandbox[]> {
  const gone = (await listBubblewrap()).filter((sandbox) => !sandbox.ownerAlive);
  const roots = findCgroupRoots();
  if (roots !== null) await reapCgroups(roots, process.getuid?.() ?? 0);
  return gone;
}

function readNumber(path: string): number | null {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

function madeAt(folder: string): string | null {
  try {
    return statSync(folder).ctime.toISOString();
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** The file is of the other kind of cgroup, or the sandbox has ended meanwhile. */
function isGone(error: unknown): boolean {
  return ["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "");
}
