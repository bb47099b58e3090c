import { retryAfterMs } from "../domain/retry-after.ts";
import { type Answer, ErrorInBody, readAnswer } from "./answer.ts";
import { type Asked, type EndpointProblem, endpointError, readErrorBody } from "./endpoint-error.ts";
import type { KeyHeader } from "./family.ts";
import { attachHeaders, TransientError, withDeadline } from "./retry.ts";
import { deepest } from "./root-error.ts";
import { estimateUsage } from "./tokens.ts";

/** An answer, and the headers it came with. */
export interface Received {
  readonly answer: Answer;
  readonly headers: Headers;
}

/** Sends one chat request and reads its answer whole. */
export interface Transport {
  /**
   * One HTTP request, no retries, under a deadline that covers the body too.
   * @throws {TransientError} when another try may work; {RefusedError} or {RejectionError} as the endpoint's status means; `headersOf`
   * any of them gives the headers it came with.
   */
  complete(payload: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Received>;
}

/** The `openai` client, with its own retries, time limit, logging and environment variables off. No error carries the key. */
export async function createTransport(options: {
  readonly baseUrl: string;
  readonly key: string | null;
  readonly keyHeader: KeyHeader;
  /** Cuts the key out of what an error quotes. */
  readonly cut: (text: string) => string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly asked: Asked;
  readonly now: () => number;
  readonly fetch: typeof fetch;
}): Promise<Transport> {
  const { key, keyHeader, cut, asked, now } = options;
  // 60 ms to load, so only where a model is made.
  const { APIConnectionError, APIError, OpenAI } = await import("openai");
  const timeoutMs = options.timeoutSeconds * 1000;
  const client = new OpenAI({
    baseURL: options.baseUrl,
    apiKey: key ?? "none",
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    defaultHeaders: { ...options.headers, ...keyHeaders(key, keyHeader) },
    maxRetries: 0,
    timeout: timeoutMs + 60_000, // It ends at the headers; the deadline around the whole call is ours.
    logLevel: "off",
    fetch: (url, init) => fetchWithErrorText(options.fetch, url, init),
  });

  function errorOf(error: unknown): unknown {
    if (error instanceof TransientError) return error;
    if (error instanceof ErrorInBody) {
      const { message, code } = readErrorBody(JSON.stringify(error.error));
      const status = Number(/\b[45]\d\d\b/.exec(code)?.[0] ?? 500);
      return endpointError(problemOf(status, message, code, null), asked);
    }
    if (error instanceof APIConnectionError) return unreachable(error);
    if (error instanceof APIError) {
      const { message, code } = readErrorBody(JSON.stringify({ error: error.error }));
      const afterMs = error.headers === undefined ? null : retryAfterMs(error.headers, now());
      return endpointError(problemOf(error.status ?? 502, message, code, afterMs), asked);
    }
    // Reading the body failed: the connection broke under it.
    if (error instanceof TypeError && error.message === "terminated") return unreachable(error);
    return error;
  }

  function problemOf(status: number, message: string, code: string, afterMs: number | null): EndpointProblem {
    return { status, message: cut(message), code, retryAfterMs: afterMs };
  }

  function unreachable(error: Error): TransientError {
    const { message, code } = deepest(error);
    const reason = cut(message);
    const cause = Object.assign(new Error(reason), code === undefined ? {} : { code });
    return new TransientError(`a connection that broke (${reason})`, { cause });
  }

  /** The answer as it came: nothing is cut out of what a model said, where a dummy key may be an ordinary word. */
  function readWithoutKey(body: string): Answer {
    try {
      return readAnswer(body);
    } catch (error) {
      // The error quotes the body; made again, it quotes one without the key.
      readAnswer(cut(body));
      throw error;
    }
  }

  return {
    async complete(payload, signal) {
      let headers: Headers | null = null;
      try {
        return await withDeadline(timeoutMs, signal, async (limit) => {
          const response = await client.post("/chat/completions", { body: payload, signal: limit }).asResponse();
          headers = response.headers;
          const answer = readWithoutKey(await response.text());
          const { usage } = answer;
          return {
            answer: { ...answer, usage: usage.estimated ? await estimateUsage(payload, answer) : usage },
            headers,
          };
        });
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const thrown = errorOf(error);
        if (error instanceof APIError && error.headers !== undefined) headers = error.headers;
        if (thrown instanceof Error) attachHeaders(thrown, headers);
        throw thrown;
      }
    },
  };
}

/** What the client has to be told where it would send no key, or in another header than its own. */
function keyHeaders(key: string | null, header: KeyHeader): Readonly<Record<string, string | null>> {
  if (key === null) return { Authorization: null };
  return header === "authorization" ? {} : { Authorization: null, [header]: key };
}

/** The client reads only OpenAI's own error shape; this gives it every other shape in that one. */
async function fetchWithErrorText(
  send: typeof fetch,
  url: Parameters<typeof fetch>[0],
  init: RequestInit | undefined,
): Promise<Response> {
  const response = await send(url, init);
  if (response.ok) return response;
  const { message, code } = readErrorBody(await response.text());
  const headers = new Headers(response.headers);
  for (const name of ["content-encoding", "content-length", "content-type"]) headers.delete(name);
  return new Response(JSON.stringify({ error: { message, code } }), { status: response.status, headers });
}
