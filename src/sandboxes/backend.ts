// What every backend does alike around the one thing that differs: how an inside is started.
import type { Sandbox, SandboxBackend, SandboxLimits, SandboxRequest } from "../contracts.ts";
import { FailureError, UsageError } from "../domain/errors.ts";
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
  options: SandboxOptions,
  start: (limits: SandboxLimits, request: SandboxRequest) => Promise<Inside>,
): Promise<SandboxBackend> {
  const free = places(options.concurrency);
  const open = new Set<AsyncDisposable>();
  let closed = false;

  async function enter(
    limits: SandboxLimits,
    preimport: readonly string[],
    request: SandboxRequest,
    onClosed: () => void,
  ): Promise<Sandbox> {
    const inside = await start(limits, request);
    let sandbox: Sandbox | undefined;
    sandbox = await supervise(inside, {
      limits,
      preimport,
      blobs: request.blobs,
      signal: request.signal,
      onClosed: () => {
        if (sandbox) open.delete(sandbox);
        onClosed();
      },
    });
    open.add(sandbox);
    return sandbox;
  }

  const environment = await prove(name, image, options, (limits, preimport, dataDir) =>
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
    async open(request) {
      const giveBack = await free.take(request.signal);
      try {
        if (closed) throw new FailureError("sandbox", "Expected an open sandbox backend, got one that is closed");
        return await enter(options.limits, options.preimport, request, giveBack);
      } catch (error) {
        giveBack();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.all([...open].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    },
  };
}
