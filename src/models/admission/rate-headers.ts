/** What an endpoint's headers say of one of its limits. Null where they do not say. */
export interface HeaderLimit {
  /** All that it allows, in whatever time. */
  readonly limit: number | null;
  /** Only where the name leaves no doubt that a minute is meant. */
  readonly perMinute: number | null;
  readonly remaining: number | null;
  /** Milliseconds from now until it has room again. */
  readonly resetMs: number | null;
  /** It is about a part of the tokens (input or output), so that only `remaining: 0` can be used. */
  readonly isPart: boolean;
}

/** The limits that an answer's headers tell of. */
export interface HeaderLimits {
  readonly requests: readonly HeaderLimit[];
  readonly tokens: readonly HeaderLimit[];
}

const limitName = /rate-?limit|token-?limit/;
const part = /input|output|prompt|generated|cached/;
const period = /minute|hour|day|month|second/;

/**
 * Reads `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` and their kin; docs/limits.md lists the forms. What cannot be read is
 * left out, never guessed.
 */
export function readRateHeaders(headers: Headers, nowMs: number): HeaderLimits {
  const pools = new Map<
    string,
    {
      unit: "requests" | "tokens";
      isPart: boolean;
      limit?: number;
      perMinute?: number;
      remaining?: number;
      resetMs?: number;
    }
  >();
  headers.forEach((value, name) => {
    if (!limitName.test(name)) return;
    const says = /remaining|reset/.exec(name)?.[0] ?? (/[-_]limit([-_]|$)/.test(name) ? "limit" : null);
    if (says === null || /over-limit|policy|unified/.test(name)) return;
    const unit = /token|bysize/.test(name) ? "tokens" : "requests";
    const isPart = part.test(name);
    // `x-ratelimit-remaining-tokens-minute` and `x-ratelimit-limit-tokens-minute` are two words about one pool.
    const id = `${unit} ${name
      .replace(/remaining|reset|[-_]limit(?=[-_]|$)/, "")
      .replaceAll(/[-_]+/g, "-")
      .replace(/-$/, "")}`;
    const pool = pools.get(id) ?? { unit, isPart };
    if (says === "reset") {
      const ms = readReset(value, nowMs);
      if (ms !== null) pool.resetMs = ms;
    } else {
      const count = readCount(value);
      if (count === null) return;
      if (says === "remaining") pool.remaining = count;
      else {
        pool.limit = count;
        if (!isPart && count > 0 && isPerMinute(name)) pool.perMinute = count;
      }
    }
    pools.set(id, pool);
  });
  const of = (unit: "requests" | "tokens") =>
    [...pools.values()]
      .filter((pool) => pool.unit === unit)
      .map(({ isPart, limit = null, perMinute = null, remaining = null, resetMs = null }) => ({
        isPart,
        limit,
        perMinute,
        remaining,
        resetMs,
      }));
  return { requests: of("requests"), tokens: of("tokens") };
}

/** A bare `x-ratelimit-limit` may mean a second or a day; `-requests` and `-tokens` mean a minute, or a longer time, which is no harm. */
function isPerMinute(name: string): boolean {
  const named = period.exec(name)?.[0];
  return named === undefined ? /requests|[-_]tokens/.test(name) : named === "minute";
}

function readCount(value: string): number | null {
  const text = value.trim();
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds until a reset: "6m0s", "120ms", plain seconds, seconds or milliseconds since 1970, an ISO or HTTP date. */
export function readReset(value: string, nowMs: number): number | null {
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text);
    if (number >= 1e11) return Math.max(0, number - nowMs);
    if (number >= 1e9) return Math.max(0, number * 1000 - nowMs);
    return number * 1000;
  }
  if (/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) {
    return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)].reduce(
      (sum, [, number, unit]) => sum + Number(number) * (unitMs[unit as string] as number),
      0,
    );
  }
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? null : Math.max(0, dateMs - nowMs);
}
