// What every backend does alike around the one thing that differs: how an inside is started.
import { setTimeout as pause } from "node:timers/promises";
import type { Sandbox, SandboxBackend, SandboxLimits, SandboxRequest } from "../contracts.ts";
import { FailureError, UsageError } from "../domain/errors.ts";
import { type BreakerPolicy, breakerPolicy, createBreaker } from "./breaker.ts";
import { countEnds, endOfOpening, type SandboxEnd } from "./ends.ts";
import { type Expected, prove } from "./environment.ts";
import type { SandboxOptions } from "./inside.ts";
import { places } from "./places.ts";
import { keepReaping } from "./reaper.ts";
import type { RunningSandbox } from "./running.ts";
import { startQueue } from "./start-queue.ts";
import { type Inside, supervise } from "./supervised.ts";

/** How a backend starts its insides and what it leaves behind. */
export interface Starter {
  readonly name: string;
  readonly image: string | null;
  /** What is recorded of how it runs code. */
  readonly runtime: string;
  /** What is expected of the inside beyond what every backend is expected to hold. */
  readonly expected: Expected;
  /** Starts a second where the options name none, and starts under way at a time. */
  readonly createsPerSecond: number;
  readonly createsAtOnce: number;
  /** Looks at a request before anything is started for it. @throws what is wrong with it. */
  check(request: SandboxRequest): Promise<void>;
  /** Not told when its caller stops waiting: what it starts then is removed here. @throws {FailureError} when it could not, and left nothing. */
  start(limits: SandboxLimits, request: SandboxRequest): Promise<Inside>;
  /** Removes what dead processes left; says what that was. */
  reap(): Promise<readonly RunningSandbox[]>;
  /** Waits until nothing is being removed any more. */
  settled(): Promise<void>;
}

/** Intervals in milliseconds that only tests have a reason to change. */
export interface Pace {
  readonly breaker: BreakerPolicy;
  readonly reapEveryMs: number;
  /** A start that failed is tried again after up to so long, doubling. */
  readonly retryMs: number;
  /** A removal that failed is tried again after each of these. */
  readonly removalPausesMs: readonly number[];
}

export const usualPace: Pace = {
  breaker: breakerPolicy,
  reapEveryMs: 60_000,
  retryMs: 200,
  removalPausesMs: [200, 500, 1_000, 2_000],
};

// Of one `open`, while the engine starts others: no code has been sent yet, so nothing can run twice.
const mostTries = 4;

/**
 * Proves that what `starter` starts is a sandbox, and gives out at most `options.concurrency` of them at a time, started no faster
 * than `options.createsPerSecond`. While nothing can be started, `open` waits.
 * @throws {UsageError} naming the promise that does not hold here, or why no sandbox can be opened here.
 */
export async function provenBackend(
  starter: Starter,
  options: SandboxOptions,
  pace: Pace = usualPace,
): Promise<SandboxBackend> {
  const { name } = starter;
  const free = places(options.concurrency);
  const counted = countEnds();
  const starts = startQueue({
    perSecond: options.createsPerSecond ?? starter.createsPerSecond,
    atOnce: starter.createsAtOnce,
  });
  const breaker = createBreaker(pace.breaker, { name, tell: options.tell ?? (() => {}) });
  const open = new Set<AsyncDisposable>();
  /** What is being started or taken away for nobody who still waits. */
  const leaving = new Set<Promise<unknown>>();
  const closing = new AbortController();

  function untilGone(work: Promise<unknown>): void {
    const settled = work.catch(() => {}).finally(() => leaving.delete(settled)); // told where it happened
    leaving.add(settled);
  }

  async function discard(inside: Inside): Promise<void> {
    inside.kill();
    await inside.ended;
    await inside.remove();
  }

  /** Starts an inside when there is room; one that comes after its caller has left is taken away again. */
  async function begin(limits: SandboxLimits, request: SandboxRequest, signal: AbortSignal): Promise<Begun> {
    let inside: Inside | undefined;
    let wanted = true;
    let beganMs = 0;
    const starting = async () => {
      beganMs = performance.now();
      const started = await starter.start(limits, request);
      if (wanted) inside = started;
      else await discard(started);
      return started;
    };
    try {
      const started = await starts.add(
        () => {
          const work = starting();
          untilGone(work);
          return work;
        },
        { signal },
      );
      return { inside: started, beganMs };
    } catch (error) {
      wanted = false;
      if (inside !== undefined) untilGone(discard(inside));
      throw error;
    }
  }

  async function enter(
    limits: SandboxLimits,
    preimport: readonly string[],
    request: SandboxRequest,
    onClosed: (end: SandboxEnd) => void,
    askedMs = performance.now(),
  ): Promise<Sandbox> {
    const signal = AbortSignal.any([request.signal, closing.signal]);
    const { inside, beganMs } = await begin(limits, request, signal);
    // All that was waited before this try: for a place, for the engine to come back, for the rate.
    const queueMs = beganMs - askedMs;
    options.log?.write("debug", "Sandbox starts", { label: request.label, queueMs: Math.round(queueMs) });
    let sandbox: Sandbox | undefined;
    sandbox = await supervise(inside, {
      ...{ limits, preimport, blobs: request.blobs, signal, queueMs, beganMs },
      onClosed: (end) => {
        if (sandbox) open.delete(sandbox);
        onClosed(end);
      },
    });
    open.add(sandbox);
    return sandbox;
  }

  /** Opens a sandbox, and again where the engine stumbled: `attempt` is one try. */
  async function enterAgain(attempt: () => Promise<Sandbox>, request: SandboxRequest): Promise<Sandbox> {
    for (let tries = 0; ; ) {
      await starter.check(request); // each time: data that has gone meanwhile is no engine's failure, and not waited for
      try {
        return await attempt();
      } catch (error) {
        const down = error instanceof FailureError && error.code === "backend_down";
        const over = request.signal.aborted || closing.signal.aborted;
        if (!(error instanceof FailureError) || down || over) throw error;
        if (breaker.isOpen()) continue; // the next try waits until the engine is back
        if (++tries >= mostTries) throw error;
        options.log?.write("debug", "A sandbox did not start; trying again", { label: request.label, tries, error });
        await pause(pace.retryMs * 2 ** (tries - 1) * Math.random());
      }
    }
  }

  async function enterPatiently(
    request: SandboxRequest,
    askedMs: number,
    ended: (end: SandboxEnd) => void,
  ): Promise<Sandbox> {
    const signal = AbortSignal.any([request.signal, closing.signal]);
    let entered = false;
    const onClosed = (end: SandboxEnd) => {
      if (entered) ended(end); // a try that failed keeps its place for the next
    };
    const { limits, preimport } = options;
    const attempt = () => breaker.run(() => enter(limits, preimport, request, onClosed, askedMs), signal);
    const sandbox = await enterAgain(attempt, request);
    entered = true;
    return sandbox;
  }

  const reaper = await keepReaping(starter, { everyMs: pace.reapEveryMs, log: options.log });
  const close = async () => {
    reaper[Symbol.dispose]();
    closing.abort(
      new FailureError("sandbox", "Expected an open sandbox backend, got one that is closed", { code: "open_failed" }),
    );
    await Promise.all([...open].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    while (leaving.size > 0) await Promise.all(leaving);
    await starter.settled();
  };
  const expected = { backend: name, image: starter.image, runtime: starter.runtime, ...starter.expected };
  const environment = await prove(expected, options, async (limits, preimport, dataDir) => {
    const request = { dataDir, label: "probe", signal: options.signal };
    return enterAgain(() => enter(limits, preimport, request, () => {}), request);
  }).catch(async (cause: unknown) => {
    await close();
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
      const askedMs = performance.now();
      const giveBack = await free.take(request.signal);
      const end = counted.opened();
      const ended = (how: SandboxEnd) => {
        end(how);
        giveBack();
      };
      try {
        closing.signal.throwIfAborted();
        return await enterPatiently(request, askedMs, ended);
      } catch (error) {
        ended(endOfOpening(error));
        throw error;
      }
    },
    [Symbol.asyncDispose]: close,
  };
}

interface Begun {
  readonly inside: Inside;
  /** When its start began, of `performance.now`. */
  readonly beganMs: number;
}
