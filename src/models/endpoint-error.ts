import { z } from "zod";
import { FailureError, RejectionError, UsageError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";
import { excerpt, isHtml } from "./answer.ts";
import { refusedOption } from "./refused-option.ts";
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

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // Not JSON is an answer here: the caller quotes the text.
    throw error;
  }
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

/** The error a status means: TransientError (try again), UsageError (stop), RejectionError (this request can never work) or FailureError. */
export function endpointError(problem: EndpointProblem, asked: Asked): Error {
  const { status } = problem;
  const said = `${status} ${problem.message}`;
  const searched = `${problem.code} ${problem.message}`;
  const cause = new Error(`HTTP ${said}`);
  const stop = (wayOut: string) =>
    new UsageError(
      `Expected the endpoint ${asked.baseUrl} to answer model \`${asked.alias}\` (\`${asked.model}\`), got \`${said}\`. ${wayOut}`,
      { cause },
    );

  if (overflowStatuses.has(status) && overflow.test(searched)) {
    return new RejectionError("context_overflow", `The request is longer than the model takes: ${said}`, { cause });
  }
  const setting = refusedOption(status, searched);
  if (setting !== null) return stop(setting);
  if (status === 402 || (status === 429 && noCredit.test(searched))) {
    return stop("The account has no credit left: add some, or name another endpoint; what was received is kept.");
  }
  if (status === 401 || status === 403 || (status === 400 && badKey.test(searched))) {
    return stop(
      asked.keyFrom === null
        ? "The endpoint refuses access; no key is sent: name its variable in `apiKeyEnv`."
        : `The endpoint refuses access; check the key in \`${asked.keyFrom}\`, and that it may use this model.`,
    );
  }
  if (status === 404 || ((status === 400 || status === 422) && unknownModel.test(searched))) {
    const near = nearest(asked.model, asked.listed?.() ?? []);
    const listed = near === null || near === asked.model ? "" : ` Did you mean \`${near}\`, which the endpoint lists?`;
    return stop(`Check \`baseUrl\` (it often ends in /v1) and \`model\`.${listed}`);
  }
  if (status === 408 || status === 409 || status === 425 || status === 429 || status >= 500) {
    const pausesEndpoint = status === 429 || problem.retryAfterMs !== null;
    return new TransientError(said, { retryAfterMs: problem.retryAfterMs, pausesEndpoint, status, cause });
  }
  if (status === 400 && filtered.test(searched)) {
    return new RejectionError("content_filter", `The provider's content filter refused the request: ${said}`, {
      cause,
    });
  }
  if ((status === 400 || status === 422) && unsupported.test(searched)) {
    return stop(
      "Leave the option out that it names, or set `maxTokensField`, `refuses`, `sendsSeed` or `structuredOutput` as it needs.",
    );
  }
  return new FailureError(
    "provider",
    `Expected the endpoint ${asked.baseUrl} to answer model \`${asked.alias}\`, got \`${said}\``,
    {
      cause,
    },
  );
}
