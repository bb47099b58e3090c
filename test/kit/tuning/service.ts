// The ground of the tuning services of the kit: routes, what arrived, and faults on the way.
import type { IncomingMessage, ServerResponse } from "node:http";
import { sendJson } from "../faults.ts";
import { type LoopbackServer, serveOnLoopback } from "../loopback-server.ts";

/** A request as it arrived. `bytes` is its body. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
}

/** What goes wrong with the next requests whose `METHOD path` this fits, `times` times. */
export interface Fault {
  readonly on: RegExp;
  times: number;
  readonly how:
    | "reset"
    | "hang"
    | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };
}

export type Route = (request: Arrived, found: RegExpExecArray) => unknown;

/** An answer that is more than JSON with 200. */
export class Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export interface TuningServer extends LoopbackServer {
  /** Everything that arrived whole, in order. */
  readonly arrived: readonly Arrived[];
  readonly faults: Fault[];
}

/** Serves `METHOD path` patterns, the first that fits; `refuses` looks at every request before. */
export async function serveTuning(
  routes: readonly (readonly [pattern: RegExp, route: Route])[],
  { refuses }: { readonly refuses?: (request: Arrived) => Answer | null } = {},
): Promise<TuningServer> {
  const arrived: Arrived[] = [];
  const faults: Fault[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const name = `${request.method} ${url.pathname.replace(/^\/v1/, "")}`;
    const fault = faults.find(({ on, times }) => times > 0 && on.test(name));
    if (fault !== undefined) fault.times -= 1;
    if (fault?.how === "reset") {
      // In the middle of what is sent, where it is long enough.
      request.once("data", () => request.socket.resetAndDestroy());
      if (request.method === "GET") request.socket.resetAndDestroy();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one: Arrived = {
      ...{ method: request.method ?? "", path: url.pathname.replace(/^\/v1/, ""), query: url.searchParams },
      ...{ headers: request.headers, bytes: Buffer.concat(chunks) },
    };
    arrived.push(one);
    if (typeof fault?.how === "object")
      return send(response, new Answer(fault.how.status, fault.how.body ?? {}, fault.how.headers));
    const refused = refuses?.(one);
    if (refused) return send(response, refused);
    for (const [pattern, route] of routes) {
      const found = pattern.exec(name);
      if (found === null) continue;
      const answer = await route(one, found);
      // The work is done, and nobody hears of it.
      if (fault?.how === "hang") return;
      return send(response, answer instanceof Answer ? answer : new Answer(200, answer));
    }
    send(response, new Answer(404, { error: { message: `no such path: ${name}` } }));
  };
  const server = await serveOnLoopback(handle, { closing: new AbortController() });
  return Object.assign(server, { arrived, faults });
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (body === null) {
    response.writeHead(status).end();
    return;
  }
  sendJson(response, status, body as object);
}

/** A request's JSON. */
export function jsonOf({ bytes }: Arrived): Record<string, unknown> {
  return JSON.parse(bytes.toString("utf8")) as Record<string, unknown>;
}

/** The file in a multipart form, byte for byte, with its name; and the form's other fields. */
export function formOf({ bytes, headers }: Arrived): {
  readonly name: string;
  readonly file: Buffer;
  readonly fields: Record<string, string>;
} {
  const [, boundary = ""] = /boundary=(?:"([^"]+)"|([^;]+))/.exec(String(headers["content-type"])) ?? [];
  const mark = boundary || (/boundary=([^;]+)/.exec(String(headers["content-type"]))?.[1] ?? "");
  const fields: Record<string, string> = {};
  let name = "";
  let file = Buffer.alloc(0);
  let at = bytes.indexOf(`--${mark}`);
  for (;;) {
    const start = bytes.indexOf("\r\n\r\n", at);
    const end = bytes.indexOf(`\r\n--${mark}`, start);
    if (start === -1 || end === -1) return { name, file, fields };
    const head = bytes.subarray(at, start).toString("utf8");
    const body = bytes.subarray(start + 4, end);
    const [, field = ""] = /[; ]name="([^"]*)"/.exec(head) ?? [];
    const [, filename] = /filename="([^"]*)"/.exec(head) ?? [];
    if (filename === undefined) fields[field] = body.toString("utf8");
    else {
      name = filename;
      file = Buffer.from(body);
    }
    at = end + 2;
  }
}
