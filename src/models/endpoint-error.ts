import { z } from "zod";
import { FailureError, RejectionError, UsageError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";
import { parseJson } from "../domain/reply-json.ts";
import type { RefusalKind } from "./admission/refusals.ts";
import { excerpt, isHtml } from "./answer.ts";
import { isLimitTooHigh, refusedOption } from "./refused-option.ts";
import { TransientError } from "./retry.ts";

/** What an endpoint said went wrong, whatever shape it said it in. */
export interface EndpointProblem {
  readonly status: number;
  readonly message: string;
  /** Codes and types, as one text to search in. */
  readonly code: string;
  readonly retryAfterMs: number | null;
}

/** Where and as whom was asked, for messages. `keyFrom` names the environment variable of the key, null without a key. */
export interface Asked {
  readonly alias: string;
  readonly baseUrl: string;
  readonly model: string;
  readonly keyFrom: string | null;
  /** The models that the endpoint says it has; none where it was not asked, or does not say. */
  readonly listed?: () => readonly string[];
}

/** An endpoint would not answer a request, and would not if it were asked again. It stops a run where it hits everything. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly kind: RefusalKind;
  /** How the endpoint is named, what it said, and what to do. */
  readonly #words: { readonly whom: string; readonly said: string; readonly wayOut: string };
  constructor(kind: RefusalKind, words: { whom: string; said: string; wayOut: string }, cause: Error) {
    super(`Expected ${words.whom}, got \`${words.said}\`. ${words.wayOut}`, { cause });
    this.kind = kind;
    this.#words = words;
  }

  /** The item that asked is owed; others may do better. */
  asFailure(): FailureError {
    return new FailureError("provider", this.message, { cause: this.cause });
  }

  /** Nobody will do better. `requests` says which were refused, where that was more than one look. */
  asUsage(requests: string | null = null): UsageError {
    const { whom, said, wayOut } = this.#words;
    const to = requests === null ? "" : ` to ${requests}`;
    return new UsageError(`Expected ${whom}, got \`${said}\`${to}. ${wayOut}`, { cause: this.cause });
  }
}

const codes = z.union([z.string(), z.number()]).transform(String).nullish().catch(null);
// `metadata.raw` is what a router's upstream said; the router's own message may be no more than "Provider returned error".
const metadata = z.object({ raw: z.string() }).nullish().catch(null);
const errorObject = z
  .object({ message: z.string(), code: codes, type: codes, metadata })
  .transform(({ message, code, type, metadata }) => ({
    message: metadata?.raw ? `${message}: ${metadata.raw}` : message,
    code,
    type,
  }));
const errorBody = z.union([
  z.object({ error: errorObject }).transform(({ error }) => error),
  z.object({ error: z.string() }).transform(({ error }) => ({ message: error, code: null, type: null })),
  errorObject,
  z.object({ detail: z.unknown() }).transform(({ detail }) => ({ message: textOf(detail), code: null, type: null })),
]);

/** Reads an error body: OpenAI's shape, bare objects (vLLM, FastAPI), a list of one (Gemini), plain text, web pages. Never throws. */
export function readErrorBody(body: string): { message: string; code: string } {
  const json = parseJson(body);
  const parsed = errorBody.safeParse(Array.isArray(json) ? json[0] : json);
  if (parsed.success) {
    return { message: parsed.data.message, code: [parsed.data.code, parsed.data.type].filter(Boolean).join(" ") };
  }
  if (isHtml(body)) return { message: "an HTML page", code: "" };
  return { message: body.trim() === "" ? "an empty body" : excerpt(body), code: "" };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

// Each alternative is the wording of some server; test/unit/models-endpoint-error.test.ts names them.
const overflow = new RegExp(
  [
    "context[ _]?(length|window|size|limit)",
    "maximum model length",
    "(prompt|input) is too long",
    "reduce the length",
    "tokens \\+ `max_new_tokens",
    "max_tokens must be at least 1, got -",
    "range of input length",
  ].join("|"),
  "i",
);
const overflowStatuses = new Set([400, 403, 413, 422, 500]);
const filtered = /content[ _]?(filter|policy)|content management policy|data_inspection_failed|responsible ?ai/i;
const unknownModel =
  /model[ _]not[ _]found|model .{0,120}(does not exist|not found|is not available)|(unknown|invalid) model/i;
const unsupported =
  /unsupported[ _](parameter|value)|(unknown|unrecognized|extra)[ _](parameter|argument|field|request argument)|extra inputs|not (supported|permitted)/i;
const badKey = /api[ _]key (is )?(not valid|invalid)|(invalid|incorrect) api[ _]key/i; // Gemini says so with 400.
// Not "exceeded your current quota": some services say that of a limit per minute too.
const noCredit = /insufficient[ _](quota|balance|funds|credit)/i;

const passing = new Set([408, 409, 425, 429]);

/**
 * The error a status means: TransientError (try again), RejectionError (this request can never work) or RefusedError (it was not answered and
 * trying again is no use; whether that is so for all requests is for the caller to see).
 */
export function endpointError(problem: EndpointProblem, asked: Asked): TransientError | RejectionError | RefusedError {
  const { status } = problem;
  const said = `${status} ${problem.message}`;
  const searched = `${problem.code} ${problem.message}`;
  const cause = new Error(`HTTP ${said}`);
  const whom = `the endpoint ${asked.baseUrl} to answer model \`${asked.alias}\` (\`${asked.model}\`)`;
  const refused = (kind: RefusalKind, wayOut: string) => new RefusedError(kind, { whom, said, wayOut }, cause);

  if (overflowStatuses.has(status) && overflow.test(searched)) {
    return new RejectionError("context_overflow", `The request is longer than the model takes: ${said}`, { cause });
  }
  if (isLimitTooHigh(status, searched)) {
    return refused("request", "Its token limit is lower: lower `maxTokens`, or `maxTokensMost` where it was raised.");
  }
  const setting = refusedOption(status, searched);
  if (setting !== null) return refused("standing", setting);
  if (status === 402 || (status === 429 && noCredit.test(searched))) {
    const wayOut = "The account has no credit left: add some, or name another endpoint; what was received is kept.";
    return refused("standing", wayOut);
  }
  if (status === 401 || status === 403 || (status === 400 && badKey.test(searched))) {
    return refused(
      // A key is good for all or for none; access may be to some content only.
      status === 403 ? "access" : "standing",
      asked.keyFrom === null
        ? "The endpoint refuses access; no key is sent: name its variable in `apiKeyEnv`."
        : `The endpoint refuses access; check the key in \`${asked.keyFrom}\`, and that it may use this model.`,
    );
  }
  if (status === 404 || ((status === 400 || status === 422) && unknownModel.test(searched))) {
    const near = nearest(asked.model, asked.listed?.() ?? []);
    const listed = near === null || near === asked.model ? "" : ` Did you mean \`${near}\`, which the endpoint lists?`;
    return refused("standing", `Check \`baseUrl\` (it often ends in /v1) and \`model\`.${listed}`);
  }
  if (passing.has(status) || status >= 500) {
    const pausesEndpoint = status === 429 || problem.retryAfterMs !== null;
    return new TransientError(said, { retryAfterMs: problem.retryAfterMs, pausesEndpoint, status, cause });
  }
  if (status === 400 && filtered.test(searched)) {
    return new RejectionError("content_filter", `The provider's content filter refused the request: ${said}`, {
      cause,
    });
  }
  if ((status === 400 || status === 422) && unsupported.test(searched)) {
    return refused(
      "standing",
      "Leave the option out that it names, or set `maxTokensField`, `refuses`, `sendsSeed` or `structuredOutput` as it needs.",
    );
  }
  return refused("request", "Trying again would not help; if it says so of every request, check the model's options.");
}
