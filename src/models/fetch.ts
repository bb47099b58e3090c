import { promisify } from "node:util";
import { brotliDecompress, unzip } from "node:zlib";
import type { Dispatcher } from "undici";
import { UsageError } from "../domain/errors.ts";
import type { Secrets } from "../domain/secrets.ts";
import { isLoopback } from "./key.ts";

/** A `fetch` with connections of its own; closing it ends them, and whatever is still under way. May be called twice. */
export interface EndpointFetch {
  /** Reads the whole body before it returns, so that the signal covers it. No time limit of its own but 30 s to connect. @throws what broke the connection. */
  readonly fetch: typeof fetch;
  close(): Promise<void>;
}

/**
 * Opens connections to one endpoint, through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name (also in small letters), never for
 * loopback. @throws {UsageError} where such a variable holds no address.
 */
export async function openFetch(
  baseUrl: string,
  {
    env,
    secrets,
  }: { readonly env: Readonly<Record<string, string | undefined>>; readonly secrets?: Secrets | undefined },
): Promise<EndpointFetch> {
  const proxies = isLoopback(baseUrl) ? null : proxiesOf(env, secrets);
  // Loaded where a model is made, as the client is.
  const { Agent, EnvHttpProxyAgent, interceptors, request } = await import("undici");
  // As many connections as requests are let in, each kept for the next; an endpoint that does not accept one is tried anew.
  const connections = { connections: null, pipelining: 1, connect: { timeout: 30_000 } };
  const agent: Dispatcher =
    proxies === null
      ? new Agent(connections)
      : new EnvHttpProxyAgent({ ...connections, ...proxies, proxyTunnel: false });
  const following = agent.compose(interceptors.redirect({ maxRedirections: 5 }));

  return {
    async fetch(input, { method = "GET", headers, body, signal, redirect } = {}) {
      const answer = await request(String(input), {
        method: method as Dispatcher.HttpMethod,
        headers: Object.fromEntries(new Headers(headers)),
        body: (body ?? null) as string | null,
        signal: signal ?? null,
        dispatcher: redirect === "manual" ? agent : following,
        // Whoever asks has a deadline; these would end the request after 300 s without a byte.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      const { statusCode: status } = answer;
      const text = await decoded(answer);
      if (status < 200 || status > 599) throw new Error(`an answer with status ${status}, which HTTP does not know`);
      const answered = new Headers();
      for (const [name, value] of Object.entries(answer.headers)) {
        for (const one of [value ?? []].flat()) answered.append(name, one);
      }
      return new Response(isBodiless(status) ? null : text, { status, headers: answered });
    },
    close: () => agent.destroy(),
  };
}

/** A body as text. None is asked to be compressed, and some come so all the same. */
async function decoded({ headers, body }: Dispatcher.ResponseData): Promise<string> {
  switch (String(headers["content-encoding"] ?? "").toLowerCase()) {
    case "gzip":
    case "x-gzip":
    case "deflate":
      return new TextDecoder().decode(await promisify(unzip)(await body.bytes()));
    case "br":
      return new TextDecoder().decode(await promisify(brotliDecompress)(await body.bytes()));
    default:
      return await body.text();
  }
}

/** Statuses whose responses may not have a body, not even an empty one. */
function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/** The proxies that an environment names; null for none. A password in an address becomes a secret of the run. */
function proxiesOf(env: Readonly<Record<string, string | undefined>>, secrets: Secrets | undefined) {
  const read = (name: string) => (env[name] ?? env[name.toUpperCase()])?.trim() ?? "";
  const proxyIn = (name: string) => {
    const address = read(name);
    if (address === "") return "";
    const url = URL.canParse(address) ? new URL(address) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new UsageError(
        `Expected the environment variable \`${name.toUpperCase()}\` to hold the address of a proxy that begins with http:// or https://, ` +
          "got something else (not shown: it may hold a password). Set it again, or unset it.",
      );
    }
    if (url.password !== "") secrets?.add(decodeURIComponent(url.password));
    return address;
  };
  const [httpProxy, httpsProxy] = [proxyIn("http_proxy"), proxyIn("https_proxy")];
  return httpProxy === "" && httpsProxy === "" ? null : { httpProxy, httpsProxy, noProxy: read("no_proxy") };
}
