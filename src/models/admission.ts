import { UsageError } from "../domain/errors.ts";
import { sha256 } from "../domain/hash.ts";
import { createGate, type EndpointLoad, type Gate } from "./admission/gate.ts";
import type { Asking, Place } from "./admission/place.ts";
import { wait } from "./retry.ts";

/** Lets requests to one endpoint through: as many at once as it takes, as many a minute as it allows, and nobody while it asked for a pause or is down. */
export interface Admission {
  /**
   * Runs `send` when it is let in; it tells the place what came. The request's AsyncLocalStorage context is its caller's.
   * @throws the signal's reason when it aborts first; {EndpointGone} when nobody had an answer for `patienceMs`; whatever `send` throws.
   */
  admit<T>(send: (place: Place) => Promise<T>, asking: Asking): Promise<T>;
  /** The endpoint does not answer, and it is not yet time to look again: whoever asks now would wait. */
  isDown(): boolean;
  load(): EndpointLoad;
}

/** Limits one alias asks for; undefined has no opinion and takes what another alias of the endpoint says, or the default. */
export interface AdmissionLimits {
  readonly concurrency?: number | undefined;
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
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

/** The most requests under way at once to an endpoint whose aliases name no `concurrency`. */
export const defaultConcurrency = 32;

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

const limitOptions = ["concurrency", "requestsPerMinute", "tokensPerMinute"] as const;

function statedLimits(baseUrl: string): StatedLimits {
  const stated = new Map<keyof AdmissionLimits, { alias: string; value: number }>();
  return {
    state(alias, limits) {
      for (const option of limitOptions) {
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
    get: () => Object.fromEntries(limitOptions.map((option) => [option, stated.get(option)?.value])),
  };
}

const idle: EndpointLoad = { waiting: 0, underWay: 0, window: 0, pauses: 0, pausedMs: 0, downMs: 0 };

function createAdmission(
  limits: () => AdmissionLimits,
  options: { now: () => number; sleep: (ms: number, signal: AbortSignal) => Promise<void> },
): Admission {
  let gate: Gate | undefined;

  // Made at the first request, when every alias has stated its limits.
  function open(): Gate {
    const { concurrency = defaultConcurrency, requestsPerMinute = null, tokensPerMinute = null } = limits();
    return createGate({ ...options, concurrency, requestsPerMinute, tokensPerMinute });
  }

  return {
    async admit(send, asking) {
      asking.signal.throwIfAborted();
      gate ??= open();
      const { place, leave } = await gate.enter(asking);
      try {
        asking.signal.throwIfAborted();
        return await send(place);
      } finally {
        leave();
      }
    },
    isDown: () => gate?.isDown() ?? false,
    load: () => gate?.load() ?? idle,
  };
}
