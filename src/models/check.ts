import { UsageError } from "../domain/errors.ts";
import { excerpt, isHtml } from "./answer.ts";
import { type Asked, endpointError, readErrorBody } from "./endpoint-error.ts";
import { withDeadline } from "./retry.ts";
import { deepestMessage } from "./transport.ts";

const checkTimeoutMs = 15_000;

/**
 * Asks GET {baseUrl}/models, which costs nothing. Any answer will do but a refusal of access or a web page: some endpoints have no
 * such route. @throws {UsageError} naming alias, address and way out.
 */
export async function checkEndpoint(
  options: {
    readonly baseUrl: string;
    readonly key: string | null;
    /** Cuts the key out of what an error quotes. */
    readonly cut: (text: string) => string;
    readonly headers: Readonly<Record<string, string>>;
    readonly asked: Asked;
    readonly fetch: typeof fetch;
  },
  signal: AbortSignal,
): Promise<void> {
  const { baseUrl, key, cut, asked } = options;
  const headers = { ...options.headers, ...(key === null ? {} : { authorization: `Bearer ${key}` }) };
  const { status, body } = await withDeadline(checkTimeoutMs, signal, async (limit) => {
    const response = await options.fetch(`${baseUrl}/models`, { headers, signal: limit });
    return { status: response.status, body: await response.text() };
  }).catch((error: unknown) => {
    if (signal.aborted) throw signal.reason;
    const reason = cut(deepestMessage(error));
    throw new UsageError(
      `Expected the endpoint ${baseUrl} of model \`${asked.alias}\` to answer, got \`${reason}\`. ` +
        "Check that it runs and that `baseUrl` is right.",
      { cause: new Error(reason) },
    );
  });
  if (status === 401 || status === 403) {
    const { message, code } = readErrorBody(body);
    throw endpointError({ status, message: cut(message), code, retryAfterMs: null }, asked);
  }
  if (isHtml(body) && status !== 404 && status !== 405) {
    throw new UsageError(
      `Expected the endpoint ${baseUrl} of model \`${asked.alias}\` to answer in JSON, got a web page (${status}, ${cut(excerpt(body))}). ` +
        "Check `baseUrl`: it often ends in /v1.",
    );
  }
}
