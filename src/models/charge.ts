// What a request may cost at most, and what it is charged once it has ended. Arithmetic only.
import { FailureError, UsageError } from "../domain/errors.ts";
import type { Usage } from "../domain/trajectory.ts";
import { TransientError } from "./retry.ts";

/** What a request is charged besides being one; `usd` is null without a price, `tokens` where nothing limits the answer. */
export interface Cost {
  readonly usd: number | null;
  readonly tokens: number | null;
}

/** US dollars for a million tokens. */
interface Rates {
  readonly inputPerMillion: number;
  readonly cachedInputPerMillion?: number | undefined;
  readonly outputPerMillion: number;
}

/**
 * The most that a request can cost: no tokenizer makes more tokens of a text than it has bytes, and the answer has a limit of its own. What an
 * endpoint adds on its side (a hidden prompt, thoughts beside the limit) is not in it.
 */
export function boundOf(payload: Readonly<Record<string, unknown>>, rates: Rates | null | undefined): Cost {
  const inputTokens = Buffer.byteLength(JSON.stringify(payload));
  const outputTokens = payload.max_completion_tokens ?? payload.max_tokens;
  const isLimited = typeof outputTokens === "number";
  const output = rates?.outputPerMillion === 0 ? 0 : isLimited ? outputTokens : null;
  const input = rates ? Math.max(rates.inputPerMillion, rates.cachedInputPerMillion ?? 0) : 0;
  return {
    usd: !rates || output === null ? null : (inputTokens * input + output * rates.outputPerMillion) / 1e6,
    tokens: isLimited ? inputTokens + outputTokens : null,
  };
}

/** What an answer cost; null where the endpoint did not count, so that the bound stays charged. */
export function costOf(usage: Usage): Cost | null {
  return usage.estimated ? null : { usd: usage.costUsd, tokens: usage.inputTokens + usage.outputTokens };
}

/** Statuses of whoever stands before the model and gave up on it: it may have answered, and been paid, all the same. */
const unknownStatuses: ReadonlySet<number> = new Set([408, 502, 504, 522, 524]);
/** The connection never stood. */
const neverSent: ReadonlySet<unknown> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"],
]);

/**
 * What a request that ended with `error` cost: nothing where the endpoint refused it with a status or was never reached; else null, nobody
 * knows: cut off, late, unreadable, or refused for what it says (some services charge for what their filter read).
 */
export function costOfError(error: unknown): Cost | null {
  const nothing = { usd: 0, tokens: 0 };
  if (error instanceof TransientError) {
    if (error.status === null) return neverSent.has(codeAtRoot(error)) ? nothing : null;
    return unknownStatuses.has(error.status) ? null : nothing;
  }
  return error instanceof UsageError || error instanceof FailureError ? nothing : null;
}

function codeAtRoot(error: Error): unknown {
  return error.cause instanceof Error ? codeAtRoot(error.cause) : (error as { code?: unknown }).code;
}
