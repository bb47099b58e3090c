import { z } from "zod";
import { UsageError } from "../domain/errors.ts";
import { parseJson } from "../domain/reply-json.ts";
import { excerpt, isHtml } from "./answer.ts";
import { type Asked, endpointError, RefusedError, readErrorBody } from "./endpoint-error.ts";
import type { KeyHeader } from "./family.ts";
import { withDeadline } from "./retry.ts";
import { deepest } from "./root-error.ts";

const checkTimeoutMs = 15_000;

/**
 * Asks GET {baseUrl}/models, which costs nothing. Any answer will do but a refusal of access, a redirect or a web page: some
 * endpoints have no such route. Returns the names of the models it lists, none where it lists none.
 * @throws {UsageError} naming alias, address and way out.
 */
export async function checkEndpoint(
  options: {
    readonly baseUrl: string;
    readonly key: string | null;
    readonly keyHeader: KeyHeader;
    /** Cuts the key out of what an error quotes. */
    readonly cut: (text: string) => string;
    readonly headers: Readonly<Record<string, string>>;
    readonly asked: Asked;
    readonly fetch: typeof fetch;
  },
  signal: AbortSignal,
): Promise<string[]> {
  const { baseUrl, key, keyHeader, cut, asked } = options;
  const headers = {
    ...options.headers,
    ...(key === null ? {} : { [keyHeader]: keyHeader === "authorization" ? `Bearer ${key}` : key }),
  };
  const url = `${baseUrl}/models`;
  const endpoint = `the endpoint ${baseUrl} of model \`${asked.alias}\``;
  const { status, location, body } = await withDeadline(checkTimeoutMs, signal, async (limit) => {
    const ask = async (redirect: "manual" | "follow") => options.fetch(url, { headers, signal: limit, redirect });
    const first = await ask("manual");
    // Some servers add a slash; that changes nothing for the address that is asked for completions.
    const addsSlash = elsewhere(first, url) === `${url}/`;
    if (addsSlash) await first.body?.cancel(); // or its connection stays taken
    const response = addsSlash ? await ask("follow") : first;
    return { status: response.status, location: elsewhere(response, url), body: await response.text() };
  }).catch((error: unknown) => {
    if (signal.aborted) throw signal.reason;
    const { message, code } = deepest(error);
    const reason = cut(inWords(message));
    throw new UsageError(`Expected ${endpoint} to answer, got \`${reason}\`. ${wayOut(String(code ?? ""), baseUrl)}`, {
      cause: new Error(reason),
    });
  });
  if (location !== null) {
    const base = /^(https?:.*)\/models\/?$/.exec(location)?.[1];
    throw new UsageError(
      `Expected ${endpoint} to answer itself, got a redirect (${status}) to ${cut(location)}. ` +
        (base === undefined ? "Check `baseUrl`: this looks like a sign-in page." : `Write \`baseUrl: ${base}\`.`),
    );
  }
  if (status === 401 || status === 403) {
    const { message, code } = readErrorBody(body);
    const refused = endpointError({ status, message: cut(message), code, retryAfterMs: null }, asked);
    throw refused instanceof RefusedError ? refused.asUsage() : refused;
  }
  if (isHtml(body) && status !== 404 && status !== 405) {
    throw new UsageError(
      `Expected ${endpoint} to answer in JSON, got a web page (${status}, ${cut(excerpt(body))}). ` +
        "Check `baseUrl`: it often ends in /v1.",
    );
  }
  return namesIn(body);
}

/** Where a response sends on to; null for any other. */
function elsewhere({ status, headers }: Response, url: string): string | null {
  const location = headers.get("location");
  if (status < 300 || status > 399 || location === null || !URL.canParse(location, url)) return null;
  return new URL(location, url).href;
}

const list = z.object({ data: z.array(z.object({ id: z.string() })) });

function namesIn(body: string): string[] {
  // An endpoint without such a route may say so in any words.
  const parsed = list.safeParse(parseJson(body));
  return parsed.success ? parsed.data.data.map(({ id }) => id) : [];
}

/** OpenSSL's own words without its numbers and file names. */
function inWords(message: string): string {
  return /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? message;
}

function wayOut(code: string, baseUrl: string): string {
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "Check how the host in `baseUrl` is spelt, and the network.";
  if (/CERT|SIGNATURE|ISSUER/.test(code)) {
    return "Check `baseUrl`, or name the file of the authority that signed it in NODE_EXTRA_CA_CERTS.";
  }
  if (/^ERR_SSL|^EPROTO/.test(code) && baseUrl.startsWith("https:")) {
    return "It may speak plain HTTP: then write `baseUrl` with http://.";
  }
  if ((code === "UND_ERR_SOCKET" || code === "ECONNRESET") && baseUrl.startsWith("http:")) {
    return "Check that it runs; if it speaks HTTPS, write `baseUrl` with https://.";
  }
  return "Check that it runs and that `baseUrl` is right.";
}
