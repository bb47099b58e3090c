// The cases of hostile/ as sessions of a soak, where the build has them. What they see is judged by `npm run test:hostile`, not here.
import { existsSync } from "node:fs";
import { showStep } from "../src/agents/observation.ts";
import type { Sandbox, SandboxBackend } from "../src/contracts.ts";
import type { BoundedText } from "../src/domain/trajectory.ts";

/** A case of hostile/case.ts, as far as it is needed here. */
export interface HostileCase {
  readonly row: number;
  readonly name: string;
  readonly slow?: boolean;
  run(context: unknown): Promise<unknown>;
}

/** Every case that is not slow; none where hostile/ was not built. */
export async function hostileCases(): Promise<HostileCase[]> {
  const built = new URL("../hostile/cases/index.js", import.meta.url);
  if (!existsSync(built)) return [];
  const lists: unknown[] = Object.values(await import(built.href)).flat();
  return lists.filter(isCase).filter((one) => one.slow !== true);
}

function isCase(value: unknown): value is HostileCase {
  return typeof value === "object" && value !== null && "row" in value && "run" in value;
}

/** Runs one case in sandboxes of `backend`, closed afterwards; returns what went otherwise than the case expects, or null. */
export async function playCase(
  one: HostileCase,
  backend: SandboxBackend,
  options: {
    readonly dataDir: string;
    readonly hostDir: string;
    readonly secret: string;
    readonly signal: AbortSignal;
  },
): Promise<string | null> {
  const { signal, dataDir } = options;
  const opened: Sandbox[] = [];
  const openSandbox = async () => {
    const sandbox = await backend.open({ dataDir, label: `soak row ${one.row}`, signal });
    opened.push(sandbox);
    return sandbox;
  };
  const target = { name: backend.name, kind: backend.name, limits: backend.limits, open: openSandbox };
  try {
    await one.run({ ...options, target, open: async () => sessionOf(await openSandbox(), signal) });
    return null;
  } catch (error) {
    if (signal.aborted) throw error;
    return (error as Error).message;
  } finally {
    for (const sandbox of opened) await sandbox[Symbol.asyncDispose]();
  }
}

function sessionOf(sandbox: Sandbox, signal: AbortSignal) {
  return {
    raw: sandbox,
    close: () => sandbox[Symbol.asyncDispose](),
    collect: (path: string, maxBytes = 2 ** 20) => sandbox.collect(path, { maxBytes, signal }),
    async run(code: string) {
      const raw = await sandbox.run(code, { signal });
      const { end, stateLost, stdout, stderr, result, exception } = raw;
      const error = exception === null ? null : `${exception.name}: ${exception.value}`;
      const shown = { stdout: whole(stdout), stderr: whole(stderr), result: result && whole(result) };
      return { end, stateLost, error, ...shown, observation: showStep(raw), raw };
    },
  };
}

const whole = ({ head, tail }: BoundedText) => head + tail;
