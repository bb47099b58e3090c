// A Docker engine that breaks as told: an HTTP proxy on a socket of its own in front of the real one.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";

/** What is asked of the engine, as a short word: `create`, `attach`, `start`, `wait`, `kill`, `remove`, `inspect`, `list`, or `other`. */
export type Asked = "create" | "attach" | "start" | "wait" | "kill" | "remove" | "inspect" | "list" | "other";

/**
 * What happens to one request: `status` answers so without asking the engine; `reset` closes the connection instead of asking it, and
 * `reset-after` after it has answered; `delayMs` asks it that much later; `change` asks for something else. Undefined passes it on.
 */
export type Fault =
  | { readonly status: number; readonly message: string }
  | { readonly reset: "before" | "after" }
  | { readonly delayMs: number }
  | { readonly change: (body: CreateBody) => void }
  | undefined;

/** What a container is created from, as far as tests change it. */
export interface CreateBody {
  Labels: Record<string, string>;
  HostConfig: { Runtime: string; SecurityOpt: string[] };
}

/** A proxy in front of the engine that `dockerHost` (`unix://…`) names. */
export interface FaultyEngine extends AsyncDisposable {
  /** For DOCKER_HOST. */
  readonly host: string;
  /** Decides about each request, also by the labels of a container to create; asked anew for each. */
  fault: (asked: Asked, labels: Readonly<Record<string, string>>) => Fault;
  /** How often each was asked. */
  readonly counts: Record<Asked, number>;
  /** The names of containers that the proxy was asked to create. */
  readonly names: Set<string>;
  /** Stops listening, as an engine that is stopped; what is connected is cut. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function faultyEngine(
  dockerHost = process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock",
): Promise<FaultyEngine> {
  const socketPath = dockerHost.replace(/^unix:\/\//, "");
  const folder = await mkdtemp(join(tmpdir(), "tracemill-engine-"));
  const listenPath = join(folder, "docker.sock");
  const sockets = new Set<Socket>();
  const counts = { create: 0, attach: 0, start: 0, wait: 0, kill: 0, remove: 0, inspect: 0, list: 0, other: 0 };
  const names = new Set<string>();

  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing));
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {}); // cut on purpose, or by the other side
  });
  // `attach` takes the connection over: what follows its answer is bytes in both directions.
  server.on(
    "upgrade",
    (incoming: IncomingMessage, socket: Socket, head: Buffer) => void hijack(incoming, socket, head),
  );

  async function met(incoming: IncomingMessage, socket: Socket, body: string): Promise<Fault | "cut"> {
    const asked = wordFor(incoming);
    counts[asked] += 1;
    if (asked === "create") names.add(new URL(incoming.url ?? "", "http://engine").searchParams.get("name") ?? "");
    const fault = engine.fault(asked, asked === "create" ? JSON.parse(body).Labels : {});
    if (fault !== undefined && "delayMs" in fault) await new Promise((done) => setTimeout(done, fault.delayMs));
    if (fault === undefined || !("reset" in fault) || fault.reset !== "before") return fault;
    socket.destroy();
    return "cut";
  }

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const fault = await met(incoming, incoming.socket, body.toString());
    if (fault === "cut") return;
    if (fault !== undefined && "status" in fault) {
      outgoing.writeHead(fault.status, { "content-type": "application/json" });
      return void outgoing.end(JSON.stringify({ message: fault.message }));
    }
    const { method, url, headers } = incoming;
    const asking = httpRequest({ socketPath, method, path: url, headers }, (answer) => {
      if (fault !== undefined && "reset" in fault) return void incoming.socket.destroy();
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    asking.on("error", () => incoming.socket.destroy());
    outgoing.on("close", () => asking.destroy());
    if (fault === undefined || !("change" in fault)) return void asking.end(body);
    const changed = JSON.parse(body.toString()) as CreateBody;
    fault.change(changed);
    const text = Buffer.from(JSON.stringify(changed));
    asking.setHeader("content-length", text.length);
    asking.end(text);
  }

  async function hijack(incoming: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const fault = await met(incoming, socket, "");
    if (fault === "cut") return;
    if (fault !== undefined && "status" in fault) {
      const body = JSON.stringify({ message: fault.message });
      return void socket.end(
        `HTTP/1.1 ${fault.status} Broken\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      );
    }
    // The engine takes what of the body comes after the head for the container's input: both go in one piece.
    const body = [head];
    const isWhole = () => Buffer.concat(body).length >= Number(incoming.headers["content-length"] ?? 0);
    while (!isWhole()) body.push(await new Promise<Buffer>((got) => socket.once("data", got)));
    const upstream = connect(socketPath);
    sockets.add(upstream);
    upstream.on("close", () => socket.destroy());
    upstream.on("error", () => socket.destroy());
    socket.on("close", () => upstream.destroy());
    const lines = incoming.rawHeaders.flatMap((name, at, all) => (at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : []));
    const opening = `${incoming.method} ${incoming.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
    upstream.write(Buffer.concat([Buffer.from(opening), ...body]));
    upstream.pipe(socket);
    socket.pipe(upstream);
  }

  const listen = () => new Promise<void>((done) => void server.listen(listenPath, done));
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      for (const socket of sockets) socket.destroy();
    });
  const engine: FaultyEngine = {
    host: `unix://${listenPath}`,
    fault: () => undefined,
    counts,
    names,
    stop: close,
    start: listen,
    async [Symbol.asyncDispose]() {
      if (server.listening) await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await listen();
  return engine;
}

function wordFor({ method, url = "" }: IncomingMessage): Asked {
  const path = url.split("?")[0] ?? "";
  if (method === "POST" && path.endsWith("/containers/create")) return "create";
  if (method === "DELETE" && path.includes("/containers/")) return "remove";
  if (path.endsWith("/containers/json")) return "list";
  const word = /\/containers\/[^/]+\/(attach|start|wait|kill)$/.exec(path)?.[1];
  if (word !== undefined) return word as Asked;
  return /\/containers\/[^/]+\/json$/.test(path) ? "inspect" : "other";
}
