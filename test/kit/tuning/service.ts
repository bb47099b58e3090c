// What the kit's tuning services stand on: a journal of what arrived, and faults that are planned.
import type { IncomingMessage, ServerResponse } from "node:http";
import { type LoopbackServer, serveOnLoopback } from "../loopback-server.ts";

/** A request as it arrived, whole. */
export interface Arrived {
  readonly method: string;
  /** Below `/v1`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface Reply {
  readonly status?: number;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What goes wrong with requests to `on` ("POST /files"; with all below it where it ends in a slash), `times` times. */
export interface TuningFault {
  readonly on: string;
  times: number;
  readonly kind:
    | { readonly status: number; readonly retryAfterSeconds?: number; readonly body?: unknown }
    /** The connection is cut once some of the body is there; nothing is done. */
    | "reset_in_body"
    /** It is done, and the connection cut instead of an answer. */
    | "answer_lost"
    /** It is done, and no answer ever comes. */
    | "answer_held";
}

export interface TuningServer extends LoopbackServer {
  readonly arrived: readonly Arrived[];
  readonly faults: TuningFault[];
  /** Resolves once a request to this arrived whole (below it where it ends in a slash). */
  saw(start: string): Promise<void>;
}

/** Serves what `answer` makes of each request; a path without an answer is a 404. */
export async function serveTuning(
  answer: (request: Arrived, baseUrl: string) => Promise<Reply | null> | Reply | null,
  faults: TuningFault[] = [],
): Promise<TuningServer> {
  const closing = new AbortController();
  const arrived: Arrived[] = [];
  const waiting: { readonly start: string; readonly done: () => void }[] = [];
  const server = await serveOnLoopback(
    async (request, response) => {
      const { method = "GET", url = "/" } = request;
      const { pathname, searchParams } = new URL(url, "http://localhost");
      const path = pathname.replace(/^\/v1/, "");
      const line = `${method} ${path}`;
      const fault = faults.find(({ on, times }) => times > 0 && isAt(line, on));
      if (fault !== undefined) fault.times -= 1;
      if (fault?.kind === "reset_in_body") return cut(request);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const headers = request.headers as Arrived["headers"];
      const whole = { method, path, query: searchParams, headers, body: Buffer.concat(chunks) };
      arrived.push(whole);
      for (const { start, done } of waiting) if (isAt(line, start)) done();
      if (typeof fault?.kind === "object") return sendStatus(response, fault.kind);
      const reply = (await answer(whole, server.baseUrl)) ?? notFound(line);
      if (fault?.kind === "answer_held") return;
      if (fault?.kind === "answer_lost") return void request.socket.destroy();
      send(response, reply);
    },
    { closing },
  );
  return {
    baseUrl: server.baseUrl,
    arrived,
    faults,
    saw: (start) =>
      arrived.some(({ method, path }) => isAt(`${method} ${path}`, start))
        ? Promise.resolve()
        : new Promise((done) => waiting.push({ start, done })),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function isAt(line: string, place: string): boolean {
  return place.endsWith("/") ? line.startsWith(place) : line === place;
}

async function cut(request: IncomingMessage): Promise<void> {
  await new Promise((resolve) => request.once("data", resolve));
  request.socket.resetAndDestroy();
}

function sendStatus(
  response: ServerResponse,
  { status, retryAfterSeconds, body }: { status: number; retryAfterSeconds?: number; body?: unknown },
): void {
  const headers = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  send(response, { status, headers, json: body ?? { error: { message: `planned ${status}` } } });
}

function send(response: ServerResponse, { status = 200, json, headers = {} }: Reply): void {
  const body = json === undefined ? "" : JSON.stringify(json);
  response.writeHead(status, { ...(json === undefined ? {} : { "content-type": "application/json" }), ...headers });
  response.end(body);
}

function notFound(line: string): Reply {
  return { status: 404, json: { error: { message: `no such thing here: ${line}` } } };
}

/** The body as a JSON object. */
export function jsonOf({ body }: Arrived): Record<string, unknown> {
  return JSON.parse(body.toString("utf8")) as Record<string, unknown>;
}

/** The fields of a multipart body; a file's value is its name and bytes. */
export async function formOf({
  body,
  headers,
}: Arrived): Promise<Record<string, string | { name: string; bytes: Buffer }>> {
  const form = await new Response(new Uint8Array(body), {
    headers: { "content-type": headers["content-type"] ?? "" },
  }).formData();
  const fields: Record<string, string | { name: string; bytes: Buffer }> = {};
  for (const [name, value] of form.entries())
    fields[name] =
      typeof value === "string" ? value : { name: value.name, bytes: Buffer.from(await value.arrayBuffer()) };
  return fields;
}

/** A job that goes on to its next status each time it is looked at, unless it is held. */
export interface ServedJob {
  readonly id: string;
  readonly asked: Record<string, unknown>;
  statuses: string[];
  held?: boolean;
}

/** The status a job has now, and one further for the next look; it stays at its last. */
export function nextStatus(job: ServedJob): string {
  return job.statuses.length > 1 && job.held !== true ? (job.statuses.shift() as string) : (job.statuses[0] as string);
}
