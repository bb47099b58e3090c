import { timingSafeEqual } from "node:crypto";
import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { z } from "zod";
import { UsageError } from "../../domain/errors.ts";
import { hashOf, sha256 } from "../../domain/hash.ts";
import { defaultErrorRates, type ErrorRates, type Planted } from "./conversation.ts";
import { reply, teacherModel, teacherVersion } from "./teacher.ts";

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

const content = z.union([z.string(), z.array(z.object({ type: z.literal("text"), text: z.string() }))]);
const body = z.object({
  model: z.string().optional(),
  messages: z.array(z.object({ role: z.string(), content: content.nullish() })).min(1),
  seed: z.number().int().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  max_tokens: z.number().int().positive().nullish(),
  max_completion_tokens: z.number().int().positive().nullish(),
  stream: z.boolean().nullish(),
  response_format: z.object({ type: z.string() }).nullish(),
});

/** Serves the offline teacher (a program, not an LLM) as an OpenAI-compatible endpoint. @throws {UsageError} when the port is taken. */
export async function serveTeacher(options: TeacherServerOptions = {}): Promise<TeacherServer> {
  const { port = 0, host = "127.0.0.1", apiKey, log, truthLog } = options;
  const rates: ErrorRates = { ...defaultErrorRates, ...options.errorRates };
  let received = 0;

  function complete(text: string): { status: number; answer: unknown; planted: readonly Planted[] } {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      return refusal(400, `Expected a JSON body, got ${error instanceof Error ? error.message : "something else"}`);
    }
    const parsed = body.safeParse(json);
    if (!parsed.success) return refusal(400, `Expected a chat-completions request: ${z.prettifyError(parsed.error)}`);
    const request = parsed.data;
    // Under another name it would pass for an LLM in dataset cards and manifests.
    if (request.model !== undefined && request.model !== teacherModel) {
      return refusal(
        404,
        `The model \`${request.model}\` does not exist here: ask for \`${teacherModel}\`, a program and not an LLM.`,
      );
    }
    if (request.stream) return refusal(400, "Expected `stream` to be false: the offline teacher answers whole.");
    const made = reply({
      messages: request.messages.map(({ role, content: said }) => ({ role, content: textOf(said) })),
      seed: request.seed ?? 0,
      bareJson: request.response_format != null && request.response_format.type !== "text",
      rates,
    });
    if (!made) {
      return refusal(
        400,
        "The offline teacher is a program, not an LLM, and could not tell what it was asked: expected messages made by Tracemill's " +
          "propose, agent or judge prompts.",
      );
    }
    return { status: 200, answer: completion(json, request, made.text), planted: made.planted };
  }

  async function answerChat(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const text = await read(incoming);
    const seq = received++;
    const request = sha256(text);
    note(log, { event: "received", seq, request });
    const { status, answer, planted } = complete(text);
    for (const one of planted) note(truthLog, { request, ...one, subject: sha256(one.subject), seed: seedOf(text) });
    outgoing.on("finish", () => note(log, { event: "answered", seq, request, status }));
    send(outgoing, status, answer);
  }

  const server = createServer((incoming, outgoing) => {
    const path = new URL(incoming.url ?? "/", "http://localhost").pathname;
    if (apiKey !== undefined && !sameText(incoming.headers.authorization ?? "", `Bearer ${apiKey}`)) {
      // The body is not read: whoever has no key gets no say in how much is held.
      incoming.resume();
      send(outgoing, 401, unauthorized(incoming.headers.authorization));
    } else if (incoming.method === "GET" && path === "/v1/models") {
      send(outgoing, 200, {
        object: "list",
        data: [{ id: teacherModel, object: "model", created: 0, owned_by: "tracemill" }],
      });
    } else if (incoming.method === "POST" && path === "/v1/chat/completions") {
      // A client that went away while sending gets no answer; anything else is a bug and says so.
      answerChat(incoming, outgoing).catch((error: unknown) => {
        if (incoming.errored) outgoing.destroy();
        else send(outgoing, 500, refusal(500, `The offline teacher has a bug: ${String(error)}`).answer);
      });
    } else {
      send(
        outgoing,
        404,
        refusal(404, `Expected POST /v1/chat/completions or GET /v1/models, got ${incoming.method} ${path}`).answer,
      );
    }
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
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function completion(json: unknown, request: z.output<typeof body>, text: string): unknown {
  const stops = request.stop == null ? [] : [request.stop].flat();
  const cuts = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  const stopped = cuts.length > 0 ? text.slice(0, Math.min(...cuts)) : text;
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY;
  const said = tokens(stopped) > limit ? stopped.slice(0, limit * 4) : stopped;
  const prompt = request.messages.reduce((sum, message) => sum + tokens(textOf(message.content)) + 4, 0);
  return {
    id: `chatcmpl-${hashOf(json).slice(0, 24)}`,
    object: "chat.completion",
    created: 0,
    model: teacherModel,
    system_fingerprint: `tracemill-offline-teacher-${teacherVersion} (a program, not an LLM)`,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: said, refusal: null },
        logprobs: null,
        finish_reason: said.length < stopped.length ? "length" : "stop",
      },
    ],
    usage: { prompt_tokens: prompt, completion_tokens: tokens(said), total_tokens: prompt + tokens(said) },
  };
}

function refusal(status: number, message: string): { status: number; answer: unknown; planted: readonly Planted[] } {
  return {
    status,
    answer: { error: { message, type: "invalid_request_error", param: null, code: null } },
    planted: [],
  };
}

function unauthorized(sent: string | undefined): unknown {
  const message = sent?.startsWith("Bearer ")
    ? "Incorrect API key provided: it is not the one that this server was started with."
    : "Expected the header `Authorization: Bearer <key>`: this server was started with a key.";
  return { error: { message, type: "invalid_request_error", param: null, code: "invalid_api_key" } };
}

/** Whether two texts are the same, in a time that does not tell where they differ. */
function sameText(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(one)), Buffer.from(sha256(other)));
}

function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}

function textOf(said: z.output<typeof content> | null | undefined): string {
  return typeof said === "string" ? said : (said ?? []).map((part) => part.text).join("");
}

function seedOf(text: string): number {
  return (JSON.parse(text) as { seed?: number | null }).seed ?? 0;
}

async function read(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function send(outgoing: ServerResponse, status: number, answer: unknown): void {
  const text = JSON.stringify(answer);
  outgoing.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  outgoing.end(text);
}

function note(path: string | undefined, line: unknown): void {
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(line)}\n`);
}
