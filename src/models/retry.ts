import { setTimeout as delay } from "node:timers/promises";
import { FailureError } from "../domain/errors.ts";

/** One try did not work and another may. `retryAfterMs` is what the endpoint asked for, null when it asked for nothing. */
export class TransientError extends Error {
  override readonly name = "TransientError";
  readonly retryAfterMs: number | null;
  /** The endpoint is overloaded: everybody should wait, not only this request. */
  readonly pausesEndpoint: boolean;
  /** A whole request's time was up. */
  readonly isTimeout: boolean;
  /** The HTTP status, null where there was none. */
  readonly status: number | null;
  constructor(
    message: string,
    options: {
      retryAfterMs?: number | null;
      pausesEndpoint?: boolean;
      isTimeout?: boolean;
      status?: number;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.isTimeout = options.isTimeout ?? false;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.pausesEndpoint = options.pausesEndpoint ?? false;
    this.status = options.status ?? null;
  }
}

/** Gives an error the headers it came with; they are not among what a log or a reporter writes of it. */
export function attachHeaders(error: Error, headers: Headers | null): void {
  Object.defineProperty(error, "headers", { value: headers, enumerable: false, configurable: true });
}

/** The headers that an error of the transport came with; null where none came. */
export function headersOf(error: unknown): Headers | null {
  const { headers } = (error instanceof Error ? error : {}) as { headers?: unknown };
  return headers instanceof Headers ? headers : null;
}

/**
 * Waits are full jitter over `firstWaitSeconds` doubling with each try, up to `maxWaitSeconds`. Where the endpoint asked for a wait, that one, up to
 * `maxWaitSeconds`, comes first and the jitter after it, so that not everybody is back at once.
 */
export interface RetryPolicy {
  /** Tries after the first; 0 means none. */
  readonly maxRetries: number;
  readonly firstWaitSeconds: number;
  readonly maxWaitSeconds: number;
  /** No new try begins later than this after the first began, the time that it waited to be let in not counted. */
  readonly totalSeconds: number;
}

/**
 * Calls `attempt` with 1, 2, … until it returns. Only a TransientError is tried again.
 * @throws {FailureError} "provider", saying what came last, when tries or time are used up; whatever else `attempt` throws.
 */
export async function retry<T>(
  attempt: (number: number) => Promise<T>,
  options: {
    readonly what: string;
    readonly policy: RetryPolicy;
    readonly signal: AbortSignal;
    readonly now: () => number;
    readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
    readonly random: () => number;
    /** Told before each wait. */
    readonly waits?: (number: number, error: TransientError, waitMs: number) => void;
  },
): Promise<T> {
  const { policy, signal, now, sleep } = options;
  const beganMs = now();
  for (let number = 1; ; number += 1) {
    try {
      return await attempt(number);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const waitMs = waitBefore(error, number, policy, options.random);
      if (number > policy.maxRetries || now() - beganMs + waitMs > policy.totalSeconds * 1000) {
        throw new FailureError(
          "provider",
          `Expected an answer from ${options.what}, got none in ${number} ${number === 1 ? "try" : "tries"}; the last ended with: ${error.message}`,
          { cause: error },
        );
      }
      options.waits?.(number, error, waitMs);
      await sleep(waitMs, signal);
    }
  }
}

function waitBefore(error: TransientError, number: number, policy: RetryPolicy, random: () => number): number {
  const askedMs = error.retryAfterMs === null ? 0 : longestWaitMs(error.retryAfterMs, number, policy);
  return askedMs + random() * longestWaitMs(null, number, policy);
}

/** Milliseconds an endpoint should be left alone after try `number`: what it asked for, else the backoff without jitter; bounded. */
export function longestWaitMs(askedMs: number | null, number: number, policy: RetryPolicy): number {
  return Math.min(policy.maxWaitSeconds * 1000, askedMs ?? policy.firstWaitSeconds * 1000 * 2 ** (number - 1));
}

/** Waits so many milliseconds. @throws the signal's reason when it aborts first. */
export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

/**
 * Runs `call` with a signal that fires when `outer` does or `ms` after the start, whichever is first.
 * @throws {TransientError} when the time is up; the outer signal's reason when that fired.
 */
export async function withDeadline<T>(
  ms: number,
  outer: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer.throwIfAborted();
  // One controller for one call: listeners that a client leaves on a signal die with it.
  const controller = new AbortController();
  const stop = () => controller.abort(outer.reason);
  outer.addEventListener("abort", stop, { once: true });
  const late = () => new TransientError(`no complete answer within ${ms / 1000} s`, { isTimeout: true });
  const timer = setTimeout(() => controller.abort(late()), ms);
  try {
    return await call(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    outer.removeEventListener("abort", stop);
  }
}
