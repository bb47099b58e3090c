// The offline teacher behind a loopback proxy that takes its time, so that a kill finds requests in flight, and that logs what it
// handed over whole.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { sha256 } from "../../src/domain/hash.ts";
import { serveTeacher } from "../../src/models/offline-teacher/server.ts";

export interface SlowTeacher extends AsyncDisposable {
  readonly url: string;
  /** Hash of the body of every chat request that arrived, and of every one whose answer was handed over whole; in order. */
  readonly received: readonly string[];
  readonly answered: readonly string[];
}

/** Serves the teacher with `delayMs` between a request and its answer. */
export async function serveSlowTeacher(delayMs: number): Promise<SlowTeacher> {
  // Two runs are compared byte for byte: code that draws lots could pass in one of them only.
  const teacher = await serveTeacher({ port: 0, errorRates: { nondeterministic_code: 0 } });
  const received: string[] = [];
  const answered: string[] = [];
  const proxy = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("utf8");
    const chat = request.method === "POST";
    if (chat) received.push(sha256(body));
    if (chat) await delay(delayMs);
    const target = new URL(teacher.url).origin + request.url;
    const answer = await fetch(
      target,
      chat ? { method: "POST", body, headers: { "content-type": "application/json" } } : {},
    );
    response.on("finish", () => {
      if (chat) answered.push(sha256(body));
    });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/v1`,
    received,
    answered,
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
      await teacher.close();
    },
  };
}
