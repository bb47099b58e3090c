// The containers that stand on an engine, told by their labels: whose they are, and which of them nobody needs any more.
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type Docker from "dockerode";
import type { Containers } from "./docker-containers.ts";
import { connect, isAbsent, statusOf, within } from "./docker-engine.ts";
import { ownerId, ownerLives } from "./owner.ts";
import type { RunningSandbox } from "./running.ts";

const listLimitMs = 20_000;
const removalLimitMs = 30_000;
// No container takes longer from its making to its start.
const startLimitMs = 60_000;
/** After so long, and the time that it may be idle, nobody is taken to use a container whose owner cannot be asked. */
const longestLifeMs = 24 * 60 * 60_000;

/** What marks a container as ours before it starts. `mark` is that of the backend. */
export function labelsOf(options: {
  readonly mark: string;
  readonly label: string;
  readonly idleMs: number;
}): Record<string, string> {
  const now = Date.now();
  return {
    "tracemill.host": hostId(),
    "tracemill.owner": ownerId(),
    "tracemill.backend": options.mark,
    "tracemill.label": options.label,
    "tracemill.created": new Date(now).toISOString(),
    "tracemill.deadline": new Date(now + longestLifeMs + options.idleMs).toISOString(),
  };
}

/** Every container of ours on the engine, whoever's. None where no engine answers. @throws {Error} when the engine breaks. */
export async function listDocker(): Promise<RunningSandbox[]> {
  const docker = await connect();
  const found = await labelled(docker).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  return Promise.all(found.map(async (one) => running(one, one.isRunning ? await memoryOf(docker, one.id) : null)));
}

/** Removes the containers of this machine's dead processes; returns them. None where no engine answers. @throws {Error} when the engine breaks. */
export async function reapDocker(): Promise<RunningSandbox[]> {
  try {
    return await reapContainers(await connect(), undefined);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/**
 * Removes the containers of this machine's processes that no longer run, and of `own` those that it knows nothing of any more.
 * Never a live owner's, never another machine's. @throws {Error} when the engine breaks.
 */
export async function reapContainers(docker: Docker, own: Containers | undefined): Promise<RunningSandbox[]> {
  const left = (await labelled(docker)).filter(
    (one) => fate(one) === "dead" || (own !== undefined && one.mark === own.mark && !own.knows(one.name)),
  );
  const errors: unknown[] = [];
  const removed: RunningSandbox[] = [];
  for (const one of left) {
    try {
      await within(docker.getContainer(one.id).remove({ force: true, v: true }), removalLimitMs);
      removed.push(running(one, null));
    } catch (error) {
      const status = statusOf(error); // 404, 409: gone, or somebody else removes it
      if (status !== 404 && status !== 409) errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
  return removed;
}

interface Labelled {
  readonly id: string;
  readonly name: string;
  readonly isRunning: boolean;
  /** Made, and never started so far. */
  readonly isNew: boolean;
  readonly host: string;
  readonly owner: string;
  readonly mark: string;
  readonly label: string;
  readonly created: string;
  readonly deadline: string | undefined;
}

async function labelled(docker: Docker): Promise<Labelled[]> {
  const listing = docker.listContainers({ all: true, filters: { label: ["tracemill.owner"] } });
  return (await within(listing, listLimitMs)).map(({ Id, Names, State, Labels, Created }) => ({
    id: Id,
    name: (Names[0] ?? "").replace(/^\//, ""),
    isRunning: State === "running",
    isNew: State === "created",
    host: Labels["tracemill.host"] ?? "",
    owner: Labels["tracemill.owner"] ?? "",
    mark: Labels["tracemill.backend"] ?? "",
    label: Labels["tracemill.label"] ?? "",
    created: Labels["tracemill.created"] ?? new Date(Created * 1000).toISOString(),
    deadline: Labels["tracemill.deadline"],
  }));
}

/** What is known of a container's owner; `unknown` is another machine's, or one of the same name's. */
function fate({ host, owner, isRunning, isNew, created, deadline }: Labelled): "alive" | "dead" | "unknown" {
  if (host === hostId()) return ownerLives(owner) ? "alive" : "dead";
  if (host.split("/")[0] !== hostname()) return "unknown";
  // Of this machine before it started anew, or of another with its name: what runs may be in use there until its deadline.
  const isOver = deadline !== undefined && Date.parse(deadline) < Date.now();
  // Between its making and its start it does not run yet.
  const isStarting = isNew && Date.now() - Date.parse(created) < startLimitMs;
  return (isRunning || isStarting) && !isOver ? "unknown" : "dead";
}

function running(one: Labelled, memoryBytes: number | null): RunningSandbox {
  return {
    backend: "docker",
    id: one.id,
    label: one.label,
    ownerPid: Number(one.owner.split("-")[0]),
    ownerAlive: fate(one) !== "dead",
    createdAt: one.created,
    memoryBytes,
  };
}

async function memoryOf(docker: Docker, id: string): Promise<number | null> {
  try {
    const stats = await within(docker.getContainer(id).stats({ stream: false, "one-shot": true }));
    return stats.memory_stats?.usage ?? null;
  } catch {
    return null; // it has ended meanwhile, or the engine is too busy to say
  }
}

/** This machine since its last boot. */
function hostId(): string {
  if (process.platform !== "linux") return hostname();
  return `${hostname()}/${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}`;
}
