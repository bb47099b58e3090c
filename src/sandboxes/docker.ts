// Sandboxes as Docker containers: the runner is the main process, attached before the start, in a hardened profile.
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { SandboxBackend, SandboxLimits, SandboxRequest } from "../contracts.ts";
import { FailureError, UsageError } from "../domain/errors.ts";
import { provenBackend } from "./backend.ts";
import { demultiplexer } from "./demux.ts";
import { imageName } from "./image.ts";
import { insideCommand, insideEnv, insideUid, type SandboxOptions, supervisorGaveUp, tmpfsBytes } from "./inside.ts";
import { ownerId, ownerLives } from "./owner.ts";
import { places } from "./places.ts";
import { checkReadable } from "./readable.ts";
import type { Inside, InsideEnd } from "./supervised.ts";

const answerLimitMs = 5_000;
// More at once only makes the engine slower: it creates single-digit containers a second.
const createsAtOnce = 4;

/** Why Docker cannot be used here, or null. `image` is false where only the image is missing. */
export async function dockerLacks(
  image = imageName(),
): Promise<{ reason: string; wayOut: string; engine: boolean } | null> {
  const docker = await connect();
  try {
    await within(docker.ping());
  } catch (error) {
    const reason = `no Docker engine answers (${(error as Error).message})`;
    return { reason, wayOut: "start Docker, or set DOCKER_HOST", engine: false };
  }
  if ((await imageDigest(docker, image)) !== null) return null;
  return { reason: `the engine has no image ${image}`, wayOut: "run `npx tracemill setup --image`", engine: true };
}

/** 100 ms to load, so only where Docker is asked for. */
async function connect(): Promise<Docker> {
  const { default: Engine } = await import("dockerode");
  return new Engine();
}

async function imageDigest(docker: Docker, image: string): Promise<string | null> {
  try {
    return (await within(docker.getImage(image).inspect())).Id;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw new FailureError("sandbox", `The Docker engine broke: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Probes Docker with real containers and returns the backend.
 * @throws {UsageError} saying which promise it cannot hold here and the way out.
 */
export async function createDocker(options: SandboxOptions): Promise<SandboxBackend> {
  const image = options.image ?? imageName();
  const lack = await dockerLacks(image);
  if (lack) throw new UsageError(`Expected a usable Docker engine, but ${lack.reason}: ${lack.wayOut}`);
  tmpfsBytes(options.limits);
  const docker = await connect();
  const digest = await imageDigest(docker, image);
  await reapContainers(docker);
  const creating = places(createsAtOnce);
  return provenBackend("docker", digest, options, async (limits, request) => {
    await checkReadable(request.dataDir);
    const created = await creating.take(request.signal);
    try {
      return await startInside(docker, image, limits, request);
    } finally {
      created();
    }
  });
}

function containerOptions(
  image: string,
  limits: SandboxLimits,
  request: SandboxRequest,
): Docker.ContainerCreateOptions {
  const size = tmpfsBytes(limits);
  const memoryBytes = limits.memoryMb * 1024 * 1024;
  const owned = `uid=${insideUid},gid=${insideUid}`;
  return {
    Image: image,
    Cmd: [...insideCommand],
    User: `${insideUid}:${insideUid}`,
    WorkingDir: "/scratch",
    Hostname: "sandbox",
    NetworkDisabled: true,
    Env: Object.entries(insideEnv(limits)).map(([name, value]) => `${name}=${value}`),
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true, // a host that dies closes it, and the supervisor leaves
    Tty: false,
    StopTimeout: 1,
    Labels: { ...ownerLabels(), "tracemill.label": request.label },
    HostConfig: {
      NetworkMode: "none",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      Privileged: false,
      // The supervisor is process 1 itself: no signal from inside ends or stops it, and no other process holds its stdout.
      Init: false,
      PidsLimit: limits.pids,
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      NanoCpus: Math.round(limits.cpus * 1e9),
      OomScoreAdj: 500,
      IpcMode: "private",
      ShmSize: size.shm,
      Tmpfs: {
        "/tmp": `rw,nosuid,nodev,exec,size=${size.tmp},nr_inodes=50k,mode=1777`,
        "/scratch": `rw,nosuid,nodev,exec,size=${size.scratch},nr_inodes=50k,${owned},mode=0700`,
      },
      Mounts: [
        {
          Type: "bind",
          Source: request.dataDir,
          Target: "/data",
          ReadOnly: true,
          BindOptions: { Propagation: "rprivate" },
        },
      ],
      Ulimits: [
        { Name: "nofile", Soft: 4096, Hard: 4096 },
        { Name: "core", Soft: 0, Hard: 0 },
        { Name: "fsize", Soft: 2 ** 30, Hard: 2 ** 30 },
      ],
      LogConfig: { Type: "none", Config: {} },
      RestartPolicy: { Name: "no" },
      AutoRemove: false,
      CgroupnsMode: "private",
    } as Docker.HostConfig,
  };
}

async function startInside(
  docker: Docker,
  image: string,
  limits: SandboxLimits,
  request: SandboxRequest,
): Promise<Inside> {
  let container: Docker.Container | undefined;
  try {
    container = await docker.createContainer(containerOptions(image, limits, request));
    const attached = container;
    const stream = await attached.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
    const listeners: ((chunk: Buffer) => void)[] = [];
    let diagnostics = "";
    stream.on(
      "data",
      demultiplexer((kind, bytes) => {
        if (kind === 1) for (const listener of listeners) listener(bytes);
        else diagnostics = (diagnostics + bytes.toString("utf8")).slice(-2000);
      }),
    );
    stream.on("error", () => {}); // the engine or the container has gone; `ended` says which
    const ended = attached.wait({ condition: "next-exit" }).then(
      ({ StatusCode }: { StatusCode: number }) => explain(attached, StatusCode, () => diagnostics.trim()),
      (error: Error): InsideEnd => ({ cause: "infrastructure", detail: `the Docker engine broke: ${error.message}` }),
    );
    await attached.start();
    return {
      write: (bytes) => void stream.write(bytes),
      onData: (listener) => void listeners.push(listener),
      ended,
      kill: () => void attached.kill({ signal: "SIGKILL" }).catch(() => {}), // it has ended already, or `remove` will say why not
      async remove() {
        (stream as NodeJS.ReadWriteStream & { destroy(): void }).destroy();
        await remove(attached);
      },
    };
  } catch (error) {
    if (container) await remove(container);
    request.signal.throwIfAborted();
    throw new FailureError("sandbox", `Docker could not start a sandbox: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** No signal from inside ends process 1 of a container: one does so for memory, or from outside (`docker kill`, an engine that stops). */
async function explain(container: Docker.Container, code: number, diagnostics: () => string): Promise<InsideEnd> {
  const { State } = await container.inspect().catch(() => ({ State: { OOMKilled: false } })); // removed or unreachable by now: the code alone has to tell
  if (State.OOMKilled) return { cause: "agent", detail: "the memory limit ended the whole sandbox" };
  const why =
    code > 128
      ? `the sandbox's main process was ended from outside by signal ${code - 128}`
      : code === supervisorGaveUp
        ? "the supervisor gave up"
        : `the container left with ${code}`;
  return { cause: "infrastructure", detail: diagnostics() === "" ? why : `${why}: ${diagnostics()}` };
}

async function remove(container: Docker.Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    const status = statusOf(error); // 404: gone; 409: being removed by someone else
    if (status !== 404 && status !== 409) {
      throw new FailureError("sandbox", `Docker could not remove a sandbox: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

function ownerLabels(): Record<string, string> {
  return { "tracemill.host": hostId(), "tracemill.owner": ownerId() };
}

/** This machine since its last boot. */
function hostId(): string {
  if (process.platform !== "linux") return hostname();
  return `${hostname()}/${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}`;
}

/** Removes the containers of this machine's processes that no longer run. */
async function reapContainers(docker: Docker): Promise<void> {
  const found = await docker.listContainers({ all: true, filters: { label: ["tracemill.owner"] } });
  for (const { Id, Labels } of found) {
    const host = Labels["tracemill.host"] ?? "";
    if (host.split("/")[0] !== hostname()) continue;
    if (host === hostId() && ownerLives(Labels["tracemill.owner"] ?? "")) continue;
    await remove(docker.getContainer(Id));
  }
}

/** What the engine answers, unless it takes longer than an engine that works. */
async function within<T>(answer: Promise<T>): Promise<T> {
  const clock = new AbortController();
  const late = sleep(answerLimitMs, undefined, { signal: clock.signal }).then(() => {
    throw new Error(`no answer within ${answerLimitMs} ms`);
  });
  late.catch(() => {}); // stopped below once the engine has answered
  try {
    return await Promise.race([answer, late]);
  } finally {
    clock.abort();
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}
