import diagnostics from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { UsageError } from "../../src/domain/errors.ts";
import { createSecrets } from "../../src/domain/secrets.ts";
import { type EndpointFetch, openFetch } from "../../src/models/fetch.ts";

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function serve(listener: RequestListener): Promise<{ server: Server; url: string; port: number }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  opened.push(async () => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}/v1`, port };
}

async function open(baseUrl: string, env: Record<string, string> = {}): Promise<EndpointFetch["fetch"]> {
  const { fetch, close } = await openFetch(baseUrl, { env });
  opened.push(close);
  return fetch;
}

const body = '{"model":"m"}';
const headers = { "content-type": "application/json" };
const textOf = async (response: Response) => [response.status, await response.text()];

describe("the fetch that asks endpoints", () => {
  test("sends and receives as fetch does", async () => {
    const seen: unknown[] = [];
    const { url } = await serve(async (request, response) => {
      const [chunk] = await request.toArray();
      seen.push([request.method, request.url, request.headers["content-type"], String(chunk)]);
      response.writeHead(429, { "retry-after": "7", "x-many": ["a", "b"] }).end("später");
    });
    const send = await open(url);
    const response = await send(`${url}/chat/completions`, { method: "POST", headers, body });
    expect(seen).toEqual([["POST", "/v1/chat/completions", "application/json", body]]);
    expect([response.headers.get("retry-after"), response.headers.get("x-many")]).toEqual(["7", "a, b"]);
    expect(await textOf(response)).toEqual([429, "später"]);
  });

  test("has no time limit of its own: headers and body may come as late as the caller waits", async () => {
    const limits: unknown[] = [];
    const note = (message: unknown) => {
      const { request } = message as { request: { headersTimeout: number; bodyTimeout: number } };
      limits.push([request.headersTimeout, request.bodyTimeout]);
    };
    const { url } = await serve((_, response) => response.end("{}"));
    const send = await open(url);
    diagnostics.subscribe("undici:request:create", note);
    await send(url, { method: "POST", body });
    diagnostics.unsubscribe("undici:request:create", note);
    expect(limits).toEqual([[0, 0]]);
  });

  test("stops with the signal, before headers and in mid-body", async () => {
    for (const begins of [false, true]) {
      const { url } = await serve((_, response) => {
        if (begins) response.writeHead(200, { "content-length": 10 }).write("12345");
      });
      const send = await open(url);
      const stopped = new Error("enough");
      const stop = new AbortController();
      setTimeout(() => stop.abort(stopped), 50);
      await expect(send(url, { method: "POST", body, signal: stop.signal })).rejects.toThrow("enough");
    }
  });

  test("reads what comes compressed though nobody asked for it", async () => {
    const { url } = await serve((request, response) => {
      expect(request.headers["accept-encoding"]).toBeUndefined();
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("später"));
    });
    expect(await textOf(await (await open(url))(url))).toEqual([200, "später"]);
  });

  test("follows a redirect unless it is told not to", async () => {
    const { url } = await serve((request, response) => {
      if (request.url === "/v1/there") response.end("here");
      else response.writeHead(307, { location: "/v1/there" }).end();
    });
    const send = await open(url);
    expect(await textOf(await send(`${url}/a`, { method: "POST", body }))).toEqual([200, "here"]);
    expect((await send(`${url}/a`, { redirect: "manual" })).status).toBe(307);
  });

  test("keeps a connection for later requests, and ends it when it is closed", async () => {
    const { server, url } = await serve((_, response) => response.end("{}"));
    let connections = 0;
    const sockets: Socket[] = [];
    server.on("connection", (socket: Socket) => {
      connections += 1;
      sockets.push(socket);
    });
    const { fetch: send, close } = await openFetch(url, { env: {} });
    for (let index = 0; index < 10; index++) await send(url);
    // An answer is whole a moment before its connection is free again.
    expect(connections).toBeLessThanOrEqual(2);
    const ended = once(sockets[0] as Socket, "close");
    await close();
    await close();
    await ended;
  });
});

describe("proxies", () => {
  /** A proxy that answers everything itself, and what it was asked. */
  async function startProxy() {
    const asked: string[] = [];
    const { server, port } = await serve((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? ""}`.trim());
      response.end("from the proxy");
    });
    server.on("connect", (request: IncomingMessage, socket: Socket) => {
      asked.push(`CONNECT ${request.url}`);
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    return { asked, address: `127.0.0.1:${port}` };
  }

  test("the one of HTTP_PROXY is asked for http://, with its user and password, and without a time limit", async () => {
    const proxy = await startProxy();
    const send = await open("http://models.invalid/v1", { HTTP_PROXY: `http://me:secret@${proxy.address}` });
    const response = await send("http://models.invalid/v1/chat/completions", { method: "POST", headers, body });
    expect(await textOf(response)).toEqual([200, "from the proxy"]);
    const credentials = Buffer.from("me:secret").toString("base64");
    expect(proxy.asked).toEqual([`POST http://models.invalid/v1/chat/completions Basic ${credentials}`]);
  });

  test("the one of https_proxy is asked for a tunnel to https://", async () => {
    const proxy = await startProxy();
    const send = await open("https://models.invalid/v1", { https_proxy: `http://${proxy.address}` });
    await expect(send("https://models.invalid/v1/models")).rejects.toThrow(/403/);
    expect(proxy.asked).toEqual(["CONNECT models.invalid:443"]);
  });

  test("no host of NO_PROXY and no loopback address goes through one", async () => {
    const proxy = await startProxy();
    const env = { HTTP_PROXY: `http://${proxy.address}`, NO_PROXY: ".invalid" };
    const send = await open("http://models.invalid/v1", env);
    await expect(send("http://models.invalid/v1/models")).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/);
    const { url } = await serve((_, response) => response.end("from the endpoint"));
    const direct = await open(url, env);
    expect(await textOf(await direct(url))).toEqual([200, "from the endpoint"]);
    expect(proxy.asked).toEqual([]);
  });

  test("an address that is none is told by the variable's name; the value is not shown, and a password is a secret", async () => {
    const wrong = openFetch("https://models.invalid/v1", { env: { HTTPS_PROXY: "socks9://me:hunter22@proxy" } });
    await expect(wrong).rejects.toThrow(UsageError);
    await expect(wrong).rejects.toThrow(/`HTTPS_PROXY`(?!.*hunter22)/);
    const secrets = createSecrets();
    const env = { HTTPS_PROXY: "http://me:correct-horse@proxy.invalid:3128" };
    const { close } = await openFetch("https://models.invalid/v1", { env, secrets });
    await close();
    expect(secrets.cut("it said correct-horse")).toBe("it said [key]");
  });
});
