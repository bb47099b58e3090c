import { getEventListeners, setMaxListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FailureError, RejectionError, UsageError } from "../../src/domain/errors.ts";
import {
  type Fault,
  type FaultyEndpoint,
  type FaultyEndpointOptions,
  startFaultyEndpoint,
} from "../kit/faulty-endpoint.ts";
import { ask, type ModelLab, startModelLab, wholeText } from "../kit/model-lab.ts";

const open: AsyncDisposable[] = [];
const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  process.on("unhandledRejection", note);
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

async function endpointWith(options: FaultyEndpointOptions = {}): Promise<FaultyEndpoint> {
  const endpoint = await startFaultyEndpoint(options);
  open.push(endpoint);
  return endpoint;
}

async function lab(options: Parameters<typeof startModelLab>[0] = {}): Promise<ModelLab> {
  const started = await startModelLab(options);
  open.push(started);
  return started;
}

function config(endpoint: { baseUrl: string }, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "model", ...more };
}

async function oneModel(endpoint: { baseUrl: string }, more: Record<string, unknown> = {}, where?: ModelLab) {
  const used = where ?? (await lab());
  const { teacher } = await used.open({ teacher: config(endpoint, more) });
  if (teacher === undefined) throw new Error("Expected a teacher");
  return { model: teacher, meter: used.meter, waits: used.waits };
}

const signal = new AbortController().signal;
setMaxListeners(0, signal);

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    (value) => new Error(`Expected an error, got \`${JSON.stringify(value)}\``),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error("Expected an Error to be thrown");
  return error;
}

describe("what goes over the wire", () => {
  test("the payload holds the request and the sampling of the config, and nothing that was not asked for", async () => {
    const endpoint = await endpointWith();
    const { model } = await oneModel(endpoint, {
      temperature: 0.8,
      topP: 0.95,
      maxTokens: 100,
      maxTokensField: "max_completion_tokens",
      body: { reasoning_effort: "low" },
    });
    await model.complete({ ...ask("hello"), stop: ["</python>"] }, { sample: 0, signal });
    expect(endpoint.requests.map((request) => request.body)).toEqual([
      {
        model: "model",
        messages: [{ role: "user", content: "hello" }],
        temperature: 0.8,
        top_p: 0.95,
        max_completion_tokens: 100,
        stop: ["</python>"],
        reasoning_effort: "low",
      },
    ]);
  });

  test("the seed counts samples from the configured seed where the endpoint takes one", async () => {
    const endpoint = await endpointWith();
    const { model } = await oneModel(endpoint, { sendsSeed: true, seed: 40 });
    await model.complete(ask("a"), { sample: 0, signal });
    await model.complete(ask("a"), { sample: 2, signal });
    expect(endpoint.requests.map((request) => request.body.seed)).toEqual([40, 42]);
  });

  test("a JSON schema is asked for in the form the config names", async () => {
    const endpoint = await endpointWith();
    const jsonSchema = { name: "verdict", schema: { type: "object" } };
    const used = await lab();
    const models = await used.open({
      plain: config(endpoint),
      object: config(endpoint, { structuredOutput: "json_object" }),
      schema: config(endpoint, { structuredOutput: "json_schema" }),
    });
    for (const model of Object.values(models)) await model.complete({ ...ask("a"), jsonSchema }, { sample: 0, signal });
    expect(endpoint.requests.map((request) => request.body.response_format)).toEqual([
      undefined,
      { type: "json_object" },
      { type: "json_schema", json_schema: jsonSchema },
    ]);
  });

  test("the key and the configured headers are sent, and a keyless loopback endpoint gets no key", async () => {
    const endpoint = await endpointWith();
    const used = await lab({ env: { SOME_KEY: "sk-secret" } });
    const models = await used.open({
      keyed: config(endpoint, { apiKeyEnv: "SOME_KEY", headers: { "x-team": "mill" } }),
      bare: config(endpoint, { temperature: 0 }),
    });
    for (const model of Object.values(models)) await model.complete(ask("a"), { sample: 0, signal });
    expect(endpoint.requests.map(({ headers }) => [headers.authorization, headers["x-team"]])).toEqual([
      ["Bearer sk-secret", "mill"],
      [undefined, undefined],
    ]);
  });
});

const recovers: [string, Fault][] = [
  ["429", { kind: "status", status: 429 }],
  ["408", { kind: "status", status: 408 }],
  ["409", { kind: "status", status: 409 }],
  ["500", { kind: "status", status: 500 }],
  ["an HTML page with 503", { kind: "html", status: 503 }],
  ["a reset before the headers", { kind: "reset_before_headers" }],
  ["a reset in mid-body", { kind: "reset_mid_body" }],
  ["a body that stalls", { kind: "stall_in_body" }],
  ["an error body that stalls", { kind: "stall_in_body", status: 400 }],
  ["an HTML page with 200", { kind: "html" }],
  ["JSON that is cut off", { kind: "truncated_json" }],
  ["no choices", { kind: "empty_choices" }],
  ["no finish_reason", { kind: "finish_reason", value: null }],
  ["finish_reason error", { kind: "finish_reason", value: "error" }],
  [
    "an error object with 200",
    { kind: "status", status: 200, body: { error: { message: "upstream busy", code: 502 } } },
  ],
];

describe("trouble that passes is tried again", () => {
  test.each(recovers)("after %s the second answer is returned", async (_name, fault) => {
    const endpoint = await endpointWith({ faults: [fault], answer: ["the answer"] });
    const { model, meter, waits } = await oneModel(endpoint, {
      timeoutSeconds: fault.kind === "stall_in_body" ? 1 : 20,
    });
    const completion = await model.complete(ask("a"), { sample: 0, signal });
    expect(completion.text).toBe("the answer");
    expect(endpoint.requests.map((request) => request.answered)).toEqual([false, true]);
    expect(meter.total()).toMatchObject({ sent: 2, failed: 1, underWay: 0 });
    expect(waits).toHaveLength(1);
  });

  test.each(recovers)("%s for ever ends as a provider failure that says what came last", async (_name, fault) => {
    const endpoint = await endpointWith({ faults: () => fault });
    const { model, meter } = await oneModel(endpoint, {
      timeoutSeconds: fault.kind === "stall_in_body" ? 0.2 : 20,
      maxRetries: 1,
    });
    const error = await errorOf(model.complete(ask("a"), { sample: 0, signal }));
    expect(error).toBeInstanceOf(FailureError);
    expect(error).toMatchObject({ kind: "provider", cause: expect.any(Error) });
    expect(error.message).toContain("got none in 2 tries");
    expect(meter.total()).toMatchObject({ sent: 2, failed: 2, underWay: 0 });
  });

  test("an endpoint that is gone ends as a provider failure", async () => {
    const endpoint = await startFaultyEndpoint();
    await endpoint[Symbol.asyncDispose]();
    const { model } = await oneModel(endpoint, { maxRetries: 1 });
    const error = await errorOf(model.complete(ask("a"), { sample: 0, signal }));
    expect(error).toBeInstanceOf(FailureError);
    expect(error.message).toContain("ECONNREFUSED");
  });

  test("an endpoint that answered nobody for its whole patience is not asked again by those who come after", async () => {
    const endpoint = await endpointWith({ faults: () => ({ kind: "status", status: 500 }) });
    const { model, meter } = await oneModel(endpoint, { maxRetries: 0, retries: { totalSeconds: 0.001 } });
    const errors: Error[] = [];
    for (let sample = 0; sample < 10; sample++) {
      errors.push(await errorOf(model.complete(ask("a"), { sample, signal })));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const error of errors) expect(error).toMatchObject({ name: "FailureError", kind: "provider" });
    expect(errors.at(-1)?.message).toContain("got none to any request for 0.001 s, so it was not asked again");
    expect(meter.total().sent).toBe(2);
  });

  test("Retry-After is waited for, bounded by maxWaitSeconds, with the jitter after it", async () => {
    const retryAfter = (seconds: string): Fault => ({
      kind: "status",
      status: 429,
      headers: { "retry-after": seconds },
    });
    const endpoint = await endpointWith({ faults: [retryAfter("7"), retryAfter("120")] });
    const { model, waits } = await oneModel(endpoint, { retries: { firstWaitSeconds: 1, maxWaitSeconds: 20 } });
    await model.complete(ask("a"), { sample: 0, signal });
    expect(waits).toEqual([7_500, 21_000]);
  });

  test("a wait that would end after totalSeconds is not begun", async () => {
    const endpoint = await endpointWith({
      faults: () => ({ kind: "status", status: 429, headers: { "retry-after": "50" } }),
    });
    const { model, waits } = await oneModel(endpoint, { retries: { totalSeconds: 30 } });
    expect(await errorOf(model.complete(ask("a"), { sample: 0, signal }))).toBeInstanceOf(FailureError);
    expect(endpoint.requests).toHaveLength(1);
    expect(waits).toEqual([]);
  });
});

describe("trouble that stays ends at the first answer", () => {
  const status = (code: number, error: Record<string, unknown>): Fault => ({
    kind: "status",
    status: code,
    body: { error },
  });
  const ends: [string, Fault, typeof UsageError | typeof RejectionError | typeof FailureError, string][] = [
    ["401", status(401, { message: "bad key" }), UsageError, "bad key"],
    ["403", status(403, { message: "not for you" }), FailureError, "not for you"],
    ["404", status(404, { message: "nothing here" }), UsageError, "Check `baseUrl`"],
    ["400 model not found", status(400, { message: "The model `x` does not exist" }), UsageError, "`model`"],
    ["429 without credit", status(429, { message: "exceeded", code: "insufficient_quota" }), UsageError, "credit"],
    [
      "400 unsupported option",
      status(400, { message: "no", code: "unsupported_parameter" }),
      UsageError,
      "maxTokensField",
    ],
    [
      "400 context length",
      status(400, { message: "long", code: "context_length_exceeded" }),
      RejectionError,
      "longer than",
    ],
    ["400 content filter", status(400, { message: "no", code: "content_filter" }), RejectionError, "filter"],
    ["any other 400", status(400, { message: "odd" }), FailureError, "400 odd"],
    [
      "a bare error object (vLLM)",
      {
        kind: "status",
        status: 400,
        body: { object: "error", message: "This model's maximum context length is 10", code: 400 },
      },
      RejectionError,
      "maximum context length",
    ],
    [
      "a detail (FastAPI)",
      { kind: "status", status: 403, body: { detail: "Forbidden zone" } },
      FailureError,
      "Forbidden zone",
    ],
  ];

  test.each(ends)("%s", async (_name, fault, kind, says) => {
    const endpoint = await endpointWith({ faults: () => fault });
    const { model, waits } = await oneModel(endpoint);
    const error = await errorOf(model.complete(ask("a"), { sample: 0, signal }));
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toContain(says);
    expect(endpoint.requests).toHaveLength(1);
    expect(waits).toEqual([]);
  });

  test.each([
    ["a refusal", { message: { refusal: "I will not" }, text: null }, "refusal"],
    ["a filtered answer", { text: "half", finishReason: "content_filter" }, "content_filter"],
  ])("%s is rejected, and paid once over two runs", async (_name, reply, code) => {
    const endpoint = await endpointWith({ answer: [reply] });
    const { folder } = await lab();
    for (const run of [1, 2]) {
      const used = await startModelLab({ folder: `${folder}/shared` });
      const { model } = await oneModel(endpoint, {}, used);
      const error = await errorOf(model.complete(ask("a"), { sample: 0, signal }));
      expect(error, `run ${run}`).toMatchObject({ name: "RejectionError", code });
      await used[Symbol.asyncDispose]();
    }
    expect(endpoint.requests).toHaveLength(1);
  });
});

describe("what was received is never paid again", () => {
  test("a second run sends nothing, whatever it changed about waiting, limits and prices", async () => {
    const endpoint = await endpointWith({ answer: (body) => `to ${body.messages[0]?.content}` });
    const { folder } = await lab();
    const price = { inputPerMillion: 1, outputPerMillion: 2, asOf: "2026-01-01" };
    const runs = [{}, { concurrency: 3, requestsPerMinute: 9, timeoutSeconds: 9, maxRetries: 0, price }];
    for (const more of runs) {
      const used = await startModelLab({ folder: `${folder}/shared` });
      const { model } = await oneModel(endpoint, more, used);
      for (const text of ["a", "b"]) {
        expect((await model.complete(ask(text), { sample: 0, signal })).text).toBe(`to ${text}`);
      }
      if (more !== runs[0])
        expect(used.meter.total()).toMatchObject({ sent: 0, remembered: 2, inputTokens: 0, costUsd: 0 });
      await used[Symbol.asyncDispose]();
    }
    expect(endpoint.requests).toHaveLength(2);
  });

  test("another sample, message, stop sequence, temperature or model is another request", async () => {
    const endpoint = await endpointWith();
    const used = await lab();
    const models = await used.open({
      one: config(endpoint),
      warm: config(endpoint, { temperature: 0.5 }),
      other: config(endpoint, { model: "other" }),
    });
    await models.one?.complete(ask("a"), { sample: 0, signal });
    await models.one?.complete(ask("a"), { sample: 1, signal });
    await models.one?.complete(ask("b"), { sample: 0, signal });
    await models.one?.complete({ ...ask("a"), stop: ["x"] }, { sample: 0, signal });
    await models.warm?.complete(ask("a"), { sample: 0, signal });
    await models.other?.complete(ask("a"), { sample: 0, signal });
    expect(endpoint.requests).toHaveLength(6);
  });

  test("identical requests under way are sent once, also through two aliases", async () => {
    const endpoint = await endpointWith({ faults: [{ kind: "slow", ms: 50 }] });
    const used = await lab();
    const { one, two } = await used.open({ one: config(endpoint), two: config(endpoint) });
    const calls = [one, two, one, two].map((model) => model?.complete(ask("a"), { sample: 0, signal }));
    const completions = await Promise.all(calls);
    expect(new Set(completions.map((completion) => completion?.key)).size).toBe(1);
    expect(endpoint.requests).toHaveLength(1);
    expect(used.meter.total()).toMatchObject({ sent: 1, remembered: 3 });
  });

  test("`rememberAs` keeps what was paid for when the endpoint moves", async () => {
    const used = await lab();
    const [here, there] = [await endpointWith(), await endpointWith()];
    const models = await used.open({
      here: config(here, { rememberAs: "our server" }),
      there: config(there, { rememberAs: "our server" }),
    });
    for (const model of Object.values(models)) await model.complete(ask("a"), { sample: 0, signal });
    expect([here.requests.length, there.requests.length]).toEqual([1, 0]);
  });
});

test("the identity of a completion is written down: a change of this key means a bump of its version", async () => {
  const endpoint = await endpointWith();
  const settings = { temperature: 0.8, topP: 0.9, maxTokens: 64, sendsSeed: true, seed: 5, body: { top_k: 40 } };
  const { model } = await oneModel(endpoint, { ...settings, rememberAs: "golden", structuredOutput: "json_schema" });
  const request = { ...ask("what?"), stop: ["</a>"], jsonSchema: { name: "x", schema: { type: "object" } } };
  const { key } = await model.complete(request, { sample: 3, signal });
  expect(key).toBe("completion/09795b185dcde4b49d8d1fd61ac864a7e5ca2d19a1526c8c71f1361edffea960");
});

describe("limits belong to the endpoint", () => {
  test("two aliases of one endpoint keep one concurrency together", async () => {
    const endpoint = await endpointWith({ faults: () => ({ kind: "slow", ms: 15 }) });
    const used = await lab();
    const models = await used.open({
      one: config(endpoint, { concurrency: 3 }),
      two: config(endpoint, { temperature: 0 }),
    });
    await Promise.all(
      Object.values(models).flatMap((model) =>
        Array.from({ length: 8 }, (_, sample) => model.complete(ask("a"), { sample, signal })),
      ),
    );
    expect(endpoint.requests).toHaveLength(16);
    expect(endpoint.mostAtOnce()).toBe(3);
  });

  test("two aliases that state different limits for one endpoint are an error that names both", async () => {
    const endpoint = await endpointWith();
    const used = await lab();
    const error = await errorOf(
      used.open({ one: config(endpoint, { concurrency: 3 }), two: config(endpoint, { concurrency: 4 }) }),
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/`one` and `two`.*`concurrency`, got `3` and `4`/);
  });
});

describe("stopping", () => {
  test("a request under way stops with the signal's reason and remembers nothing", async () => {
    const endpoint = await endpointWith({ faults: [{ kind: "stall_in_body" }] });
    const { model, meter } = await oneModel(endpoint);
    const controller = new AbortController();
    const call = errorOf(model.complete(ask("a"), { sample: 0, signal: controller.signal }));
    await expect.poll(() => endpoint.requests.length).toBe(1);
    controller.abort(new Error("enough"));
    expect((await call).message).toBe("enough");
    expect((await model.complete(ask("a"), { sample: 0, signal })).remembered).toBe(false);
    expect(meter.total()).toMatchObject({ sent: 2, failed: 1, underWay: 0 });
  });

  test("a wait between tries, and the endpoint's pause with it, stop with the signal's reason", async () => {
    const endpoint = await endpointWith({
      faults: () => ({ kind: "status", status: 429, headers: { "retry-after": "60" } }),
    });
    const { model } = await oneModel(endpoint, { concurrency: 1 }, await lab({ realWaits: true }));
    const controller = new AbortController();
    const calls = [0, 1].map((sample) => errorOf(model.complete(ask("a"), { sample, signal: controller.signal })));
    await expect.poll(() => endpoint.requests.length).toBe(1);
    controller.abort(new Error("enough"));
    expect((await Promise.all(calls)).map((error) => error.message)).toEqual(["enough", "enough"]);
    expect(endpoint.requests).toHaveLength(1);
  });

  test("no listener stays on the caller's signal, whether a request went well, failed or waited", async () => {
    const endpoint = await endpointWith({ faults: [{ kind: "reset_mid_body" }, { kind: "status", status: 400 }] });
    const { model } = await oneModel(endpoint, { concurrency: 1 });
    const caller = new AbortController();
    const calls = [0, 1, 2, 3].map((sample) => model.complete(ask("a"), { sample, signal: caller.signal }));
    await Promise.allSettled(calls);
    expect(getEventListeners(caller.signal, "abort")).toEqual([]);
  });

  test("requests that wait for a place stop too, and are never sent", async () => {
    const endpoint = await endpointWith({ faults: [{ kind: "stall_in_body" }] });
    const { model } = await oneModel(endpoint, { concurrency: 1 });
    const controller = new AbortController();
    const calls = [0, 1, 2].map((sample) => errorOf(model.complete(ask("a"), { sample, signal: controller.signal })));
    await expect.poll(() => endpoint.requests.length).toBe(1);
    controller.abort(new Error("enough"));
    expect((await Promise.all(calls)).map((error) => error.message)).toEqual(["enough", "enough", "enough"]);
    expect(endpoint.requests).toHaveLength(1);
  });
});

describe("keys", () => {
  const key = "sk-very-secret-0123456789";

  test("no error, identity or remembered value holds the key, even when the endpoint quotes it", async () => {
    const quotes = (status: number): Fault => ({
      kind: "status",
      status,
      body: { error: { message: `key ${key} is odd` } },
    });
    const noJson: Fault = { kind: "status", status: 200, body: `key ${key} is odd` };
    const endpoint = await endpointWith({ faults: [...[401, 400, 500, 429, 404].map(quotes), noJson] });
    const used = await lab({ env: { KEY: key } });
    const { model } = await oneModel(endpoint, { apiKeyEnv: "KEY", maxRetries: 0 }, used);
    for (let sample = 0; sample < 6; sample += 1) {
      const text = wholeText(await errorOf(model.complete(ask("a"), { sample, signal })));
      expect(text).not.toContain(key);
      expect(text).toContain("key [key] is odd");
    }
    expect(JSON.stringify(model.identity)).not.toContain(key);
    expect(endpoint.requests.every((request) => request.headers.authorization === `Bearer ${key}`)).toBe(true);
  });

  test("a key that is an ordinary word is not cut out of what the model said", async () => {
    const endpoint = await endpointWith({ answer: () => ({ text: "the list is EMPTY" }) });
    const used = await lab({ env: { KEY: "EMPTY" } });
    const { model } = await oneModel(endpoint, { apiKeyEnv: "KEY" }, used);
    expect((await model.complete(ask("a"), { sample: 0, signal })).text).toBe("the list is EMPTY");
  });

  test("a refused check does not print the key", async () => {
    const endpoint = await endpointWith({ apiKey: "another" });
    const used = await lab({ env: { KEY: key } });
    const { model } = await oneModel(endpoint, { apiKeyEnv: "KEY" }, used);
    const error = await errorOf(model.check(signal));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain("`KEY`");
    expect(wholeText(error)).not.toContain(key);
  });

  test.each([
    ["is missing", {}, /environment variable `KEY`.*`models.teacher.apiKeyEnv`.*export KEY=/],
    ["has a line break in it", { KEY: `${key}\nx` }, /environment variable `KEY`.*not shown/],
  ])("a key that %s stops before anything is sent", async (_name, env: Record<string, string>, says) => {
    const endpoint = await endpointWith();
    const used = await lab({ env });
    const error = await errorOf(used.open({ teacher: config(endpoint, { apiKeyEnv: "KEY" }) }));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(says);
    expect(wholeText(error)).not.toContain(key);
    expect(endpoint.checks()).toBe(0);
  });

  test("an endpoint elsewhere needs `apiKeyEnv`, or null said on purpose", async () => {
    const used = await lab();
    const elsewhere = { baseUrl: "https://models.invalid/v1" };
    const error = await errorOf(used.open({ teacher: config(elsewhere) }));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain("apiKeyEnv: null");
    await used.open({ teacher: config(elsewhere, { apiKeyEnv: null }) });
  });
});

describe("check", () => {
  test.each([
    ["a list of models", { status: 200, body: "{}" }],
    ["404", { status: 404, body: "<html>no such page</html>", contentType: "text/html" }],
    ["405", { status: 405, body: "" }],
  ])("passes on %s and sends no completion", async (_name, models) => {
    const endpoint = await endpointWith({ models });
    const { model, meter } = await oneModel(endpoint);
    await model.check(signal);
    expect(endpoint.checks()).toBe(1);
    expect(meter.total().sent).toBe(0);
  });

  test.each([
    [
      "a web page",
      { status: 200, body: "<!doctype html><html></html>", contentType: "text/html" },
      "it often ends in /v1",
    ],
    ["401", { status: 401, body: '{"error":{"message":"who are you"}}' }, "who are you"],
    ["403", { status: 403, body: "" }, "refuses access"],
  ])("stops on %s and says alias, address and way out", async (_name, models, says) => {
    const endpoint = await endpointWith({ models });
    const { model } = await oneModel(endpoint);
    const error = await errorOf(model.check(signal));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain("`teacher`");
    expect(error.message).toContain(endpoint.baseUrl);
    expect(error.message).toContain(says);
  });

  test("stops when nothing answers", async () => {
    const endpoint = await startFaultyEndpoint();
    await endpoint[Symbol.asyncDispose]();
    const { model } = await oneModel(endpoint);
    const error = await errorOf(model.check(signal));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain("ECONNREFUSED");
  });
});

describe("cost", () => {
  test("follows from the tokens the provider counted, cached ones at their own price", async () => {
    const usage = {
      prompt_tokens: 1_000,
      completion_tokens: 200,
      prompt_tokens_details: { cached_tokens: 400 },
      completion_tokens_details: { reasoning_tokens: 50 },
    };
    const endpoint = await endpointWith({ answer: [{ text: "a", usage }] });
    const price = { inputPerMillion: 1, cachedInputPerMillion: 0.5, outputPerMillion: 10, asOf: "2026-01-01" };
    const { model, meter } = await oneModel(endpoint, { price });
    const completion = await model.complete(ask("a"), { sample: 0, signal });
    expect(completion.usage).toEqual({
      inputTokens: 1_000,
      cachedInputTokens: 400,
      outputTokens: 200,
      reasoningTokens: 50,
      estimated: false,
      costUsd: expect.closeTo((600 * 1 + 400 * 0.5 + 200 * 10) / 1e6, 12),
    });
    expect(meter.total().costUsd).toBe(completion.usage.costUsd);
  });

  test("is null without a price, and usage that is not reported is marked as estimated", async () => {
    const endpoint = await endpointWith({ faults: [{ kind: "missing_usage" }], answer: ["eight by"] });
    const { model, meter } = await oneModel(endpoint);
    const { usage } = await model.complete(ask("a"), { sample: 0, signal });
    expect(usage).toMatchObject({ estimated: true, outputTokens: 2, costUsd: null });
    expect(usage.inputTokens).toBeGreaterThan(0);
    expect(meter.total().costUsd).toBeNull();
  });
});
