// The ways to isolate code, in the order in which `auto` tries them.
import { z } from "zod";
import type { SandboxBackend } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { bubblewrapLacks, createBubblewrap } from "./bubblewrap.ts";
import { createDocker, dockerLacks } from "./docker.ts";
import { bubblewrapFacts, dockerFacts, type Facts } from "./facts.ts";
import type { SandboxOptions } from "./inside.ts";
import { bubblewrapPromises, dockerPromises, type Promised } from "./promises.ts";

/** One way to isolate code. `lacks` looks without starting anything; `create` proves the promises with real sandboxes. */
export interface SandboxEntry {
  readonly name: string;
  /** What it is, in one line, as `tracemill list` shows it. */
  readonly about: string;
  readonly promises: () => readonly Promised[];
  /** What it stands on here: versions, namespaces, cgroups. Empty where there is nothing to look at. */
  facts(): Promise<Facts>;
  /** Why it cannot be used here and what mends that, or null. */
  lacks(image: string | undefined): Promise<{ readonly reason: string; readonly wayOut: string } | null>;
  /** @throws {UsageError} when it cannot be used here, or does not hold a promise. */
  create(options: SandboxOptions): Promise<SandboxBackend>;
}

export { listSandboxes, reapSandboxes } from "./list-running.ts";
export type { RunningSandbox } from "./running.ts";

export const sandboxBackends: readonly SandboxEntry[] = [
  {
    name: "docker",
    about: "containers in a hardened profile",
    promises: dockerPromises,
    facts: dockerFacts,
    lacks: dockerLacks,
    create: createDocker,
  },
  {
    name: "bubblewrap",
    about: "processes in namespaces of their own, with the machine's Python",
    promises: bubblewrapPromises,
    facts: bubblewrapFacts,
    lacks: bubblewrapLacks,
    create: createBubblewrap,
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
  })
  .prefault({});
export type SandboxConfig = z.output<typeof sandboxConfig>;

/**
 * The backend a config asks for, probed and ready. `auto` is the first that can be used here; it never runs code unsandboxed.
 * @throws {UsageError} when none can, with each one's reason and way out.
 */
export async function openSandboxBackend(
  config: z.input<typeof sandboxConfig> & { readonly signal: AbortSignal },
): Promise<SandboxBackend> {
  const { signal, ...section } = config;
  const parsed = sandboxConfig.parse(section);
  const wanted = sandboxBackends.filter((entry) => parsed.backend === "auto" || parsed.backend === entry.name);
  const reasons: string[] = [];
  for (const entry of wanted) {
    const lack = await entry.lacks(parsed.image);
    if (lack === null) return entry.create({ ...sandboxOptions(parsed), signal });
    reasons.push(`${entry.name}: ${lack.reason} (${lack.wayOut})`);
  }
  throw new UsageError(
    `Expected a usable sandbox for \`sandbox.backend: ${parsed.backend}\`, found none; \`npx tracemill setup\` installs one. ${reasons.join("; ")}`,
  );
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
    },
    concurrency: config.concurrency,
    preimport: config.preimport,
    image: config.image,
  };
}
