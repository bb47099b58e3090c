// What every backend gives the inside alike: user, environment variables, temporary file systems, the runner and its command line.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Log, SandboxLimits } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";

/** What a backend is created with. `preimport` are modules the interpreter has imported before its first step. */
export interface SandboxOptions {
  readonly limits: SandboxLimits;
  readonly concurrency: number;
  readonly preimport: readonly string[];
  /** Docker image to run instead of the one built from our Dockerfile. */
  readonly image?: string | undefined;
  /** How the engine shall run containers (`runsc`); its default where it is not set. */
  readonly runtime?: string | undefined;
  /** Sandboxes started a second at most; a backend's own default where it is not set. */
  readonly createsPerSecond?: number | undefined;
  readonly signal: AbortSignal;
  /** Where removals that failed and the like are written. */
  readonly log?: Log | undefined;
  /** Told what a person who waits has to know: the engine is away, it is back. */
  readonly tell?: ((line: string) => void) | undefined;
}

export const insideUid = 10001;

/**
 * The inside's environment variables. One thread a library, so that equal code gives equal output: sums of a parallel BLAS depend on the
 * number of threads. joblib's processes compute their parts alone, whatever their number: as many as the sandbox has CPUs.
 */
export function insideEnv({ cpus }: Pick<SandboxLimits, "cpus">): Readonly<Record<string, string>> {
  const count = String(Math.max(1, Math.floor(cpus)));
  return { ...fixedEnv, LOKY_MAX_CPU_COUNT: count, PYTHON_CPU_COUNT: count };
}

const fixedEnv: Readonly<Record<string, string>> = {
  PATH: "/opt/runner/_inside/commands:/usr/bin:/bin",
  HOME: "/scratch",
  LANG: "C.UTF-8",
  MPLBACKEND: "Agg",
  MPLCONFIGDIR: "/tmp/matplotlib",
  // Not below HOME: where there is fontconfig, a first plot would put a folder into /scratch that the agent did not make.
  XDG_CACHE_HOME: "/tmp/.cache",
  // The same code gives the same set and dict order in every sandbox, so that a replay can be compared with what was stored.
  PYTHONHASHSEED: "0",
  PYTHONDONTWRITEBYTECODE: "1",
  OMP_NUM_THREADS: "1",
  OPENBLAS_NUM_THREADS: "1",
  MKL_NUM_THREADS: "1",
  NUMEXPR_NUM_THREADS: "1",
  // pip, conda and apt say at once that there is no network, instead of trying.
  PYTHONPATH: "/opt/runner/_inside/absent",
};

/** Not -I, which would ignore PYTHONHASHSEED: the environment is wholly ours, and -s -P leave out what else -I leaves out. */
export const insideCommand: readonly string[] = ["/usr/bin/python3", "-s", "-P", "-u", "/opt/runner/runner.py"];

/** Exit code of a supervisor that gave up by itself: never the code's doing. */
export const supervisorGaveUp = 71;

/** Sizes in bytes. /tmp and /dev/shm are each a quarter of /scratch. @throws {UsageError} when together above half of the memory. */
export function tmpfsBytes(limits: SandboxLimits): { scratch: number; tmp: number; shm: number } {
  const scratch = limits.scratchMb * 1024 * 1024;
  const small = Math.ceil(scratch / 4);
  // Files in them count as memory: a full /scratch must leave the interpreter room to go on.
  if (limits.scratchMb * 1.5 > limits.memoryMb / 2) {
    throw new UsageError(
      `Expected sandbox.scratchMb of at most a third of memoryMb (${limits.memoryMb}), got \`${limits.scratchMb}\`: files there count as memory, so lower it or raise memoryMb`,
    );
  }
  return { scratch, tmp: small, shm: small };
}

/** The folder that holds runner.py, beside the package's package.json. */
export function runnerDir(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "runner", "runner.py"))) {
    const above = dirname(folder);
    if (above === folder) throw new Error("Expected runner/runner.py beside package.json, found none");
    folder = above;
  }
  return join(folder, "runner");
}

/** The files of `runnerDir()` that the inside needs, as sorted paths below it. */
export function runnerFiles(): string[] {
  const found = readdirSync(runnerDir(), { recursive: true, encoding: "utf8" });
  return found.filter((name) => isProgram(name) || name === "passwd" || name === "group").sort();
}

/** Hash of the program inside. */
export function runnerHash(): string {
  const program = runnerFiles().filter(isProgram);
  return hashOf(program.map((name) => [name, readFileSync(join(runnerDir(), name), "utf8")]));
}

function isProgram(name: string): boolean {
  return name.endsWith(".py") || name.startsWith("_inside/commands/");
}
