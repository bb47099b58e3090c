import { randomUUID, timingSafeEqual } from "node:crypto";
import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { UsageError } from "../../domain/errors.ts";
import { sha256 } from "../../domain/hash.ts";
import { answerChat, noSuchModel } from "./answer-chat.ts";
import { chunksOf } from "./completion.ts";
import { defaultErrorRates, type ErrorRates } from "./conversation.ts";
import { RefusedRequest } from "./request.ts";
import { teacherModel } from "./teacher.ts";

export interface TeacherServerOptions {
  /** 0 (the default) takes a free one. */
  readonly port?: number;
  readonly host?: string;
  /** Only requests with `Authorization: Bearer <key>` are answered; left out, all are. */
  readonly apiKey?: string;
  /** Shares of answers that carry a planted error, by kind; what is left out keeps its default. */
  readonly errorRates?: Partial<ErrorRates>;
  /** A JSONL file that gets a line when a request was read and one when its answer was handed over whole. */
  readonly log?: string;
  /** A JSONL file that gets a line for every planted error. For tests: nothing else may read it. */
  readonly truthLog?: string;
}

/** A running server; `url` ends in /v1. */
export interface TeacherServer {
  readonly url: string;
  close(): Promise<void>;
}

/** A request longer than this is refused with 413. The longest that Tracemill makes have some hundred KiB. */
const maxBodyBytes = 32 * 1024 * 1024;
/** How long `close` waits for requests that are still coming in. */
const closeWaitMs = 2_000;

const model = { id: teacherModel, object: "model", created: 0, owned_by: "tracemill" };

/** Serves the offline teacher (a program, not an LLM) as an OpenAI-compatible endpoint. @throws {UsageError} when the port is taken. */
export async function serveTeacher(options: TeacherServerOptions = {}): Promise<TeacherServer> {
  const { port = 0, host = "127.0.0.1", apiKey, log, truthLog } = options;
  const rates: ErrorRates = { ...defaultErrorRates, ...options.errorRates };
  let received = 0;
  let closing = false;

  async function chat(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const text = await read(incoming);
    const seq = received++;
    const request = sha256(text);
    note(log, { event: "received", seq, request });
    outgoing.on("finish", () => note(log, { event: "answered", seq, request, status: outgoing.statusCode }));
    const { request: asked, completion, planted } = answerChat(text, rates);
    for (const { seed, ...one } of planted) note(truthLog, { request, ...one, subject: sha256(one.subject), seed });
    if (!asked.stream) return send(outgoing, 200, completion);
    outgoing.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
    for (const chunk of chunksOf(completion, asked.stream_options?.include_usage === true)) {
      outgoing.write(`data: ${JSON.stringify(chunk)}\n\n`);
    }
    outgoing.end("data: [DONE]\n\n");
  }

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "GET" } = incoming;
    const path = pathOf(incoming.url ?? "/");
    if (apiKey !== undefined && !sameText(incoming.headers.authorization ?? "", `Bearer ${apiKey}`)) {
      throw unauthorized(incoming.headers.authorization);
    }
    const models = /^\/v1\/models(?:\/([^/]+))?$/.exec(path);
    const id = models?.[1];
    const takes = path === "/v1/chat/completions" ? ["POST"] : models === null ? [] : ["GET", "HEAD"];
    if (takes.length === 0) {
      throw new RefusedRequest(`Expected POST /v1/chat/completions or GET /v1/models, got ${method} ${path}`, {
        status: 404,
        code: "unknown_url",
      });
    }
    if (method === "OPTIONS") return void outgoing.writeHead(204, { allow: [...takes, "OPTIONS"].join(", ") }).end();
    if (!takes.includes(method)) {
      outgoing.setHeader("allow", [...takes, "OPTIONS"].join(", "));
      throw new RefusedRequest(`Expected ${takes.join(" or ")} ${path}, got ${method}`, {
        status: 405,
        code: "method_not_supported",
      });
    }
    if (method === "POST") return chat(incoming, outgoing);
    incoming.resume();
    if (id !== undefined && id !== teacherModel) throw noSuchModel(id);
    send(outgoing, 200, id === undefined ? { object: "list", data: [model] } : model);
  }

  const server = createServer((incoming, outgoing) => {
    outgoing.setHeader("x-request-id", `req_${randomUUID().replaceAll("-", "")}`);
    outgoing.on("close", () => closing && server.closeIdleConnections());
    answer(incoming, outgoing).catch((error: unknown) => {
      // A client that went away while sending gets no answer; anything else is a bug and says so.
      if (incoming.errored || outgoing.headersSent) return void outgoing.destroy();
      // What is left of a body nobody reads; whoever has no key, or too much to say, gets no say in how much is held.
      if (!incoming.complete) {
        outgoing.setHeader("connection", "close");
        incoming.resume();
      }
      if (error instanceof RefusedRequest) return refuse(outgoing, error);
      refuse(outgoing, new RefusedRequest(`The offline teacher has a bug: ${String(error)}`, { status: 500 }));
    });
  });
  const address = await new Promise<number>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new UsageError(
          `Expected port ${port} on ${host} to be free, got \`${cause.code}\`. Choose another with --port.`,
          { cause },
        ),
      ),
    );
    server.listen(port, host, () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound ? bound.port : port);
    });
  });
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${address}/v1`,
    close: () =>
      new Promise((resolve) => {
        closing = true;
        // What is being read or answered is finished; connections that wait for nothing are closed at once.
        const late = setTimeout(() => server.closeAllConnections(), closeWaitMs);
        server.close(() => {
          clearTimeout(late);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

function pathOf(url: string): string {
  return URL.canParse(url, "http://localhost") ? new URL(url, "http://localhost").pathname : url;
}

function unauthorized(sent: string | undefined): RefusedRequest {
  return new RefusedRequest(
    sent?.startsWith("Bearer ")
      ? "Incorrect API key provided: it is not the one that this server was started with."
      : "Expected the header `Authorization: Bearer <key>`: this server was started with a key.",
    { status: 401, code: "invalid_api_key" },
  );
}

/** Whether two texts are the same, in a time that does not tell where they differ. */
function sameText(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(one)), Buffer.from(sha256(other)));
}

async function read(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const tooLong = () =>
    new RefusedRequest(`Expected a body of at most ${maxBodyBytes} bytes.`, { status: 413, code: "request_too_large" });
  if (Number(incoming.headers["content-length"] ?? 0) > maxBodyBytes) throw tooLong();
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBodyBytes) throw tooLong();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function refuse(outgoing: ServerResponse, { status, message, param, code }: RefusedRequest): void {
  const type = status >= 500 ? "server_error" : "invalid_request_error";
  send(outgoing, status, { error: { message, type, param, code } });
}

function send(outgoing: ServerResponse, status: number, answer: unknown): void {
  const text = JSON.stringify(answer);
  outgoing.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  outgoing.end(text);
}

function note(path: string | undefined, line: unknown): void {
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(line)}\n`);
}
