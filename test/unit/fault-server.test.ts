import { describe, expect, test } from "vitest";
import { draws } from "../kit/fault-mix.ts";
import { type FaultServerOptions, startFaultServer } from "../kit/fault-server.ts";
import { latencyMs } from "../kit/latency.ts";
import { createRateBucket } from "../kit/rate-bucket.ts";

interface Got {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** What a plain client gets for a text; null where the connection broke. */
async function post(baseUrl: string, content: string): Promise<Got | null> {
  try {
    const body = JSON.stringify({ model: "m", messages: [{ role: "user", content }] });
    const response = await fetch(`${baseUrl}/chat/completions`, { method: "POST", body });
    return { status: response.status, text: await response.text(), headers: response.headers };
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

const mix: FaultServerOptions["faults"] = {
  share: 0.5,
  weights: { "429_retry_after": 1, "500": 1, reset_mid_body: 1, cut_json: 1, html: 1, missing_usage: 1, drip: 1 },
};

describe("the server that breaks by chance", () => {
  test("breaks the same tries of the same requests in every server of one seed, in whatever order they come", async () => {
    const courses: string[][] = [];
    for (const order of [1, -1]) {
      await using server = await startFaultServer({ seed: 7, faults: mix });
      const names = Array.from({ length: 60 }, (_, index) => `question ${index}`);
      for (const name of order === 1 ? names : names.reverse()) {
        await post(server.baseUrl, name);
        await post(server.baseUrl, name);
      }
      courses.push([...server.requests.entries()].map(([key, { faults }]) => `${key} ${faults.join()}`).sort());
      expect(server.stats().faulted).toBeGreaterThan(40);
      expect(server.stats().faulted).toBeLessThan(80);
    }
    expect(courses[0]).toEqual(courses[1]);
  });

  test("counts a whole answer only where a client can have read one, and bills what it made", async () => {
    const cases = {
      drip: [1, 1],
      missing_usage: [1, 1],
      refusal: [1, 1],
      content_filter: [1, 1],
      cut_json: [0, 1],
      reset_mid_body: [0, 1],
      empty_choices: [0, 1],
      reset_before_headers: [0, 0],
      "503_retry_after": [0, 0],
      error_in_body: [0, 0],
      html: [0, 0],
    } as const;
    for (const [name, [whole, made]] of Object.entries(cases)) {
      await using server = await startFaultServer({ faults: { share: 1, weights: { [name]: 1 } } });
      await post(server.baseUrl, "a question");
      expect([name, server.stats()]).toEqual([name, expect.objectContaining({ asked: 1, faulted: 1, whole, made })]);
      expect(server.stats().outputTokens).toBe(made * 50);
      server.setFaults();
      await post(server.baseUrl, "a question");
      expect([name, server.stats().twice]).toEqual([name, whole]);
    }
  });

  test("settles a content for good where it is told to, whatever the try", async () => {
    const weights = { content_filter_400: 1, context_overflow: 1, refusal: 1 };
    await using server = await startFaultServer({ settled: { share: 0.5, weights } });
    for (let index = 0; index < 20; index++) {
      const [first, again] = [await post(server.baseUrl, `q${index}`), await post(server.baseUrl, `q${index}`)];
      expect(again?.status).toBe(first?.status);
    }
    const courses = [...server.requests.values()].map(({ faults }) => faults);
    expect(courses.every(([first, again]) => first === again)).toBe(true);
    expect(courses.filter((course) => course.length === 2).length).toBeGreaterThan(4);
  });

  test("asks for waits in each of the ways there are", async () => {
    for (const [name, header, value] of [
      ["429_retry_after", "retry-after", "0.25"],
      ["429_retry_after_ms", "retry-after-ms", "250"],
      ["429_http_date", "retry-after", expect.stringMatching(/GMT$/)],
      ["429", "retry-after", null],
    ] as const) {
      const faults = { share: 1, weights: { [name]: 1 } };
      await using server = await startFaultServer({ retryAfterMs: 250, faults });
      const got = await post(server.baseUrl, "a question");
      expect([name, got?.status, got?.headers.get(header)]).toEqual([name, 429, value]);
    }
  });

  test("tells what a rate limit has left with every answer, and refuses what is beyond it", async () => {
    await using server = await startFaultServer({ rateLimit: { requests: 3, perSeconds: 3_600 } });
    const got: (Got | null)[] = [];
    for (let index = 0; index < 4; index++) got.push(await post(server.baseUrl, `q${index}`));
    expect(got.map((one) => one?.status)).toEqual([200, 200, 200, 429]);
    expect(got.map((one) => one?.headers.get("x-ratelimit-remaining-requests"))).toEqual(["2", "1", "0", "0"]);
    expect(Number(got[3]?.headers.get("retry-after"))).toBeGreaterThan(1_000);
  });

  test("sends a body that drips whole, in pieces", async () => {
    await using server = await startFaultServer({ faults: { share: 1, weights: { drip: 1 } }, dripMs: 1 });
    const response = await fetch(`${server.baseUrl}/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "a question" }] }),
    });
    let pieces = 0;
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      pieces += 1;
      chunks.push(chunk);
    }
    expect(pieces).toBeGreaterThan(1);
    expect(JSON.parse(Buffer.concat(chunks).toString()).choices).toHaveLength(1);
  });
});

describe("what it is made of", () => {
  test("a bucket fills evenly, up to its size, and says how long until a request fits", () => {
    let nowMs = 0;
    const bucket = createRateBucket({ requests: 2, tokens: 100, perSeconds: 10 }, () => nowMs);
    expect([bucket.take(10), bucket.take(10), bucket.take(10)]).toEqual([null, null, 5_000]);
    nowMs = 5_000;
    expect([bucket.take(90), bucket.take(1)]).toEqual([null, 5_000]);
    nowMs = 1_000_000;
    expect(bucket.headers()).toMatchObject({
      "x-ratelimit-remaining-tokens": "100",
      "x-ratelimit-reset-requests": "0.000s",
    });
  });

  test("latencies are spread as their names say", () => {
    const many = Array.from({ length: 4_000 }, (_, index) => draws("latency", index));
    const of = (latency: Parameters<typeof latencyMs>[0]) =>
      many.map(([first, second]) => latencyMs(latency, first, second)).sort((a, b) => a - b);
    const at = (sorted: number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    expect(new Set(of({ kind: "fixed", ms: 5 }))).toEqual(new Set([5]));
    const uniform = of({ kind: "uniform", fromMs: 10, toMs: 20 });
    expect(at(uniform, 0.5)).toBeCloseTo(15, 0);
    const lognormal = of({ kind: "lognormal", medianMs: 100, sigma: 0.5 });
    expect(at(lognormal, 0.5) / 100).toBeCloseTo(1, 1);
    expect(at(lognormal, 0.84) / 100).toBeCloseTo(Math.exp(0.5), 0);
    const tail = of({ kind: "long_tail", leastMs: 10, alpha: 1.5, mostMs: 1_000 });
    expect(at(tail, 0.5)).toBeLessThan(20);
    expect(at(tail, 0.999)).toBeGreaterThan(500);
    expect(tail.at(-1)).toBe(1_000);
  });
});
