// The Docker engine as we know it: how it is reached, what it can do, and what its errors mean.
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { FailureError, UsageError } from "../domain/errors.ts";
import { isGvisorName } from "./promises.ts";

const answerLimitMs = 5_000;

/** 100 ms to load, so only where Docker is asked for. Reads DOCKER_HOST as the docker command does. */
export async function connect(): Promise<Docker> {
  const { default: Engine } = await import("dockerode");
  return new Engine();
}

/** How containers are run: `name` as the engine knows it, whether that is gVisor, and what is recorded (`runsc`, `runc, rootless`). */
export interface Runtime {
  readonly name: string;
  readonly isGvisor: boolean;
  readonly recorded: string;
}

/** Looks up the runtime that `sandbox.runtime` asks for, or the engine's default. @throws {UsageError} naming those the engine has. */
export async function runtimeOf(docker: Docker, wanted: string | undefined): Promise<Runtime> {
  const info = (await asked(docker.info())) as EngineInfo;
  const name = wanted ?? info.DefaultRuntime;
  const found = info.Runtimes[name];
  if (found === undefined) {
    const others = Object.keys(info.Runtimes).filter((other) => !other.startsWith("io.containerd."));
    throw new UsageError(
      `Expected \`sandbox.runtime\` to name a runtime that the Docker engine has (${others.join(", ")}), got \`${name}\`: ` +
        "install it and register it with the engine (docs/sandbox.md, gVisor), or leave the option out",
    );
  }
  const isGvisor = [name, basename(found.path ?? ""), found.runtimeType ?? ""].some(isGvisorName);
  const mapped = ["rootless", "userns"].filter((kind) =>
    info.SecurityOptions.some((option) => option.split(",").includes(`name=${kind}`)),
  );
  return { name, isGvisor, recorded: [name, ...mapped].join(", ") };
}

interface EngineInfo {
  readonly DefaultRuntime: string;
  readonly Runtimes: Readonly<Record<string, { readonly path?: string; readonly runtimeType?: string }>>;
  readonly SecurityOptions: readonly string[];
}

/** The image's id, or null where the engine has none of that name. @throws {FailureError} when the engine does not answer. */
export async function imageDigest(docker: Docker, image: string): Promise<string | null> {
  try {
    return (await within(docker.getImage(image).inspect())).Id;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw engineBroke(error);
  }
}

/** What the engine answers. @throws {FailureError} when it answers with an error, or not at all. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  return within(answer).catch((error: unknown) => {
    throw engineBroke(error);
  });
}

/** What the engine answers, unless it takes longer than an engine that works. */
export async function within<T>(answer: Promise<T>, limitMs = answerLimitMs): Promise<T> {
  const clock = new AbortController();
  const late = sleep(limitMs, undefined, { signal: clock.signal }).then(() => {
    throw new Error(`no answer within ${limitMs} ms`);
  });
  late.catch(() => {}); // stopped below once the engine has answered
  try {
    return await Promise.race([answer, late]);
  } finally {
    clock.abort();
  }
}

/** The HTTP status the engine answered with; undefined where it did not answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

/** Whether an error says that nothing listens where the engine should be. */
export function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ECONNREFUSED"].includes((error as NodeJS.ErrnoException).code ?? "");
}

function engineBroke(cause: unknown): FailureError {
  return new FailureError("sandbox", `The Docker engine broke: ${(cause as Error).message}`, { cause });
}
