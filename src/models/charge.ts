// What a request may cost at most, and what it is charged once it has ended. Arithmetic only.
import { z } from "zod";
import type { Price } from "../contracts.ts";
import type { Usage } from "../domain/trajectory.ts";
import { RefusedError } from "./endpoint-error.ts";
import { TransientError } from "./retry.ts";
import { deepest } from "./root-error.ts";

/** What a request is charged besides being one; `usd` is null without a price, `tokens` where nothing limits the answer. */
export interface Cost {
  readonly usd: number | null;
  readonly tokens: number | null;
}

/**
 * The most that a request can cost: no tokenizer makes more tokens of a text than it has bytes, and the answer has a limit of its own. What an
 * endpoint adds on its side (a hidden prompt, thoughts beside the limit) is not in it.
 */
export function boundOf(
  payload: Readonly<Record<string, unknown>>,
  rates: Omit<Price, "asOf"> | null | undefined,
  { bytes, answer }: Size = sizeOf(payload),
): Cost {
  const output = rates?.outputPerMillion === 0 ? 0 : answer;
  const input = rates ? Math.max(rates.inputPerMillion, rates.cachedInputPerMillion ?? 0) : 0;
  return {
    usd: !rates || output === null ? null : (bytes * input + output * rates.outputPerMillion) / 1e6,
    tokens: answer === null ? null : bytes + answer,
  };
}

/** A request's bytes, and the tokens that its answer may have; null where nothing limits them. */
export interface Size {
  readonly bytes: number;
  readonly answer: number | null;
}

/** How large a request is. Writes it out as JSON once. */
export function sizeOf(payload: Readonly<Record<string, unknown>>): Size {
  const answer = payload.max_completion_tokens ?? payload.max_tokens;
  return { bytes: Buffer.byteLength(JSON.stringify(payload)), answer: typeof answer === "number" ? answer : null };
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
 * knows: cut off (the error is then whatever stopped the run), late, unreadable, or refused for what it says (some services charge for what their filter read).
 */
export function costOfError(error: unknown): Cost | null {
  const nothing = { usd: 0, tokens: 0 };
  if (error instanceof TransientError) {
    if (error.status === null) return neverSent.has(deepest(error).code) ? nothing : null;
    return unknownStatuses.has(error.status) ? null : nothing;
  }
  return error instanceof RefusedError ? nothing : null;
}

const amounts = z.strictObject({ usd: z.number(), requests: z.number(), tokens: z.number(), hours: z.number() });
export type Amounts = z.output<typeof amounts>;

/** What a run was charged so far, with the bounds of its requests under way: so that of a run that dies they stay charged. */
export const charges = z.strictObject({
  run: amounts,
  stages: z.record(z.string(), amounts),
  /** Requests whose end is not known. */
  underWay: z.number().int(),
  /** Requests without a price. */
  unpriced: z.number().int(),
});
export type Charges = z.output<typeof charges>;

/** No charge at all. */
export const noAmounts: Amounts = { usd: 0, requests: 0, tokens: 0, hours: 0 };

/** The sum of two charges. */
export function addAmounts(left: Amounts, right: Amounts): Amounts {
  return {
    usd: left.usd + right.usd,
    requests: left.requests + right.requests,
    tokens: left.tokens + right.tokens,
    hours: left.hours + right.hours,
  };
}
