// Limits, retries and health of an endpoint, over real HTTP. Waits are skipped by the lab's clock.
import { getEventListeners } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import type { Model, RequestWatch } from "../../src/contracts.ts";
import { spendingAs } from "../../src/models/spender.ts";
import { watchRequests } from "../../src/telemetry/requests.ts";
import {
  type Fault,
  type FaultyEndpoint,
  type FaultyEndpointOptions,
  startFaultyEndpoint,
} from "../kit/faulty-endpoint.ts";
import { ask, type ModelLab, startModelLab } from "../kit/model-lab.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function startWith(
  faults: NonNullable<FaultyEndpointOptions["faults"]>,
  more: Record<string, unknown> = {},
  where: Parameters<typeof startModelLab>[0] = {},
  answer: NonNullable<FaultyEndpointOptions["answer"]> = ["ok"],
): Promise<{ endpoint: FaultyEndpoint; lab: ModelLab; model: Model }> {
  const endpoint = await startFaultyEndpoint({ faults, answer });
  const lab = await startModelLab({ env: { SOME_KEY: "sk-secret" }, ...where });
  open.push(endpoint, lab);
  const entry = {
    provider: "openai-compatible",
    baseUrl: endpoint.baseUrl,
    model: "m",
    apiKeyEnv: "SOME_KEY",
    ...more,
  };
  const { teacher } = await lab.open({ teacher: entry });
  if (teacher === undefined) throw new Error("Expected a teacher");
  return { endpoint, lab, model: teacher };
}

/** Asks for so many samples at once; returns how each ended: "answered", or the error's name and words. */
async function askMany(model: Model, count: number, signal = new AbortController().signal): Promise<string[]> {
  const asked = Array.from({ length: count }, (_, sample) => model.complete(ask("a"), { sample, signal }));
  const ends = await Promise.allSettled(asked);
  return ends.map((end) => (end.status === "fulfilled" ? "answered" : `${end.reason.name}: ${end.reason.message}`));
}

const status = (code: number, message = "planned", headers: Record<string, string> = {}): Fault => ({
  kind: "status",
  status: code,
  headers,
  body: { error: { message } },
});

describe("too many requests", () => {
  test.each([
    ["with Retry-After", { "retry-after": "3" }],
    ["without Retry-After", {}],
  ])("429 %s above four at once: fewer are sent at once, and everybody is answered", async (_how, headers) => {
    let atOnce = 0;
    const answer = async () => {
      atOnce += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      atOnce -= 1;
      return "ok";
    };
    const faults = () => (atOnce >= 4 ? status(429, "slow down", headers) : null);
    const { endpoint, model } = await startWith(faults, { concurrency: 40, maxRetries: 20 }, {}, answer);
    expect(new Set(await askMany(model, 120))).toEqual(new Set(["answered"]));
    const refused = endpoint.requests.filter(({ fault }) => fault !== null).length;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(60);
  });

  test("what headers say is left is kept to: nobody is sent into a 429", async () => {
    const windowMs = 250;
    let left = 0;
    let resetMs = 0;
    const count = (): Fault => {
      const nowMs = performance.now();
      if (nowMs >= resetMs) {
        resetMs = nowMs + windowMs;
        left = 5;
      }
      left -= 1;
      if (left < 0) return status(429, "limit reached");
      const reset = `${Math.ceil(resetMs - nowMs)}ms`;
      const headers = { "x-ratelimit-limit": "5", "x-ratelimit-remaining": `${left}`, "x-ratelimit-reset": reset };
      return { kind: "headers", headers };
    };
    const { lab, model } = await startWith(count, {}, { realWaits: true });
    expect(new Set(await askMany(model, 18))).toEqual(new Set(["answered"]));
    expect(lab.meter.total()).toMatchObject({ sent: 18, failed: 0 });
  });
});

describe("ten thousand that wait with one signal", () => {
  test("leave one listener, stop at once, and are never sent", async () => {
    const { endpoint, model } = await startWith([{ kind: "stall_in_body" }], { concurrency: 1 });
    const controller = new AbortController();
    const ends = askMany(model, 10_000, controller.signal);
    await expect.poll(() => endpoint.requests.length, { timeout: 20_000 }).toBe(1);
    controller.abort(new Error("enough"));
    expect(new Set(await ends)).toEqual(new Set(["Error: enough"]));
    expect(endpoint.requests).toHaveLength(1);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  test("of one stage do not keep another stage's two from coming in", async () => {
    const { endpoint, model } = await startWith(() => ({ kind: "slow", ms: 2 }), { concurrency: 1 });
    const controller = new AbortController();
    const many = spendingAs({ stage: "rollouts", item: "x" }, () => askMany(model, 1_000, controller.signal));
    await expect.poll(() => endpoint.requests.length).toBeGreaterThan(3);
    const few = await spendingAs({ stage: "judge", item: "y" }, () =>
      Promise.all(["b", "c"].map((text) => model.complete(ask(text), { sample: 0, signal: controller.signal }))),
    );
    expect(few.map(({ text }) => text)).toEqual(["ok", "ok"]);
    expect(endpoint.requests.length).toBeLessThan(500);
    controller.abort(new Error("enough"));
    await many;
  });
});

describe("what is refused", () => {
  test("one of many is that one's failure, in the provider's words; the others go on", async () => {
    const { model } = await startWith((_body, index) => (index === 2 ? status(403, "not this topic") : null));
    const ends = await askMany(model, 30);
    expect(ends.filter((end) => end !== "answered")).toEqual([
      expect.stringMatching(/^FailureError: .*403 not this topic/),
    ]);
  });

  test.each([
    [401, "bad key", /^UsageError: .*got `401 bad key` to all 20 first requests\. .*check the key in `SOME_KEY`/],
    [403, "not for you", /^UsageError: .*got `403 not for you` to all 20 first requests\. .*check the key/],
    [422, "no such field", /^UsageError: .*got `422 no such field` to all 20 first requests\./],
  ])("all of the first twenty with %i stop the run; none is tried again", async (code, words, says) => {
    const { endpoint, lab, model } = await startWith(() => status(code, words), { concurrency: 5 });
    const ends = await askMany(model, 100);
    expect(ends.find((end) => end.startsWith("UsageError"))).toMatch(says);
    expect(ends.filter((end) => end.startsWith("FailureError"))).toHaveLength(19);
    expect(endpoint.requests).toHaveLength(100); // the run would have stopped; here nobody does
    expect(lab.waits).toEqual([]);
  });

  test("all of a small run with a refused key stop it; with a refused topic they are owed", async () => {
    const key = await startWith(() => status(401, "bad key"));
    const ends = await askMany(key.model, 3);
    expect(ends.find((end) => end.startsWith("UsageError"))).toMatch(/^UsageError: .*`401 bad key` to all 3 requests/);
    const topic = await startWith(() => status(403, "not this"));
    expect((await askMany(topic.model, 3)).every((end) => end.startsWith("FailureError"))).toBe(true);
  });

  test("a key that is revoked in the middle stops the run", async () => {
    const { model } = await startWith((_body, index) => (index >= 10 ? status(401, "revoked") : null), {
      concurrency: 1,
    });
    const ends = await askMany(model, 40);
    expect(ends.filter((end) => end.startsWith("FailureError"))).toHaveLength(19);
    expect(ends.find((end) => end.startsWith("UsageError"))).toMatch(/`401 revoked` to the last 20 requests/);
  });

  test("`maxRetries: 0` means none", async () => {
    const { endpoint, model } = await startWith(() => status(503), { maxRetries: 0 });
    expect(await askMany(model, 1)).toEqual([expect.stringMatching(/^FailureError: .*got none in 1 try;/)]);
    expect(endpoint.requests).toHaveLength(1);
  });
});

describe("an endpoint that is down", () => {
  test("is left alone and looked at, everybody is answered once it is back, and it is told", async () => {
    const told: string[] = [];
    const nothing = () => undefined;
    const watch: RequestWatch = {
      ...{ sends: nothing, receives: nothing, fails: nothing, waits: nothing, pauses: nothing },
      goesDown: (_request, error, againMs) => told.push(`${error.message}, again in ${againMs}`),
      comesBack: () => told.push("back"),
    };
    // It comes back at the twelfth request. Forty ask, and each may try three times: without a breaker all would be used up.
    const faults = (_body: unknown, index: number) => (index < 12 ? status(500, "down") : null);
    const { lab, model } = await startWith(faults, { concurrency: 8, maxRetries: 2 }, { watch });
    expect(new Set(await askMany(model, 40))).toEqual(new Set(["answered"]));
    expect(lab.meter.total()).toMatchObject({ sent: 52, failed: 12 });
    expect(told[0]).toBe("500 down, again in 1000");
    expect(told.at(-1)).toBe("back");
    expect(told.length).toBeGreaterThan(4);
  });

  test("for good leaves everybody owed after `totalSeconds`, most of them without a request", async () => {
    const { endpoint, model } = await startWith(() => status(503, "gone"), { retries: { totalSeconds: 60 } });
    const ends = await askMany(model, 200);
    expect(ends.every((end) => end.startsWith("FailureError"))).toBe(true);
    expect(ends.at(-1)).toMatch(
      /got none to any request for 60 s, so it was not asked again; the last ended with: 503 gone/,
    );
    expect(endpoint.requests.length).toBeLessThan(30);
  });

  test("is noted once a look was in vain, and when it is back; four errors are not", async () => {
    for (const [failures, noted] of [
      [12, 2],
      [4, 0],
    ] as const) {
      const notes: string[] = [];
      const written: string[] = [];
      const log = { takes: () => true, write: (_level: string, message: string) => written.push(message) };
      const watch = watchRequests({
        log: log as never,
        note: (note) => notes.push(note),
        span: () => undefined,
        now: Date.now,
      });
      const faults = (_body: unknown, index: number) => (index < failures ? status(500, "oops") : null);
      const { model } = await startWith(faults, { concurrency: 8, maxRetries: 8 }, { watch });
      expect(new Set(await askMany(model, 40))).toEqual(new Set(["answered"]));
      expect(written.includes("Endpoint down")).toBe(noted > 0);
      expect(notes).toHaveLength(noted);
      if (noted === 0) continue;
      expect(notes[0]).toMatch(/does not answer \(500 oops\): everybody waits, one request looks again in \d+ s$/);
      expect(notes[1]).toMatch(/answers again, after \d+ s$/);
    }
  });
});
