// What can go wrong with one answer of an OpenAI-compatible endpoint, and how each of it is sent.
import type { ServerResponse } from "node:http";

/** What goes wrong with one request. */
export type Fault =
  | { kind: "status"; status: number; headers?: Record<string, string>; body?: unknown }
  | { kind: "reset_before_headers" }
  | { kind: "reset_mid_body" }
  | { kind: "stall_before_headers" }
  | { kind: "stall_in_body"; status?: number }
  | { kind: "drip"; pieces: number; everyMs: number }
  | { kind: "html"; status?: number }
  | { kind: "truncated_json" }
  | { kind: "wrong_json" }
  | { kind: "empty_choices" }
  | { kind: "error_in_body"; error?: unknown }
  | { kind: "missing_usage" }
  | { kind: "refusal"; words: string }
  | { kind: "finish_reason"; value: string | null }
  | { kind: "slow"; ms: number }
  /** No fault: a good answer with these headers. */
  | { kind: "headers"; headers: Record<string, string> };

/** Whether a fault leaves no complete answer: nobody can have received one. */
export function spoils(fault: Fault | null): boolean {
  if (fault?.kind === "finish_reason") return fault.value === null || fault.value === "error";
  return fault !== null && !["slow", "missing_usage", "drip", "refusal", "headers"].includes(fault.kind);
}

/** Whether an answer was made, and is therefore billed, though it may not have been handed over. */
export function isMade(fault: Fault | null): boolean {
  return !["status", "html", "error_in_body", "stall_before_headers", "reset_before_headers"].includes(
    fault?.kind ?? "none",
  );
}

/** Sends a completion as the fault says, with `headers` of its own on whatever has headers. */
export function sendFaulted(
  response: ServerResponse,
  completion: Record<string, unknown>,
  fault: Fault | null,
  headers: Readonly<Record<string, string>> = {},
): void {
  const whole = JSON.stringify(completion);
  const json = { "content-type": "application/json", ...headers };
  const length = { "content-length": Buffer.byteLength(whole) };
  const half = () => whole.slice(0, whole.length / 2);
  const withChoice = (changed: (choice: Record<string, unknown>) => Record<string, unknown>) => {
    const [choice] = completion.choices as Record<string, unknown>[];
    sendJson(response, 200, { ...completion, choices: [changed(choice ?? {})] }, headers);
  };
  switch (fault?.kind) {
    case "status": {
      const { status, body = { error: { message: `planned ${status}` } } } = fault;
      response.writeHead(status, { ...json, ...fault.headers });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
      return;
    }
    case "headers":
      response.writeHead(200, { ...json, ...fault.headers }).end(whole);
      return;
    case "reset_before_headers":
      response.socket?.resetAndDestroy();
      return;
    case "reset_mid_body":
      response.writeHead(200, { ...json, ...length });
      response.write(half(), () => response.socket?.resetAndDestroy());
      return;
    case "stall_before_headers":
      return; // until whoever asked has had enough, or the server closes
    case "stall_in_body":
      response.writeHead(fault.status ?? 200, { ...json, ...length });
      response.write(half());
      return;
    case "drip":
      response.writeHead(200, { ...json, ...length });
      drip(response, Buffer.from(whole), fault);
      return;
    case "html":
      response.writeHead(fault.status ?? 200, { "content-type": "text/html" });
      response.end("<!DOCTYPE html><html><title>Sign in</title></html>");
      return;
    case "truncated_json":
      response.writeHead(200, json).end(half());
      return;
    case "wrong_json":
      sendJson(response, 200, { object: "list", data: [] }, headers);
      return;
    case "empty_choices":
      sendJson(response, 200, { ...completion, choices: [] }, headers);
      return;
    case "error_in_body":
      sendJson(
        response,
        200,
        { error: fault.error ?? { message: "The upstream provider is overloaded", code: 502 } },
        headers,
      );
      return;
    case "missing_usage":
      sendJson(response, 200, { ...completion, usage: undefined }, headers);
      return;
    case "refusal":
      withChoice((choice) => ({ ...choice, message: { role: "assistant", content: null, refusal: fault.words } }));
      return;
    case "finish_reason":
      withChoice((choice) => ({ ...choice, finish_reason: fault.value }));
      return;
    default:
      response.writeHead(200, { ...json, ...length }).end(whole);
  }
}

/** Answers with JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

function drip(response: ServerResponse, body: Buffer, { pieces, everyMs }: { pieces: number; everyMs: number }): void {
  const bytes = Math.ceil(body.length / pieces);
  let at = 0;
  const next = () => {
    if (response.destroyed) return;
    const piece = body.subarray(at, at + bytes);
    at += bytes;
    if (at >= body.length) {
      response.end(piece);
      return;
    }
    response.write(piece);
    setTimeout(next, everyMs);
  };
  next();
}
