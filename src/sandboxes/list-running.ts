// Every backend's sandboxes on this machine, and the removal of what dead owners left.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { FailureError } from "../domain/errors.ts";
import { cgroupHomes, findCgroupRoots, reapCgroups } from "./cgroup.ts";
import { dockerLacks } from "./docker.ts";
import { ownerLives } from "./owner.ts";
import type { RunningSandbox } from "./running.ts";

/** Every sandbox of this machine, whoever opened it. @throws {FailureError} where an engine answers and then breaks. */
export async function listSandboxes(): Promise<RunningSandbox[]> {
  return [...(await listContainers()), ...listCgroups()];
}

/** Removes the sandboxes whose owner is dead, and returns them. @throws {FailureError} where one could not be removed. */
export async function reapSandboxes(): Promise<RunningSandbox[]> {
  const dead = (await listSandboxes()).filter((sandbox) => !sandbox.ownerAlive);
  try {
    for (const { id } of dead.filter(({ backend }) => backend === "docker")) {
      const removal = (await engine()).getContainer(id).remove({ force: true, v: true });
      await removal.catch((error: { readonly statusCode?: number }) => {
        if (error.statusCode !== 404 && error.statusCode !== 409) throw error; // gone, or being removed by someone else
      });
    }
    const roots = findCgroupRoots();
    if (roots !== null) await reapCgroups(roots, process.getuid?.() ?? 0);
  } catch (cause) {
    throw new FailureError("sandbox", `A leftover could not be removed: ${(cause as Error).message}`, { cause });
  }
  return dead;
}

async function engine() {
  const { default: Engine } = await import("dockerode");
  return new Engine();
}

async function listContainers(): Promise<RunningSandbox[]> {
  if ((await dockerLacks())?.engine === false) return [];
  const docker = await engine();
  const found = await docker.listContainers({ all: true, filters: { label: ["tracemill.owner"] } });
  const here = found.filter(({ Labels }) => Labels["tracemill.host"]?.split("/")[0] === hostname());
  return Promise.all(
    here.map(async ({ Id, Labels, Created, State }) => {
      const stats =
        State === "running"
          ? await docker
              .getContainer(Id)
              .stats({ stream: false, "one-shot": true })
              .catch(() => null)
          : null; // it ended meanwhile
      return {
        backend: "docker",
        id: Id.slice(0, 12),
        label: Labels["tracemill.label"] ?? "",
        ownerPid: Number(Labels["tracemill.owner"]?.split("-")[0]),
        ownerAlive: ownerLives(Labels["tracemill.owner"] ?? ""),
        createdAt: Labels["tracemill.created"] ?? new Date(Created * 1000).toISOString(),
        memoryBytes: stats?.memory_stats?.usage ?? null,
      };
    }),
  );
}

function listCgroups(): RunningSandbox[] {
  const roots = findCgroupRoots();
  const [home] = roots === null ? [] : cgroupHomes(roots, process.getuid?.() ?? 0);
  if (home === undefined || !existsSync(home)) return [];
  return readdirSync(home).flatMap((name) => {
    const owner = /^(\d+-\d+)-\d+$/.exec(name)?.[1];
    if (owner === undefined) return [];
    const file = ["memory.usage_in_bytes", "memory.current"].map((file) => `${home}/${name}/${file}`).find(existsSync);
    return {
      backend: "bubblewrap",
      id: name,
      label: "",
      ownerPid: Number(owner.split("-")[0]),
      ownerAlive: ownerLives(owner),
      createdAt: statSync(`${home}/${name}`).ctime.toISOString(),
      memoryBytes: file === undefined ? null : Number(readFileSync(file, "utf8")),
    };
  });
}
