// An OpenAI-compatible HTTP server on loopback that answers as told and breaks as told. It logs every request and whether its
// answer was sent whole, so that a test can prove what was paid for and how often.
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Message } from "../../src/domain/trajectory.ts";
import { type Fault, sendFaulted, sendJson, spoils } from "./faults.ts";
import { serveOnLoopback } from "./loopback-server.ts";

export type { Fault } from "./faults.ts";

/** The answer to one chat request: the text, or whole fields of the message, choice and body beside it. */
export type Reply =
  | string
  | {
      text?: string | null;
      message?: Record<string, unknown>;
      finishReason?: string;
      usage?: Record<string, unknown>;
      body?: Record<string, unknown>;
    };

export interface ChatBody {
  readonly model: string;
  readonly messages: Message[];
  readonly seed?: number;
  readonly [field: string]: unknown;
}

/** One chat request as it came. `answered` once the whole answer of a completion (status 200, no fault that spoils it) was sent. */
export interface LoggedRequest {
  readonly index: number;
  readonly body: ChatBody;
  readonly headers: IncomingMessage["headers"];
  readonly fault: Fault | null;
  answered: boolean;
}

export interface FaultyEndpoint extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/v1` */
  readonly baseUrl: string;
  /** Chat requests in the order they came. */
  readonly requests: readonly LoggedRequest[];
  /** GET /models requests. */
  readonly checks: () => number;
  /** The most chat requests that were open at once. */
  readonly mostAtOnce: () => number;
}

export interface FaultyEndpointOptions {
  /** Texts answered in order (the last one again and again), or a function of the request. A function may wait. */
  answer?: readonly Reply[] | ((body: ChatBody, index: number) => Reply | Promise<Reply>);
  /** The fault of the nth chat request from 0, null for none; or a function. */
  faults?: readonly (Fault | null)[] | ((body: ChatBody, index: number) => Fault | null);
  /** Requests without this bearer key get 401. */
  apiKey?: string;
  /** What GET /models answers; a list of one model unless given. */
  models?: { status: number; body: string; contentType?: string };
  port?: number;
}

/** Starts the server; dispose it to close it with every connection. */
export async function startFaultyEndpoint(options: FaultyEndpointOptions = {}): Promise<FaultyEndpoint> {
  const { answer = ["ok"], faults = [], apiKey, models } = options;
  const requests: LoggedRequest[] = [];
  const closing = new AbortController();
  let checks = 0;
  let open = 0;
  let mostAtOnce = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await bodyOf(request);
    if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`) {
      const sent = request.headers.authorization ?? "no key";
      return sendJson(response, 401, {
        error: { message: `Incorrect API key provided: ${sent}`, code: "invalid_api_key" },
      });
    }
    if (request.method === "GET" && request.url === "/v1/models") {
      checks += 1;
      if (models === undefined)
        return sendJson(response, 200, { object: "list", data: [{ id: "model", object: "model" }] });
      response.writeHead(models.status, { "content-type": models.contentType ?? "application/json" }).end(models.body);
      return;
    }
    if (request.method !== "POST" || request.url !== "/v1/chat/completions") {
      return sendJson(response, 404, { error: { message: `no route ${request.method} ${request.url}` } });
    }
    const body = JSON.parse(text) as ChatBody;
    const index = requests.length;
    const fault = typeof faults === "function" ? faults(body, index) : (faults[index] ?? null);
    const logged: LoggedRequest = { index, body, headers: request.headers, fault, answered: false };
    requests.push(logged);
    open += 1;
    mostAtOnce = Math.max(mostAtOnce, open);
    response.on("close", () => {
      open -= 1;
    });
    response.on("finish", () => {
      logged.answered = response.statusCode === 200 && !spoils(fault);
    });
    if (fault?.kind === "slow") await delay(fault.ms, undefined, { signal: closing.signal });
    const reply =
      typeof answer === "function" ? await answer(body, index) : (answer[Math.min(index, answer.length - 1)] ?? "");
    sendFaulted(response, completionOf(body, index, reply), fault);
  }

  const server = await serveOnLoopback(handle, { port: options.port, closing });

  return {
    ...server,
    requests,
    checks: () => checks,
    mostAtOnce: () => mostAtOnce,
  };
}

/** The completion that says `reply`, as OpenAI would write it; tokens are a quarter of the characters. */
export function completionOf(body: ChatBody, index: number, reply: Reply): Record<string, unknown> {
  const parts = typeof reply === "string" ? { text: reply } : reply;
  const { text = "", message = {}, finishReason = "stop" } = parts;
  const usage = parts.usage ?? {
    prompt_tokens: Math.ceil(JSON.stringify(body.messages).length / 4),
    completion_tokens: Math.ceil((text ?? "").length / 4),
  };
  return {
    id: `chatcmpl-${index}`,
    object: "chat.completion",
    model: body.model,
    choices: [{ index: 0, message: { role: "assistant", content: text, ...message }, finish_reason: finishReason }],
    usage,
    ...parts.body,
  };
}

/** A request's body as text. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
