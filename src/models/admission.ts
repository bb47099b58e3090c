import { AsyncLocalStorage } from "node:async_hooks";
import PQueue from "p-queue";
import { UsageError } from "../domain/errors.ts";
import { sha256 } from "../domain/hash.ts";
import { createOutage, type Outage } from "./outage.ts";
import { wait } from "./retry.ts";

/** Lets requests to one endpoint through: so many at once, so many a minute, and none while the endpoint asked for a pause. */
export interface Admission {
  /**
   * Runs `send` when there is room; a higher `priority` goes first.
   * @throws the signal's reason when it aborts; whatever `send` throws.
   */
  admit<T>(send: () => Promise<T>, options: { readonly signal: AbortSignal; readonly priority: number }): Promise<T>;
  /** Lets nobody in for so long: the endpoint said 429 or Retry-After. Overlapping pauses end with the last. */
  pause(ms: number): void;
  /** Whether the endpoint still answers anybody. */
  readonly outage: Outage;
  load(): EndpointLoad;
}

/** How busy an endpoint is: requests waiting for their turn, pauses it asked for so far, milliseconds left of the present one. */
export interface EndpointLoad {
  readonly waiting: number;
  readonly pauses: number;
  readonly pausedMs: number;
}

/** Limits one alias asks for; undefined has no opinion and takes what another alias of the endpoint says, or the default. */
export interface AdmissionLimits {
  readonly concurrency?: number | undefined;
  readonly requestsPerMinute?: number | undefined;
}

/** All endpoints of a run. */
export interface Admissions {
  /** The admission of an endpoint and account, shared by every alias. @throws {UsageError} when two aliases state different limits. */
  of(
    endpoint: { readonly baseUrl: string; readonly key: string | null },
    alias: string,
    limits: AdmissionLimits,
  ): Admission;
  /** The endpoints that aliases asked for so far, in that order, with the aliases of each. */
  endpoints(): readonly (EndpointLoad & { readonly baseUrl: string; readonly aliases: readonly string[] })[];
}

/** Requests under way at once to an endpoint whose aliases name no `concurrency`. */
export const defaultConcurrency = 16;

/** Admission for each endpoint of a run. */
export function createAdmissions(
  options: { readonly now?: () => number; readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void> } = {},
): Admissions {
  const { now = Date.now, sleep = wait } = options;
  const endpoints = new Map<
    string,
    {
      readonly baseUrl: string;
      readonly aliases: string[];
      readonly admission: Admission;
      readonly limits: StatedLimits;
    }
  >();

  return {
    of({ baseUrl, key }, alias, limits) {
      const id = sha256(JSON.stringify([baseUrl, key]));
      const known = endpoints.get(id);
      if (known !== undefined) {
        known.limits.state(alias, limits);
        known.aliases.push(alias);
        return known.admission;
      }
      const stated = statedLimits(baseUrl);
      stated.state(alias, limits);
      const admission = createAdmission(stated.get, { now, sleep });
      endpoints.set(id, { baseUrl, aliases: [alias], admission, limits: stated });
      return admission;
    },
    endpoints: () =>
      [...endpoints.values()].map(({ baseUrl, aliases, admission }) => ({
        baseUrl,
        aliases: [...aliases],
        ...admission.load(),
      })),
  };
}

interface StatedLimits {
  state(alias: string, limits: AdmissionLimits): void;
  get(): AdmissionLimits;
}

function statedLimits(baseUrl: string): StatedLimits {
  const stated = new Map<keyof AdmissionLimits, { alias: string; value: number }>();
  return {
    state(alias, limits) {
      for (const option of ["concurrency", "requestsPerMinute"] as const) {
        const value = limits[option];
        if (value === undefined) continue;
        const other = stated.get(option);
        if (other !== undefined && other.value !== value) {
          throw new UsageError(
            `Expected models \`${other.alias}\` and \`${alias}\`, which share the endpoint ${baseUrl}, to state one \`${option}\`, ` +
              `got \`${other.value}\` and \`${value}\`. The limit belongs to the endpoint: state it once, or the same twice.`,
          );
        }
        stated.set(option, { alias, value });
      }
    },
    get: () => ({
      concurrency: stated.get("concurrency")?.value,
      requestsPerMinute: stated.get("requestsPerMinute")?.value,
    }),
  };
}

function createAdmission(
  limits: () => AdmissionLimits,
  options: { now: () => number; sleep: (ms: number, signal: AbortSignal) => Promise<void> },
): Admission {
  const { now, sleep } = options;
  let queue: PQueue | undefined;
  let pausedUntilMs = 0;
  let pauses = 0;
  let waking: AbortController | undefined;

  // Made at the first request, when every alias has stated its limits.
  function open(): PQueue {
    const { concurrency = defaultConcurrency, requestsPerMinute } = limits();
    const rate =
      requestsPerMinute === undefined ? {} : { interval: 60_000, intervalCap: requestsPerMinute, strict: true };
    const opened = new PQueue({ concurrency, ...rate });
    // A pause nobody waits for must not keep the process alive; `admit` takes it up again.
    opened.on("idle", () => {
      waking?.abort();
      waking = undefined;
    });
    return opened;
  }

  function holdWhilePaused(held: PQueue): void {
    if (waking !== undefined || pausedUntilMs <= now()) return;
    const untilMs = pausedUntilMs;
    const controller = new AbortController();
    waking = controller;
    held.pause();
    sleep(untilMs - now(), controller.signal).then(
      () => {
        if (waking !== controller) return;
        waking = undefined;
        if (pausedUntilMs > untilMs) return holdWhilePaused(held);
        pausedUntilMs = 0;
        held.start();
      },
      () => undefined, // Aborted above: the queue went idle.
    );
  }

  return {
    outage: createOutage(now),
    admit(send, { signal, priority }) {
      queue ??= open();
      // A pause that ended while the queue was idle has left it paused.
      if (waking === undefined && pausedUntilMs <= now()) queue.start();
      holdWhilePaused(queue);
      // The queue starts it from within somebody else's call; whoever watches must see it as part of its own.
      return queue.add(AsyncLocalStorage.bind(send), { signal, priority });
    },
    load: () => ({ waiting: queue?.size ?? 0, pauses, pausedMs: Math.max(0, pausedUntilMs - now()) }),
    pause(ms) {
      if (pausedUntilMs <= now()) pauses += 1; // requests under way together are often told together
      pausedUntilMs = Math.max(pausedUntilMs, now() + ms);
      if (queue !== undefined && (queue.size > 0 || queue.pending > 0)) holdWhilePaused(queue);
    },
  };
}
