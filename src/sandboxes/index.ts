// The ways to isolate code, in the order in which `auto` tries them.
import { z } from "zod";
import type { Log, SandboxBackend } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { bubblewrapLacks, createBubblewrap } from "./bubblewrap.ts";
import { listBubblewrap, reapBubblewrap } from "./bubblewrap-running.ts";
import { createDocker, dockerLacks } from "./docker.ts";
import { listDocker, reapDocker } from "./docker-running.ts";
import { bubblewrapFacts, dockerFacts, type Facts } from "./facts.ts";
import type { SandboxOptions } from "./inside.ts";
import { bubblewrapPromises, dockerPromises, type Promised } from "./promises.ts";
import type { RunningSandbox } from "./running.ts";

export type { RunningSandbox } from "./running.ts";

/** One way to isolate code. `lacks` looks without starting anything; `create` proves the promises with real sandboxes. */
export interface SandboxEntry {
  readonly name: string;
  /** What it is, in one line, as `tracemill list` shows it. */
  readonly about: string;
  /** What it stands on here: versions, namespaces, cgroups. Empty where there is nothing to look at. */
  facts(): Promise<Facts>;
  /** With the value of `sandbox.runtime`, where it takes one. */
  readonly promises: (runtime?: string) => readonly Promised[];
  /** Why it cannot be used here and what mends that, or null. */
  lacks(image: string | undefined): Promise<{ readonly reason: string; readonly wayOut: string } | null>;
  /** @throws {UsageError} when it cannot be used here, or does not hold a promise. */
  create(options: SandboxOptions): Promise<SandboxBackend>;
  /** Whether `sandbox.runtime` says something to it. */
  readonly takesRuntime: boolean;
  /** Every sandbox of it that stands here, whoever's; empty where it is not there at all. @throws {Error} when it breaks. */
  list(): Promise<RunningSandbox[]>;
  /** Removes those of this machine's dead processes, and returns them. @throws {Error} when it breaks. */
  reap(): Promise<RunningSandbox[]>;
}

export const sandboxBackends: readonly SandboxEntry[] = [
  {
    name: "docker",
    about: "containers in a hardened profile",
    promises: dockerPromises,
    facts: dockerFacts,
    lacks: dockerLacks,
    create: (options) => createDocker(options),
    takesRuntime: true,
    list: listDocker,
    reap: reapDocker,
  },
  {
    name: "bubblewrap",
    about: "processes in namespaces of their own, with the machine's Python",
    promises: bubblewrapPromises,
    facts: bubblewrapFacts,
    lacks: bubblewrapLacks,
    create: createBubblewrap,
    takesRuntime: false,
    list: listBubblewrap,
    reap: reapBubblewrap,
  },
];

/** The `sandbox:` section of a config. Sizes of 1024 x 1024 bytes; `outputBytes` is what is kept of one stream of one step. */
export const sandboxConfig = z
  .strictObject({
    backend: z.enum(["auto", ...sandboxBackends.map((entry) => entry.name)]).default("auto"),
    /** Sandboxes open at a time. */
    concurrency: z.number().int().min(1).max(1000).default(4),
    memoryMb: z.number().int().min(128).default(1024),
    cpus: z.number().positive().default(1),
    pids: z.number().int().min(16).default(256),
    stepTimeoutSeconds: z.number().positive().default(60),
    /** Room in /scratch; a quarter of `memoryMb` where it is not set. */
    scratchMb: z.number().int().min(1).optional(),
    outputBytes: z.number().int().min(256).default(16_384),
    preimport: z.array(z.string()).default(["pandas"]),
    /** A Docker image to use instead of our own; it must hold /opt/runner/runner.py. */
    image: z.string().optional(),
    /** How Docker's engine runs containers, as it names it (`runsc`); the engine's default where it is not set. */
    runtime: z.string().min(1).optional(),
    /** Sandboxes started a second at most; 8 for docker and 100 for bubblewrap where it is not set. */
    createsPerSecond: z.number().positive().max(1000).optional(),
    /** A sandbox that is asked nothing for so long ends by itself. */
    idleMinutes: z.number().positive().max(10_000).default(60),
  })
  .prefault({});
export type SandboxConfig = z.output<typeof sandboxConfig>;

/**
 * The backend a config asks for, probed and ready. `auto` is the first that can be used here; it never runs code unsandboxed.
 * @throws {UsageError} when none can, with each one's reason and way out.
 */
export async function openSandboxBackend(
  config: z.input<typeof sandboxConfig> & {
    readonly signal: AbortSignal;
    /** Where removals that failed and the like are written. */
    readonly log?: Log | undefined;
    /** Told what a person who waits has to know: the engine is away, it is back. */
    readonly tell?: ((line: string) => void) | undefined;
  },
): Promise<SandboxBackend> {
  const { signal, log, tell, ...section } = config;
  const parsed = sandboxConfig.parse(section);
  const wanted = sandboxBackends.filter((entry) =>
    parsed.backend === "auto" ? parsed.runtime === undefined || entry.takesRuntime : parsed.backend === entry.name,
  );
  const [only] = wanted;
  if (parsed.runtime !== undefined && only?.takesRuntime === false) {
    throw new UsageError(
      `Expected \`sandbox.runtime\` only where Docker runs the code, got \`${parsed.runtime}\` with \`sandbox.backend: ${only.name}\`: leave the option out, or set \`sandbox.backend: docker\``,
    );
  }
  const reasons: string[] = [];
  for (const entry of wanted) {
    const lack = await entry.lacks(parsed.image);
    if (lack === null) return entry.create({ ...sandboxOptions(parsed), signal, log, tell });
    reasons.push(`${entry.name}: ${lack.reason} (${lack.wayOut})`);
  }
  throw new UsageError(
    `Expected a usable sandbox for \`sandbox.backend: ${parsed.backend}\`, found none; \`npx tracemill setup\` installs one. ${reasons.join("; ")}`,
  );
}

/** The sandboxes of every backend that stand on this machine or on its engine, whoever's. @throws {Error} when an engine breaks. */
export async function listSandboxes(): Promise<RunningSandbox[]> {
  return (await Promise.all(sandboxBackends.map((entry) => entry.list()))).flat();
}

/** Removes those whose owner, of this machine, no longer runs, and returns them. @throws {Error} when an engine breaks. */
export async function reapSandboxes(): Promise<RunningSandbox[]> {
  return (await Promise.all(sandboxBackends.map((entry) => entry.reap()))).flat();
}

function sandboxOptions(config: SandboxConfig): Omit<SandboxOptions, "signal"> {
  return {
    limits: {
      memoryMb: config.memoryMb,
      cpus: config.cpus,
      pids: config.pids,
      stepTimeoutMs: Math.round(config.stepTimeoutSeconds * 1000),
      scratchMb: config.scratchMb ?? Math.floor(config.memoryMb / 4),
      outputBytes: config.outputBytes,
      idleMs: Math.round(config.idleMinutes * 60_000),
    },
    concurrency: config.concurrency,
    preimport: config.preimport,
    image: config.image,
    runtime: config.runtime,
    createsPerSecond: config.createsPerSecond,
  };
}
