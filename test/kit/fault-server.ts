// An OpenAI-compatible HTTP server on loopback that breaks by chance, and counts for every distinct request how often it was asked,
// how often a whole answer was handed over, and what it would have billed. What happens to a request follows from the seed, from what was asked and
// from how often it was asked before, so that two runs can be compared.
import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { drawFault, draws, type FaultMix, type FaultName, faultNames } from "./fault-mix.ts";
import { type Fault, isMade, sendFaulted, sendJson, spoils } from "./faults.ts";
import { bodyOf, type ChatBody, completionOf, type Reply } from "./faulty-endpoint.ts";
import { type Latency, latencyMs } from "./latency.ts";
import { serveOnLoopback } from "./loopback-server.ts";
import { createRateBucket, type RateLimit } from "./rate-bucket.ts";

export interface FaultServerOptions {
  readonly seed?: number;
  readonly latency?: Latency;
  /** What goes wrong with a share of the tries, each try drawn anew. */
  readonly faults?: FaultMix;
  /** What a share of the contents always gets, however often they are asked: refusals, filters, overflows. */
  readonly settled?: FaultMix;
  /** The wait that faults ask for. */
  readonly retryAfterMs?: number;
  readonly dripMs?: number;
  readonly rateLimit?: RateLimit;
  /** What is said to a request; a text of its own, `answerChars` long, unless given. */
  readonly answer?: (body: ChatBody) => Reply;
  readonly answerChars?: number;
  readonly port?: number;
}

/** One distinct request (model, messages, every field), and what became of it. */
export interface AskedRequest {
  readonly body: ChatBody;
  /** Times it came. */
  asked: number;
  /** Times its answer was handed over whole. */
  whole: number;
  /** Times an answer was made, handed over whole or not: what a provider bills. */
  made: number;
  /** What went wrong, in order; `rate_limit` is the bucket's own. */
  readonly faults: (FaultName | "rate_limit")[];
}

/** Sums over all requests. Tokens are those of every answer made. */
export interface FaultServerStats {
  readonly distinct: number;
  readonly asked: number;
  readonly faulted: number;
  readonly whole: number;
  /** Whole answers handed over beyond the first of each request. */
  readonly twice: number;
  readonly made: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly underWay: number;
  readonly mostAtOnce: number;
}

export interface FaultServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/v1` */
  readonly baseUrl: string;
  /** By the hash of the request's body. */
  readonly requests: ReadonlyMap<string, AskedRequest>;
  /** Also answered to GET /stats. */
  stats(): FaultServerStats;
  /** From now on only so many tries go wrong; none without. */
  setFaults(faults?: FaultMix): void;
}

/** Starts the server; dispose it to close it with every connection. */
export async function startFaultServer(options: FaultServerOptions = {}): Promise<FaultServer> {
  const { seed = 1, latency = { kind: "fixed", ms: 0 }, settled, answerChars = 200 } = options;
  const times = { retryAfterMs: options.retryAfterMs ?? 20, dripMs: options.dripMs ?? 5 };
  const bucket = options.rateLimit === undefined ? null : createRateBucket(options.rateLimit);
  const answer = options.answer ?? ((body) => textFor(body, answerChars));
  const requests = new Map<string, AskedRequest>();
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // every answer that waits listens
  let { faults } = options;
  let underWay = 0;
  let mostAtOnce = 0;
  let [faulted, inputTokens, outputTokens] = [0, 0, 0];

  const server = await serveOnLoopback(handle, { port: options.port, closing });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET" && request.url === "/stats") return sendJson(response, 200, stats());
    if (request.method === "GET" && request.url === "/v1/models")
      return sendJson(response, 200, { object: "list", data: [{ id: "model", object: "model" }] });
    if (request.method !== "POST" || request.url !== "/v1/chat/completions")
      return sendJson(response, 404, { error: { message: `no route ${request.method} ${request.url}` } });
    underWay += 1;
    mostAtOnce = Math.max(mostAtOnce, underWay);
    response.on("close", () => {
      underWay -= 1;
    });
    await chat(await bodyOf(request), response);
  }

  async function chat(text: string, response: ServerResponse): Promise<void> {
    const key = createHash("sha256").update(text).digest("hex");
    const known = requests.get(key);
    const asked = known ?? { body: JSON.parse(text) as ChatBody, asked: 0, whole: 0, made: 0, faults: [] };
    if (known === undefined) requests.set(key, asked);
    asked.asked += 1;
    const waitMs = bucket?.take(Math.ceil(text.length / 4)) ?? null;
    const headers = bucket?.headers() ?? {};
    if (waitMs !== null) {
      faulted += 1;
      asked.faults.push("rate_limit");
      const error = { message: "Rate limit reached", type: "requests", code: "rate_limit_exceeded" };
      return sendJson(response, 429, { error }, { ...headers, "retry-after": (waitMs / 1000).toFixed(3) });
    }

    const name = faultOf(key, asked.asked);
    const fault: Fault | null = name === null ? null : faultNames[name](times);
    if (name !== null) {
      faulted += 1;
      asked.faults.push(name);
    }
    const [first, second] = draws(seed, "latency", key, asked.asked);
    const ms = latencyMs(latency, first, second);
    // Who refuses does so at once.
    if (ms > 0 && fault?.kind !== "status") await delay(ms, undefined, { signal: closing.signal });
    const completion = completionOf(asked.body, asked.asked, answer(asked.body));
    if (isMade(fault)) {
      asked.made += 1;
      const usage = completion.usage as { prompt_tokens: number; completion_tokens: number };
      inputTokens += usage.prompt_tokens;
      outputTokens += usage.completion_tokens;
    }
    response.on("finish", () => {
      if (response.statusCode === 200 && !spoils(fault)) asked.whole += 1;
    });
    sendFaulted(response, completion, fault, headers);
  }

  function faultOf(key: string, asked: number): FaultName | null {
    const [isSettled, how] = draws(seed, "settled", key);
    const always = settled === undefined ? null : drawFault(settled, isSettled, how);
    const [whether, which] = draws(seed, "fault", key, asked);
    const now = faults === undefined ? null : drawFault(faults, whether, which);
    // No answer at all comes before what the content gets in any case; an odd answer would say something else.
    return now !== null && (always === null || spoils(faultNames[now](times))) ? now : always;
  }

  function stats(): FaultServerStats {
    let [asked, whole, twice, made] = [0, 0, 0, 0];
    for (const one of requests.values()) {
      asked += one.asked;
      whole += one.whole;
      twice += Math.max(0, one.whole - 1);
      made += one.made;
    }
    const counts = { distinct: requests.size, asked, faulted, whole, twice, made };
    return { ...counts, inputTokens, outputTokens, underWay, mostAtOnce };
  }

  return {
    ...server,
    requests,
    stats,
    setFaults(mix) {
      faults = mix;
    },
  };
}

/** A text that follows from the last message, as long as asked. */
function textFor(body: ChatBody, chars: number): string {
  const [draw] = draws(body.messages.at(-1)?.content ?? "");
  return `The answer is ${draw.toFixed(6)}. `.repeat(Math.ceil(chars / 24)).slice(0, chars);
}
