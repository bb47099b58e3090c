// The sandboxes that are tried: ours, each as one `Target`. Another sandbox is one more entry of `ways`; see README.md here.

import { existsSync, readdirSync } from "node:fs";
import type { SandboxBackend } from "../src/contracts.ts";
import { UsageError } from "../src/domain/errors.ts";
import { cgroupHomes, findCgroupRoots } from "../src/sandboxes/cgroup.ts";
import { openSandboxBackend, sandboxConfig } from "../src/sandboxes/index.ts";
import { ownerId } from "../src/sandboxes/owner.ts";
import type { Target, Tried } from "./case.ts";
import { readLines, runningIn } from "./host.ts";

/** Small enough that a bomb is felt by itself alone, also on two cores with eight honest sessions beside it. */
export const smallLimits = {
  memoryMb: 256,
  cpus: 1,
  pids: 64,
  scratchMb: 48,
  outputBytes: 16_384,
} as const;

/** One way to isolate code. `open` throws a UsageError with the reason where this machine does not have it. */
export interface Way {
  readonly name: Target["name"];
  /** The name in TRACEMILL_REQUIRE_BACKENDS that makes its absence a failure. */
  readonly backend: string;
  /** The user it is tried as, where that is not the one who asks. */
  readonly asUser?: boolean;
  open(options: { readonly signal: AbortSignal; readonly stepTimeoutSeconds: number }): Promise<Target>;
}

export const ways: readonly Way[] = [
  {
    name: "docker",
    backend: "docker",
    open: async (options) => docker("docker", await opened({ backend: "docker", ...options })),
  },
  {
    name: "docker+runsc",
    backend: "runsc",
    open: async (options) => {
      // The threads of its own kernel count as processes, too.
      const asked = { backend: "docker", runtime: "runsc", pids: 256, ...options };
      return { ...(await docker("docker+runsc", await opened(asked))), notPromised: ofAnOwnKernel };
    },
  },
  {
    name: "bubblewrap (root)",
    backend: "bubblewrap",
    open: async (options) => {
      if (process.getuid?.() !== 0) throw new UsageError("Expected to be root for `bubblewrap (root)`: run it as root");
      return bubblewrap("bubblewrap (root)", await opened({ backend: "bubblewrap", ...options }));
    },
  },
  {
    name: "bubblewrap (user)",
    backend: "bubblewrap-user",
    asUser: true,
    open: async (options) => bubblewrap("bubblewrap (user)", await opened({ backend: "bubblewrap", ...options })),
  },
];

const bombs = "at the limit of processes the sandbox's own kernel ends, and the whole sandbox with it";
const namespaces = "its own kernel gives namespaces and root of them to everybody; the host's kernel is not asked";

/** What gVisor was seen not to hold: it has other rules inside, for its own kernel alone. */
const ofAnOwnKernel: Readonly<Record<number, string>> = {
  1: bombs,
  2: bombs,
  3: bombs,
  10: bombs,
  18: namespaces,
  19: namespaces,
  59: "its own kernel lives in the sandbox's memory: what just fits without it does not fit beside it",
  21: "its own kernel has devices of its own, and makes nodes of them",
};

interface Asked {
  readonly backend: string;
  readonly runtime?: string;
  readonly pids?: number;
  readonly stepTimeoutSeconds: number;
  readonly signal: AbortSignal;
}

/** @throws {UsageError} where it is not to be had here, or this version's config has no word for it. */
async function opened({ signal, ...asked }: Asked): Promise<SandboxBackend> {
  const config = sandboxConfig.safeParse({ ...smallLimits, concurrency: 16, preimport: [], ...asked });
  if (!config.success) throw new UsageError(`Expected a sandbox config, got \`${config.error.issues[0]?.message}\``);
  return openSandboxBackend({ ...config.data, signal });
}

function targetOver(
  name: Target["name"],
  backend: SandboxBackend,
  remember: () => Promise<void>,
  leftOnHost: Target["leftOnHost"],
): Target {
  const { environment } = backend;
  return {
    name,
    kind: backend.name,
    limits: backend.limits,
    about: {
      backend: environment.backend,
      environment: environment.id,
      python: environment.versions.python ?? "",
      ...parts(environment, ["image", "runtime", "kernel"]),
    },
    async open(request): Promise<Tried> {
      const sandbox = await backend.open(request);
      await remember();
      return sandbox;
    },
    leftOnHost,
    close: async () => backend[Symbol.asyncDispose](),
  };
}

function parts(of: object, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(of).filter(
      (entry): entry is [string, string] => names.includes(entry[0]) && typeof entry[1] === "string",
    ),
  );
}

/** Containers by our own label, and the processes in the cgroups of every container that was ever seen. */
async function docker(name: Target["name"], backend: SandboxBackend): Promise<Target> {
  const { default: Engine } = await import("dockerode");
  const engine = new Engine();
  const seen = new Set<string>();
  const list = async () => {
    const filters = { label: [`tracemill.owner=${ownerId()}`] };
    const ids = (await engine.listContainers({ all: true, filters })).map(({ Id }) => Id);
    for (const id of ids) seen.add(id);
    return ids;
  };
  return targetOver(
    name,
    backend,
    async () => void (await list()),
    async () => {
      const containers = (await list()).map((id) => `container ${id.slice(0, 12)}`);
      return [
        ...containers,
        ...runningIn([...seen].map((id) => `/${id}`)).map((line) => `process ${line} in a container`),
      ];
    },
  );
}

/** The cgroups that carry our process's name, and what runs in them; what runs below this process the host's look tells. */
function bubblewrap(name: Target["name"], backend: SandboxBackend): Target {
  const roots = findCgroupRoots();
  const homes = roots === null ? [] : cgroupHomes(roots, process.getuid?.() ?? 0);
  const ours = `${ownerId()}-`;
  return targetOver(
    name,
    backend,
    async () => {},
    async () => {
      const folders = homes.flatMap((home) =>
        existsSync(home)
          ? readdirSync(home)
              .filter((entry) => entry.startsWith(ours))
              .map((entry) => `${home}/${entry}`)
          : [],
      );
      const processes = folders.flatMap((folder) => readLines(`${folder}/cgroup.procs`));
      return [
        ...folders.map((folder) => `cgroup ${folder}`),
        ...new Set(processes.map((pid) => `process ${pid} in a cgroup of ours`)),
      ];
    },
  );
}
