// Faults by name and weight, drawn by what was asked and how often: two runs that ask the same meet the same.
import { createHash } from "node:crypto";
import type { Fault } from "./faults.ts";

/** What a planned fault may need to know. */
export interface FaultTimes {
  /** What a 429 or 503 asks for, where it asks for a wait. */
  readonly retryAfterMs: number;
  /** Between two pieces of a body that drips. */
  readonly dripMs: number;
}

type Make = (times: FaultTimes) => Fault;

const status =
  (code: number, words: string, headers: (times: FaultTimes) => Record<string, string> = () => ({})): Make =>
  (times) => ({
    kind: "status",
    status: code,
    headers: headers(times),
    body: { error: { message: words, type: "planned", code: null } },
  });
const seconds = ({ retryAfterMs }: FaultTimes) => ({ "retry-after": String(retryAfterMs / 1000) });
const milliseconds = ({ retryAfterMs }: FaultTimes) => ({ "retry-after-ms": String(retryAfterMs) });
// A date has whole seconds only: up to one more than was meant.
const date = ({ retryAfterMs }: FaultTimes) => ({ "retry-after": new Date(Date.now() + retryAfterMs).toUTCString() });

/** Every fault that can be planned by name. */
export const faultNames = {
  "408": status(408, "Request timed out"),
  "409": status(409, "Conflict"),
  "429": status(429, "Rate limit reached"),
  "429_retry_after": status(429, "Rate limit reached", seconds),
  "429_retry_after_ms": status(429, "Rate limit reached", milliseconds),
  "429_http_date": status(429, "Rate limit reached", date),
  "500": status(500, "The server had an error"),
  "502": status(502, "Bad gateway"),
  "503": status(503, "Overloaded"),
  "503_retry_after": status(503, "Overloaded", seconds),
  "529": status(529, "Overloaded"),
  "401": status(401, "Incorrect API key provided"),
  "403": status(403, "You may not use this model"),
  "404": status(404, "The model does not exist"),
  context_overflow: () => ({
    kind: "status",
    status: 400,
    body: { error: { message: "This model's maximum context length is 8192 tokens", code: "context_length_exceeded" } },
  }),
  content_filter_400: () => ({
    kind: "status",
    status: 400,
    body: { error: { message: "The response was filtered", code: "content_filter" } },
  }),
  content_filter: () => ({ kind: "finish_reason", value: "content_filter" }),
  refusal: () => ({ kind: "refusal", words: "I cannot help with that." }),
  finish_reason_error: () => ({ kind: "finish_reason", value: "error" }),
  reset_before_headers: () => ({ kind: "reset_before_headers" }),
  reset_mid_body: () => ({ kind: "reset_mid_body" }),
  stall_before_headers: () => ({ kind: "stall_before_headers" }),
  stall_in_body: () => ({ kind: "stall_in_body" }),
  drip: ({ dripMs }) => ({ kind: "drip", pieces: 8, everyMs: dripMs }),
  html: () => ({ kind: "html" }),
  html_502: () => ({ kind: "html", status: 502 }),
  cut_json: () => ({ kind: "truncated_json" }),
  wrong_json: () => ({ kind: "wrong_json" }),
  empty_choices: () => ({ kind: "empty_choices" }),
  error_in_body: () => ({ kind: "error_in_body" }),
  missing_usage: () => ({ kind: "missing_usage" }),
} satisfies Record<string, Make>;

export type FaultName = keyof typeof faultNames;

/** A share of the requests (0 to 1) goes wrong, each in one of these ways by its weight. */
export interface FaultMix {
  readonly share: number;
  readonly weights: Partial<Record<FaultName, number>>;
}

/** The name of the fault that two draws in [0, 1) give; null for none. */
export function drawFault(mix: FaultMix, whether: number, which: number): FaultName | null {
  if (whether >= mix.share) return null;
  const weights = Object.entries(mix.weights) as [FaultName, number][];
  let left = which * weights.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of weights) {
    left -= weight;
    if (left < 0) return name;
  }
  return weights.at(-1)?.[0] ?? null;
}

/** Four draws in [0, 1) that follow from what they are made of. */
export function draws(...from: readonly (string | number)[]): [number, number, number, number] {
  const digest = createHash("sha256").update(from.join("\n")).digest();
  const at = (index: number) => digest.readUInt32BE(index * 4) / 2 ** 32;
  return [at(0), at(1), at(2), at(3)];
}
