// Requests to a tuning service: errors in words, and retries where asking again does no harm.
import { setTimeout as sleep } from "node:timers/promises";
import { FailureError, UsageError } from "../domain/errors.ts";
import { parseJson } from "../domain/reply-json.ts";
import { retryAfterMs } from "../domain/retry-after.ts";

const triesOfReads = 6;
const longestWaitMs = 30_000;

/** A service that answered with an error status. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly status: number;
  readonly retryAfterMs: number | null;

  constructor(status: number, message: string, retryAfterMs: number | null = null) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

type Body = NonNullable<RequestInit["body"]>;

export interface HttpOptions {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly cut: (text: string) => string;
}

export interface HttpRequest {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: Body | object;
  readonly headers?: Readonly<Record<string, string>>;
  /** A redirect is an answer. */
  readonly redirects?: boolean;
  readonly signal: AbortSignal;
}

/** Asks once. Resolves with any status below 300, and with a redirect where that is asked for; none is followed, for the key would go along. @throws {ServiceError} otherwise; what fetch throws where nothing came back. */
export async function ask(options: HttpOptions, path: string, request: HttpRequest): Promise<Response> {
  const { method = "GET", body, redirects = false, signal } = request;
  const json = body !== undefined && isPlain(body);
  const response = await fetch(/^https?:/.test(path) ? path : `${options.baseUrl.replace(/\/+$/, "")}${path}`, {
    method,
    signal,
    headers: { ...options.headers, ...(json ? { "content-type": "application/json" } : {}), ...request.headers },
    ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : (body as Body) }),
    redirect: "manual",
  });
  const { status } = response;
  if (status < 300 || (status < 400 && redirects)) return response;
  if (status < 400) {
    await response.body?.cancel();
    const to = response.headers.get("location") ?? "";
    const host = URL.canParse(to, options.baseUrl) ? new URL(to, options.baseUrl).host : "another place";
    throw new ServiceError(status, `it sends on to ${host}, where no key goes: name that place as --base-url`);
  }
  const text = await response.text().catch(() => "");
  throw new ServiceError(
    response.status,
    options.cut(messageOf(text)),
    retryAfterMs(response.headers, Date.now()) || null,
  );
}

function isPlain(body: Body | object): boolean {
  return Object.getPrototypeOf(body) === Object.prototype;
}

function messageOf(text: string): string {
  const value = parseJson(text) as { error?: { message?: unknown } | string; message?: unknown } | undefined;
  const error = value?.error;
  const message = typeof error === "string" ? error : (error?.message ?? value?.message);
  return typeof message === "string" ? message : text.slice(0, 400);
}

/** Does `work` again where it broke for a while (429, 5xx, nothing came back), waiting as told or ever longer. Only for what may be done twice. */
export async function again<T>(
  work: () => Promise<T>,
  {
    signal,
    waitMs = 500,
    tries = triesOfReads,
    may = passes,
  }: {
    readonly signal: AbortSignal;
    readonly waitMs?: number;
    readonly tries?: number;
    readonly may?: (error: unknown) => boolean;
  },
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !may(error) || tried >= tries) throw error;
      const told = error instanceof ServiceError ? error.retryAfterMs : null;
      await sleep(Math.min(longestWaitMs, told ?? waitMs * 2 ** (tried - 1)), undefined, { signal });
    }
  }
}

/** Whether an error may be gone when asked again. */
export function passes(error: unknown): boolean {
  if (error instanceof ServiceError)
    return error.status === 408 || error.status === 409 || error.status === 429 || error.status >= 500;
  return isConnection(error) || hasCode(error);
}

/** fetch says so of every connection that was refused, reset or cut; any other TypeError is a mistake of ours. */
function isConnection(error: unknown): boolean {
  return error instanceof TypeError && (error.message === "terminated" || error.cause !== undefined);
}

function hasCode(error: unknown): boolean {
  const codes = ["ECONNRESET", "ECONNREFUSED", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET"];
  for (let at = error; at instanceof Error; at = at.cause)
    if (codes.includes(String((at as NodeJS.ErrnoException).code))) return true;
  return false;
}

/** Does again what was refused for want of room (429), which was not done; for requests that must not be done twice. */
export function whenThereIsRoom<T>(
  work: () => Promise<T>,
  { signal, waitMs }: { readonly signal: AbortSignal; readonly waitMs: number },
): Promise<T> {
  return again(work, { signal, waitMs, may: (error) => error instanceof ServiceError && error.status === 429 });
}

/** The error for a person: what to mend, or that the same command goes on. `what` is what was being done. */
export function inWords(
  error: unknown,
  { what, service, keyVariable }: { readonly what: string; readonly service: string; readonly keyVariable: string },
): Error {
  if (!(error instanceof ServiceError)) {
    if (error instanceof SyntaxError)
      return new FailureError(
        "provider",
        `${service} answered to ${what} with what is no JSON. Look at --base-url; run the same command again: it goes on from there`,
        { cause: error },
      );
    if (!passes(error)) return error instanceof Error ? error : new Error(String(error));
    const reason =
      (error as Error).cause instanceof Error ? ((error as Error).cause as Error).message : (error as Error).message;
    return new FailureError(
      "provider",
      `${service} cannot be reached to ${what}: ${reason}. Run the same command again: it goes on from there`,
      { cause: error },
    );
  }
  const { status, message } = error;
  const said = `${service} answered ${status} to ${what}: ${message}`;
  if (status === 401) return new UsageError(`${said}. Look at the key in \`${keyVariable}\``, { cause: error });
  if (status === 403)
    return new UsageError(
      `${said}. The key has no right to do that, or the service no longer offers it to this account`,
      { cause: error },
    );
  if (status === 404) return new UsageError(`${said}. Look at --model, --base-url and the id`, { cause: error });
  if (status < 500 && ![408, 409, 429].includes(status)) return new UsageError(said, { cause: error });
  return new FailureError("provider", `${said}. Run the same command again: it goes on from there`, { cause: error });
}
