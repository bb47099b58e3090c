// What every backend does alike around the one thing that differs: how an inside is started.
import type { Sandbox, SandboxBackend, SandboxLimits, SandboxRequest } from "../contracts.ts";
import { FailureError, UsageError } from "../domain/errors.ts";
import { countEnds, endOfOpening, type SandboxEnd } from "./ends.ts";
import { prove } from "./environment.ts";
import type { SandboxOptions } from "./inside.ts";
import { places } from "./places.ts";
import { type Inside, supervise } from "./supervised.ts";

/**
 * Proves that what `start` starts is a sandbox, and gives out at most `options.concurrency` of them at a time.
 * @throws {UsageError} naming the promise that does not hold here, or why no sandbox can be opened here.
 */
export async function provenBackend(
  name: string,
  image: string | null,
  runtime: string,
  options: SandboxOptions,
  start: (limits: SandboxLimits, request: SandboxRequest) => Promise<Inside>,
): Promise<SandboxBackend> {
  const free = places(options.concurrency);
  const counted = countEnds();
  const open = new Set<AsyncDisposable>();
  let closed = false;

  async function enter(
    limits: SandboxLimits,
    preimport: readonly string[],
    request: SandboxRequest,
    onClosed: (end: SandboxEnd) => void,
    queueMs = 0,
  ): Promise<Sandbox> {
    const beganMs = performance.now();
    const inside = await start(limits, request).catch((error: unknown) => {
      onClosed(endOfOpening(error));
      throw asOpenFailed(error);
    });
    let sandbox: Sandbox | undefined;
    sandbox = await supervise(inside, {
      ...{ limits, preimport, blobs: request.blobs, signal: request.signal, queueMs, beganMs },
      onClosed: (end) => {
        if (sandbox) open.delete(sandbox);
        onClosed(end);
      },
    });
    open.add(sandbox);
    return sandbox;
  }

  const environment = await prove(name, image, runtime, options, (limits, preimport, dataDir) =>
    enter(limits, preimport, { dataDir, label: "probe", signal: options.signal }, () => {}),
  ).catch((cause: unknown) => {
    if (!(cause instanceof FailureError)) throw cause;
    throw new UsageError(
      `Expected ${name} to open a sandbox here, but: ${cause.message} (which machines can: docs/sandbox.md)`,
      { cause },
    );
  });
  return {
    name,
    environment,
    limits: options.limits,
    occupancy: free.occupancy,
    ends: counted.ends,
    async open(request) {
      const beganMs = performance.now();
      const giveBack = await free.take(request.signal);
      const queueMs = performance.now() - beganMs;
      if (closed) {
        giveBack();
        const message = "Expected an open sandbox backend, got one that is closed";
        throw new FailureError("sandbox", message, { code: "open_failed" });
      }
      const end = counted.opened();
      const onClosed = (how: SandboxEnd) => {
        end(how);
        giveBack();
      };
      return await enter(options.limits, options.preimport, request, onClosed, queueMs);
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.all([...open].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    },
  };
}

/** A failure to start an inside says at least that. */
function asOpenFailed(error: unknown): unknown {
  if (!(error instanceof FailureError) || error.code !== undefined) return error;
  return new FailureError(error.kind, error.message, { code: "open_failed", cause: error });
}
