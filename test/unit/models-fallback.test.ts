import { describe, expect, test } from "vitest";
import type { ChatRequest, Completion, Model } from "../../src/contracts.ts";
import { BudgetError, FailureError } from "../../src/domain/errors.ts";
import { configPathOf, entryOf, ownerOf } from "../../src/models/alias.ts";
import { checkBudget } from "../../src/models/budget-config.ts";
import { withFallbacks } from "../../src/models/fallback.ts";
import { modelConfig } from "../../src/models/open.ts";
import { type FaultyEndpointOptions, startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { ask, startModelLab } from "../kit/model-lab.ts";
import { leastUsage } from "../kit/usage.ts";

const signal = new AbortController().signal;
const once = { sample: 0, signal };
const down = { kind: "status", status: 503 } as const;

function entry(baseUrl: string, more: object = {}) {
  return { provider: "openai-compatible", baseUrl, model: "own-model", ...more };
}

/** A model `teacher` whose endpoint behaves as `own` says and its fallback's as `other` says. */
async function startChain(
  own: FaultyEndpointOptions,
  other: FaultyEndpointOptions,
  more: { readonly own?: object; readonly other?: object; readonly env?: Record<string, string> } = {},
) {
  const [first, second] = [await startFaultyEndpoint(own), await startFaultyEndpoint(other)];
  const lab = await startModelLab({ env: more.env ?? {} });
  const config = entry(first.baseUrl, {
    ...more.own,
    fallbacks: [entry(second.baseUrl, { model: "other-model", ...more.other })],
  });
  const { teacher } = (await lab.open({ teacher: config })) as { teacher: Model };
  return {
    ...{ lab, teacher, first, second, config },
    async [Symbol.asyncDispose]() {
      for (const one of [lab, first, second]) await one[Symbol.asyncDispose]();
    },
  };
}

describe("a model with fallbacks", () => {
  test("asks its own endpoint alone while that answers", async () => {
    await using chain = await startChain({}, {});
    const completion = await chain.teacher.complete(ask("hi"), once);
    expect(completion).not.toHaveProperty("servedBy");
    expect([chain.first.requests.length, chain.second.requests.length]).toEqual([1, 0]);
    expect(chain.lab.said).toEqual([]);
  });

  test("asks the fallback after so many failed tries, says who served it, and tells it once", async () => {
    await using chain = await startChain(
      { faults: () => down },
      { answer: ["from there"] },
      { own: { fallbackAfter: 2 } },
    );
    for (const words of ["one", "two"]) {
      const completion = await chain.teacher.complete(ask(words), once);
      expect(completion.text).toBe("from there");
      expect(completion.servedBy).toEqual({ endpoint: chain.second.baseUrl, model: "other-model" });
    }
    expect([chain.first.requests.length, chain.second.requests.length]).toEqual([4, 2]);
    expect(chain.lab.said).toEqual([
      expect.stringMatching(
        /^teacher\/fallback-1 is asked where teacher gives no answer; the first time: .*in 2 tries.*503/,
      ),
    ]);
    const { teacher, "teacher/fallback-1": fallback } = chain.lab.meter.aliases();
    expect([teacher?.sent, teacher?.failed, fallback?.sent, fallback?.failed]).toEqual([4, 4, 2, 0]);
  });

  test("leaves an endpoint that goes down at once, also those who wait for a place, looks whether it is back, and returns", async () => {
    let isUp = false;
    await using chain = await startChain(
      { faults: () => (isUp ? null : down), answer: ["from its own"] },
      { answer: ["from there"] },
      { own: { concurrency: 2 } },
    );
    const askAll = async (from: number) =>
      (
        await Promise.all(
          Array.from({ length: 30 }, (_, index) =>
            chain.teacher.complete(ask(`question ${from + index}`), {
              sample: 0,
              signal: new AbortController().signal,
            }),
          ),
        )
      ).map(({ text }) => text);
    expect(new Set(await askAll(0))).toEqual(new Set(["from there"]));
    // Five first tries open the breaker; after them nobody but who looks is sent there (waits are skipped here, so looks come at once).
    expect(chain.first.requests.length).toBeLessThan(30);
    isUp = true;
    chain.lab.pass(60_000); // longer than it is left alone between two looks
    expect((await chain.teacher.complete(ask("is it back?"), once)).text).toBe("from its own");
    expect(new Set(await askAll(100))).toEqual(new Set(["from its own"]));
  });

  test("prices each answer as the endpoint that gave it says", async () => {
    const price = { inputPerMillion: 0, outputPerMillion: 1_000_000, asOf: "2026-01-01" };
    const usage = { prompt_tokens: 1, completion_tokens: 3 };
    await using chain = await startChain(
      { faults: () => down },
      { answer: [{ text: "x", usage }] },
      { own: { fallbackAfter: 1 }, other: { price } },
    );
    expect((await chain.teacher.complete(ask("hi"), once)).usage.costUsd).toBe(3);
  });

  test("asks the fallback at once where the endpoint refuses everything, and does not ask it any more", async () => {
    await using chain = await startChain({ apiKey: "right" }, {}, { env: { KEY: "wrong" }, own: { apiKeyEnv: "KEY" } });
    for (let number = 0; number < 5; number++) await chain.teacher.complete(ask(`question ${number}`), once);
    expect(chain.lab.meter.aliases().teacher?.sent).toBe(1);
    expect(chain.second.requests).toHaveLength(5);
    expect(chain.lab.said).toEqual([expect.stringMatching(/the first time: .*401 .*check the key in `KEY`/)]);
  });

  test.each([
    ["content_filter", { answer: [{ text: "", finishReason: "content_filter" }] }],
    ["refusal", { answer: [{ message: { refusal: "I will not." } }] }],
    [
      "context_overflow",
      {
        faults: () => ({
          kind: "status" as const,
          status: 400,
          body: { error: { message: "maximum context length is 10 tokens", code: "context_length_exceeded" } },
        }),
      },
    ],
  ])("does not ask the fallback about what the item is to blame for: %s", async (code, own) => {
    await using chain = await startChain(own, {});
    await expect(chain.teacher.complete(ask("hi"), once)).rejects.toMatchObject({ name: "RejectionError", code });
    expect(chain.second.requests).toHaveLength(0);
    // Remembered, where it was an answer, and told in the same way by recall.
    if (code !== "context_overflow")
      expect(() => chain.teacher.recall?.(ask("hi"), { sample: 0 })).toThrow(expect.objectContaining({ code }));
  });

  test("tells of every endpoint when none answers, and the item is owed", async () => {
    const overflow = {
      kind: "status",
      status: 400,
      body: { error: { message: "maximum context length is 10 tokens", code: "context_length_exceeded" } },
    } as const;
    // That the fallback's context is smaller than the model's own is no fault of the item.
    await using chain = await startChain(
      { faults: () => down },
      { faults: () => overflow },
      { own: { fallbackAfter: 1 } },
    );
    await expect(chain.teacher.complete(ask("hi"), once)).rejects.toMatchObject({
      name: "FailureError",
      kind: "provider",
      message: expect.stringMatching(
        /model `teacher` from one of its 2 endpoints, got none\. teacher: .*503.*; teacher\/fallback-1: .*maximum context length/,
      ),
    });
  });

  test("stops the run where every endpoint refuses everything", async () => {
    const refused = { kind: "status", status: 401 } as const;
    await using chain = await startChain({ faults: () => refused }, { faults: () => refused });
    for (const words of ["one", "two"])
      await expect(chain.teacher.complete(ask(words), once)).rejects.toMatchObject({
        name: "UsageError",
        message: expect.stringMatching(/teacher: .*; teacher\/fallback-1: .*401/),
      });
    expect([chain.first.requests.length, chain.second.requests.length]).toEqual([1, 2]);
  });

  test("uses what a fallback answered before it asks anybody, also in another run", async () => {
    await using chain = await startChain({ faults: [down] }, { answer: ["kept"] }, { own: { fallbackAfter: 1 } });
    const { key } = await chain.teacher.complete(ask("hi"), once);
    await using again = await startModelLab({ folder: chain.lab.folder });
    const { teacher } = await again.open({ teacher: chain.config });
    for (const found of [teacher?.recall?.(ask("hi"), { sample: 0 }), await teacher?.complete(ask("hi"), once)]) {
      expect(found).toMatchObject({ text: "kept", key, remembered: true, servedBy: { model: "other-model" } });
    }
    expect(teacher?.recall?.(ask("hi"), { sample: 1 })).toBeNull();
    expect([chain.first.requests.length, chain.second.requests.length]).toEqual([1, 1]);
    expect(again.meter.aliases()).toMatchObject({ "teacher/fallback-1": { sent: 0, remembered: 2 } });
  });

  test("sends eight identical requests once to each endpoint, whoever answers", async () => {
    await using chain = await startChain({ faults: () => down }, {}, { own: { fallbackAfter: 1 } });
    const all = await Promise.all(
      Array.from({ length: 8 }, () =>
        chain.teacher.complete(ask("hi"), { sample: 0, signal: new AbortController().signal }),
      ),
    );
    expect(new Set(all.map(({ key }) => key)).size).toBe(1);
    expect(all.filter(({ remembered }) => !remembered)).toHaveLength(1);
    expect([chain.first.requests.length, chain.second.requests.length]).toEqual([1, 1]);
  });

  test("asks a fallback for no more tokens than its own config allows", async () => {
    await using chain = await startChain(
      { faults: () => down },
      {},
      { own: { fallbackAfter: 1, maxTokens: 100, maxTokensMost: 800 }, other: { maxTokens: 50 } },
    );
    await chain.teacher.complete({ ...ask("hi"), maxTokens: 800 }, once);
    expect(chain.first.requests[0]?.body.max_tokens).toBe(800);
    expect(chain.second.requests[0]?.body.max_tokens).toBe(200);
  });

  test("is checked whole: a fallback that does not answer is said, its own endpoint has to", async () => {
    await using chain = await startChain({}, { models: { status: 401, body: "{}" } });
    await chain.teacher.check(signal);
    expect(chain.lab.said).toEqual([expect.stringMatching(/^teacher\/fallback-1 would be no help: .*401/)]);
    await using other = await startChain({ models: { status: 401, body: "{}" } }, {});
    await expect(other.teacher.check(signal)).rejects.toThrow(
      /401.*to start one without this endpoint, write a fallback/s,
    );
  });

  test("names the place in the config where a fallback has no key", async () => {
    await using lab = await startModelLab();
    const config = { ...entry("https://a.test/v1", { apiKeyEnv: null }), fallbacks: [entry("https://b.test/v1")] };
    await expect(lab.open({ teacher: config })).rejects.toThrow("`models.teacher.fallbacks.0.apiKeyEnv`");
  });
});

describe("a chain of models", () => {
  const completion: Completion = {
    ...{ text: "", reasoning: null, finishReason: "stop", key: "completion/1", remembered: false },
    usage: leastUsage,
  };

  /** A link that answers with its own name as text, or breaks. */
  function link(name: string, options: { breaks?: Error; isDown?: () => boolean } = {}) {
    const asked: ChatRequest[] = [];
    const model: Model = {
      name,
      identity: { endpoint: `http://${name}`, model: name },
      async complete(request) {
        asked.push(request);
        if (options.breaks !== undefined) throw options.breaks;
        return { ...completion, text: name };
      },
      async check() {},
    };
    return { model, asked, isDown: options.isDown ?? (() => false) };
  }
  const say = () => {};

  test("passes an endpoint over while it is down, and comes back to it", async () => {
    let isDown = true;
    const [first, second] = [link("a", { isDown: () => isDown }), link("b")];
    const model = withFallbacks(first, [second], { say });
    expect((await model.complete(ask("hi"), once)).text).toBe("b");
    isDown = false;
    expect((await model.complete(ask("hi"), once)).text).toBe("a");
    expect([first.asked.length, second.asked.length]).toEqual([1, 1]);
  });

  test("is held to a budget with every endpoint of it, each named where it stands in the config", () => {
    const priced = { ...link("teacher").model, price: { inputPerMillion: 0, outputPerMillion: 0, asOf: "2026-01-01" } };
    const models = [priced, link("teacher/fallback-1").model];
    expect(() => checkBudget({ usd: 1 }, { stages: [], models })).toThrow(
      /^models\.teacher\.fallbacks\.0\.price: expected a price/,
    );
  });

  test("asks the last of them also while it is down: there is nobody else", async () => {
    const last = link("b", { isDown: () => true });
    await withFallbacks(link("a", { isDown: () => true }), [last], { say }).complete(ask("hi"), once);
    expect(last.asked).toHaveLength(1);
  });

  test.each([
    ["a spent budget", new BudgetError("spent")],
    ["another thing's failure", new FailureError("disk", "full")],
    ["a bug", new TypeError("bug")],
  ])("does not take %s for the endpoint's", async (_, error) => {
    const second = link("b");
    const model = withFallbacks(link("a", { breaks: error }), [second], { say });
    await expect(model.complete(ask("hi"), once)).rejects.toBe(error);
    expect(second.asked).toHaveLength(0);
  });

  test("goes on to a third, and does not ask anybody once its caller was told to stop", async () => {
    const breaks = new FailureError("provider", "503");
    const third = link("c");
    const links = [link("b", { breaks }), third];
    expect((await withFallbacks(link("a", { breaks }), links, { say }).complete(ask("hi"), once)).servedBy).toEqual({
      endpoint: "http://c",
      model: "c",
    });
    const stopping = new AbortController();
    const stopped = link("a");
    const model = withFallbacks(
      {
        ...stopped,
        model: {
          ...stopped.model,
          async complete() {
            stopping.abort(new Error("stop"));
            throw breaks;
          },
        },
      },
      [third],
      { say },
    );
    await expect(model.complete(ask("hi"), { sample: 0, signal: stopping.signal })).rejects.toBe(breaks);
    expect(third.asked).toHaveLength(1);
  });
});

test("a fallback's name leads to its entry in the config", () => {
  const models = { t: { fallbacks: [{ model: "a" }, { model: "b" }] }, plain: {} };
  expect(entryOf(models, "t/fallback-2")).toBe(models.t.fallbacks[1]);
  expect(entryOf(models, "t")).toBe(models.t);
  expect([entryOf(models, "plain/fallback-1"), entryOf(models, "nobody")]).toEqual([undefined, undefined]);
  expect([ownerOf("t/fallback-2"), configPathOf("t/fallback-2")]).toEqual(["t", "models.t.fallbacks.1"]);
});

describe("the options of a chain", () => {
  const fallback = entry("http://127.0.0.1:2/v1");
  const first = entry("http://127.0.0.1:1/v1");

  test.each([
    ["an empty list", { ...first, fallbacks: [] }, ["fallbacks"]],
    ["fallbacks of a fallback", { ...first, fallbacks: [{ ...fallback, fallbacks: [fallback] }] }, ["fallbacks", 0]],
    ["fallbackAfter without fallbacks", { ...first, fallbackAfter: 2 }, ["fallbackAfter"]],
    ["fallbackAfter 0", { ...first, fallbacks: [fallback], fallbackAfter: 0 }, ["fallbackAfter"]],
    ["an unknown provider", { ...first, fallbacks: [{ ...fallback, provider: "x" }] }, ["fallbacks", 0, "provider"]],
  ])("refuse %s", (_, config, path) => {
    expect(modelConfig.safeParse(config).error?.issues[0]?.path).toEqual(path);
  });

  test("refuse more tries than the endpoint is given, and tries of what is never tried again", async () => {
    await using lab = await startModelLab();
    await expect(lab.open({ t: { ...first, maxRetries: 1, fallbacks: [fallback], fallbackAfter: 3 } })).rejects.toThrow(
      "`models.t.fallbackAfter` to be at most 2",
    );
    const teacher = { provider: "offline-teacher", fallbacks: [fallback], fallbackAfter: 1 };
    await expect(lab.open({ t: teacher })).rejects.toThrow("the provider `offline-teacher`: leave it out");
  });
});
