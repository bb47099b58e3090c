// Sandboxes as Docker containers: the runner is the main process, attached before the start, in a hardened profile.
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { SandboxBackend, SandboxLimits, SandboxRequest } from "../contracts.ts";
import { FailureError, UsageError } from "../domain/errors.ts";
import { type Pace, provenBackend, usualPace } from "./backend.ts";
import { demultiplexer } from "./demux.ts";
import { type Containers, containersOf } from "./docker-containers.ts";
import { connect, imageDigest, isAbsent, type Runtime, runtimeOf, statusOf, within } from "./docker-engine.ts";
import { containerOptions } from "./docker-profile.ts";
import { labelsOf, reapContainers } from "./docker-running.ts";
import { imageName } from "./image.ts";
import { type SandboxOptions, supervisorGaveUp, tmpfsBytes } from "./inside.ts";
import { checkReadable } from "./readable.ts";
import type { Inside, InsideEnd } from "./supervised.ts";

const createLimitMs = 60_000;
/** Between the end of a container's stream, or its death, and the engine's word of it. */
const wordLimitMs = 10_000;
// What one engine does without becoming slower: 30 at once took 4.4 s on two busy cores, 2.3 s on two quiet ones.
const createsPerSecond = 8;
const createsAtOnce = 4;
/** gVisor's kernel and its helpers count as the sandbox's processes: 48 are not enough for it to run a step. */
const gvisorPids = 256;
/** What gVisor's kernel leaves with when it breaks: a panic of a Go program. */
const sentryBroke = 2;

/** Why Docker cannot be used here, or null. `image` is false where only the image is missing. */
export async function dockerLacks(
  image = imageName(),
): Promise<{ reason: string; wayOut: string; engine: boolean } | null> {
  const docker = await connect();
  try {
    const pong = String(await within(docker.ping())).trim();
    if (pong !== "OK") throw new Error(`what answers is none: it said \`${pong.slice(0, 40)}\``);
  } catch (error) {
    const reason = `no Docker engine answers (${(error as Error).message})`;
    return { reason, wayOut: "start Docker, or set DOCKER_HOST", engine: false };
  }
  if ((await imageDigest(docker, image)) !== null) return null;
  return { reason: `the engine has no image ${image}`, wayOut: "run `npx tracemill setup --image`", engine: true };
}

/**
 * Probes Docker with real containers and returns the backend.
 * @throws {UsageError} saying which promise it cannot hold here and the way out.
 */
export async function createDocker(options: SandboxOptions, pace: Pace = usualPace): Promise<SandboxBackend> {
  const image = options.image ?? imageName();
  const lack = await dockerLacks(image);
  if (lack) throw new UsageError(`Expected a usable Docker engine, but ${lack.reason}: ${lack.wayOut}`);
  tmpfsBytes(options.limits);
  const docker = await connect();
  const runtime = await runtimeOf(docker, options.runtime);
  const containers = containersOf(docker, { log: options.log, removalPausesMs: pace.removalPausesMs });
  const starter = {
    name: "docker",
    image: await imageDigest(docker, image),
    runtime: runtime.recorded,
    // gVisor has no seccomp inside: it is itself what stands between the code and the host's system calls.
    expected: { seccomp: !runtime.isGvisor, gvisor: runtime.isGvisor, outlivesMemory: !runtime.isGvisor },
    createsPerSecond,
    createsAtOnce,
    check: ({ dataDir }: SandboxRequest) => checkReadable(dataDir),
    start: (limits: SandboxLimits, request: SandboxRequest) =>
      startInside({ docker, containers, image, runtime }, limits, request),
    reap: () => reapContainers(docker, containers),
    settled: containers.settled,
  };
  return provenBackend(starter, options, pace);
}

interface Engine {
  readonly docker: Docker;
  readonly containers: Containers;
  readonly image: string;
  readonly runtime: Runtime;
}

async function startInside(engine: Engine, limits: SandboxLimits, request: SandboxRequest): Promise<Inside> {
  const { docker, containers } = engine;
  const name = containers.name();
  const labels = labelsOf({ mark: containers.mark, label: request.label, idleMs: limits.idleMs });
  let created = false;
  let late = false;
  try {
    const { image, runtime } = engine;
    const profile = {
      name,
      image,
      runtime: runtime.name,
      runtimePids: runtime.isGvisor ? gvisorPids : 0,
      limits,
      dataDir: request.dataDir,
      labels,
    };
    const creating = docker.createContainer(containerOptions(profile));
    // Of a create that answers too late nobody wants the container any more.
    creating.then(() => (late ? containers.remove(name) : undefined)).catch(() => {}); // told below
    const container = await within(creating, createLimitMs);
    created = true;
    return await enter(container, engine, name);
  } catch (error) {
    late = true;
    const never = !created && (statusOf(error) !== undefined || isAbsent(error));
    if (never) containers.forget(name);
    else void containers.remove(name);
    throw new FailureError("sandbox", `Docker could not start a sandbox: ${(error as Error).message}`, {
      cause: error,
      code: "open_failed",
    });
  }
}

/** Attaches to a created container and starts it. */
async function enter(container: Docker.Container, { containers, runtime }: Engine, name: string): Promise<Inside> {
  const attaching = container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
  const stream = (await within(attaching)) as NodeJS.ReadWriteStream & { destroy(): void };
  const listeners: ((chunk: Buffer) => void)[] = [];
  let diagnostics = "";
  let killing = false;
  stream.on(
    "data",
    demultiplexer((kind, bytes) => {
      if (kind === 1) for (const listener of listeners) listener(bytes);
      else diagnostics = (diagnostics + bytes.toString("utf8")).slice(-2000);
    }),
  );
  let end: (how: InsideEnd) => void = () => {};
  const ended = new Promise<InsideEnd>((resolve) => {
    end = resolve;
  });
  const lost = (detail: string) => end({ cause: "infrastructure", detail });
  /** The engine says a moment later why a container ended, unless it has gone itself. */
  const awaitWord = (detail: string) => void sleep(wordLimitMs, undefined, { ref: false }).then(() => lost(detail));
  stream.on("error", () => {}); // the engine or the container has gone; "close" follows
  stream.once("close", () => awaitWord("the Docker engine closed the connection to the sandbox"));
  container.wait({ condition: "next-exit" }).then(
    async ({ StatusCode }: { StatusCode: number }) => {
      if (killing) return lost("it was ended"); // by us: nobody asks why
      end(await explain(container, StatusCode, runtime, diagnostics));
    },
    (error: Error) => lost(`the Docker engine broke: ${error.message}`),
  );
  await within(container.start(), createLimitMs).catch((error: unknown) => {
    stream.destroy();
    throw error;
  });
  return {
    write: (bytes) => void stream.write(bytes),
    onData: (listener) => void listeners.push(listener),
    ended,
    channelInReach: runtime.isGvisor,
    kill() {
      if (killing) return;
      killing = true;
      containers.kill(name).then(
        () => awaitWord("the Docker engine did not say how the sandbox ended"),
        (error: Error) => lost(`the Docker engine did not end the sandbox: ${error.message}`), // `remove` tries again
      );
    },
    async remove() {
      stream.destroy();
      await containers.remove(name);
    },
  };
}

/** What the engine says of it; a busy one learns it a moment after the end. Removed or unreachable by now, the exit code alone has to tell. */
async function ranOutOfMemory(container: Docker.Container, code: number): Promise<boolean> {
  for (let looks = code === 128 + 9 ? 10 : 1; looks > 0; looks--) {
    const { State } = await within(container.inspect()).catch(() => ({ State: { OOMKilled: false } }));
    if (State.OOMKilled) return true;
    if (looks > 1) await sleep(100, undefined, { ref: false });
  }
  return false;
}

/** No signal from inside ends process 1 of a container: one does so for memory, or from outside (`docker kill`, an engine that stops). */
async function explain(
  container: Docker.Container,
  code: number,
  runtime: Runtime,
  diagnostics: string,
): Promise<InsideEnd> {
  if (await ranOutOfMemory(container, code))
    return { cause: "agent", detail: "the memory limit ended the whole sandbox" };
  if (runtime.isGvisor && code === sentryBroke) {
    // Each process inside is one of the host's, and gVisor's kernel gives up where it is refused another.
    return { cause: "agent", detail: "the limit of processes ended the whole sandbox" };
  }
  if (runtime.isGvisor && code > 128) {
    // A busy engine misses that the memory ran out, and gVisor lets code signal process 1; `docker kill` looks the same and is rarer.
    const by = code === 128 + 9 ? ": by its memory limit, or by the code itself" : "";
    return { cause: "agent", detail: `the sandbox's main process was ended by signal ${code - 128}${by}` };
  }
  const why =
    code > 128
      ? `the sandbox's main process was ended from outside by signal ${code - 128}`
      : code === supervisorGaveUp
        ? "the supervisor gave up"
        : `the container left with ${code}`;
  return { cause: "infrastructure", detail: diagnostics.trim() === "" ? why : `${why}: ${diagnostics.trim()}` };
}
