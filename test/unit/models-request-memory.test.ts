// Every line of what is promised about remembered requests, through real HTTP and a real store.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Completion, Model } from "../../src/contracts.ts";
import { askForJson } from "../../src/prompts/structured.ts";
import {
  type ChatBody,
  type Fault,
  type FaultyEndpointOptions,
  type Reply,
  startFaultyEndpoint,
} from "../kit/faulty-endpoint.ts";
import { ask, askEach, startModelLab } from "../kit/model-lab.ts";
import { compile } from "../kit/store-processes.ts";

const signal = new AbortController().signal;
const once0 = { sample: 0, signal };
const alone = () => ({ sample: 0, signal: new AbortController().signal });
const tool = { name: "python", description: "runs code", parameters: { type: "object" } };

async function startModel(options: FaultyEndpointOptions, more: object = {}) {
  const endpoint = await startFaultyEndpoint(options);
  const lab = await startModelLab();
  const config = { provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "m", ...more };
  const { m } = (await lab.open({ m: config })) as { m: Model };
  return {
    ...{ endpoint, lab, m, config },
    /** What another run of the same config would have: a model of its own on the same store. */
    async again(changes: object = {}) {
      const later = await startModelLab({ folder: lab.folder });
      const opened = (await later.open({ m: { ...config, ...changes } })) as { m: Model };
      return { ...later, m: opened.m };
    },
    async [Symbol.asyncDispose]() {
      await lab[Symbol.asyncDispose]();
      await endpoint[Symbol.asyncDispose]();
    },
  };
}

/** How a call ended, as far as a later run has to see it too. */
async function endOf(call: Promise<Completion>): Promise<unknown> {
  return call.then(
    ({ text, finishReason, toolCalls, key }) => ({ text, finishReason, toolCalls, key }),
    ({ name, code, evidence, message }) => ({ name, code, evidence, message }),
  );
}

const call = { id: "c1", type: "function", function: { name: "python", arguments: '{"code":"1"}' } };
const replies: readonly (readonly [string, Reply, object])[] = [
  ["stop", "done", { finishReason: "stop" }],
  ["length", { text: "cut", finishReason: "length" }, { finishReason: "length" }],
  [
    "tool_calls",
    { text: null, message: { tool_calls: [call] }, finishReason: "tool_calls" },
    { finishReason: "tool_calls", toolCalls: [{ id: "c1", name: "python", arguments: '{"code":"1"}' }] },
  ],
  ["content_filter", { text: "", finishReason: "content_filter" }, { name: "RejectionError", code: "content_filter" }],
  ["a refusal", { text: null, message: { refusal: "No." } }, { name: "RejectionError", code: "refusal" }],
  ["a reason of its own", { text: "x", finishReason: "eaten" }, { finishReason: "other" }],
];

describe("every complete answer is remembered, with how it ended", () => {
  test.each(replies)("%s", async (_, reply, end) => {
    await using asked = await startModel({ answer: [reply] });
    const request = { ...ask("hi"), tools: [tool] };
    const first = await endOf(asked.m.complete(request, once0));
    expect(first).toMatchObject(end);
    await using later = await asked.again();
    expect(await endOf(later.m.complete(request, once0))).toEqual(first);
    expect(asked.endpoint.requests).toHaveLength(1);
    expect(later.meter.total()).toMatchObject({ sent: 0, remembered: 1 });
  });
});

describe("what is no complete answer is not remembered", () => {
  const faults: readonly (readonly [string, Fault])[] = [
    ["a reset", { kind: "reset_mid_body" }],
    ["cut JSON", { kind: "truncated_json" }],
    ["a web page", { kind: "html" }],
    ["500", { kind: "status", status: 500 }],
    ["429", { kind: "status", status: 429 }],
    ["a 400 for this request alone", { kind: "status", status: 400 }],
    ["no finish reason", { kind: "finish_reason", value: null }],
  ];

  test.each(faults)("%s", async (_, fault) => {
    await using asked = await startModel({ faults: [fault], answer: ["late"] }, { maxRetries: 0 });
    await expect(asked.m.complete(ask("hi"), once0)).rejects.toMatchObject({ name: "FailureError" });
    expect(asked.m.recall?.(ask("hi"), { sample: 0 })).toBeNull();
    expect((await asked.m.complete(ask("hi"), once0)).text).toBe("late");
    expect(asked.endpoint.requests).toHaveLength(2);
  });
});

describe("a higher token limit is another request", () => {
  const schema = z.object({ size: z.number() });
  const options = { messages: ask("size?").messages, name: "size", schema, sample: 0, signal };
  const limits = { maxTokens: 100, maxTokensMost: 400 };

  test("asked once more and remembered apart; the answer that was cut stays, and a re-run sends nothing", async () => {
    await using asked = await startModel(
      {
        answer: ({ max_tokens }) =>
          Number(max_tokens) < 400 ? { text: '{"size"', finishReason: "length" } : '{"size": 3}',
      },
      limits,
    );
    const first = await askForJson({ model: asked.m, ...options });
    expect(first).toMatchObject({
      value: { size: 3 },
      repairs: ["raised_token_limit: 100 -> 200", "raised_token_limit: 200 -> 400"],
    });
    expect(asked.endpoint.requests.map(({ body }) => body.max_tokens)).toEqual([100, 200, 400]);
    await using later = await asked.again();
    const again = await askForJson({ model: later.m, ...options });
    expect(again.completions.map(({ key, remembered, finishReason }) => [key, remembered, finishReason])).toEqual(
      first.completions.map(({ key, finishReason }) => [key, true, finishReason]),
    );
    expect(asked.endpoint.requests).toHaveLength(3);
  });

  test("where the bound is raised later, goes on from what was cut", async () => {
    await using asked = await startModel(
      {
        answer: ({ max_tokens }) => (Number(max_tokens) <= 400 ? { text: "{", finishReason: "length" } : '{"size": 3}'),
      },
      limits,
    );
    expect(await askForJson({ model: asked.m, ...options })).toMatchObject({ tokenLimit: 400 });
    await using later = await asked.again({ maxTokensMost: 800 });
    expect(await askForJson({ model: later.m, ...options })).toMatchObject({ value: { size: 3 } });
    expect(asked.endpoint.requests.map(({ body }) => body.max_tokens)).toEqual([100, 200, 400, 800]);
  });
});

describe("identical requests under way", () => {
  test("are sent once for eight who ask at once, and one of them is told that it was not remembered", async () => {
    await using asked = await startModel({ faults: () => ({ kind: "slow", ms: 30 }) });
    const all = await Promise.all(Array.from({ length: 8 }, () => asked.m.complete(ask("hi"), alone())));
    expect(all.filter(({ remembered }) => !remembered)).toHaveLength(1);
    expect(asked.endpoint.requests).toHaveLength(1);
  });

  test("are sent once also where the first to ask is told to stop, and go on for the others", async () => {
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await using asked = await startModel({ answer: async () => held.then(() => "for the others") });
    const stopping = new AbortController();
    const first = asked.m.complete(ask("hi"), { sample: 0, signal: stopping.signal });
    const others = Array.from({ length: 7 }, () => asked.m.complete(ask("hi"), alone()));
    await expect.poll(() => asked.endpoint.requests.length).toBe(1);
    stopping.abort(new Error("told to stop"));
    await expect(first).rejects.toThrow("told to stop");
    answer();
    const all = await Promise.all(others);
    expect(all.map(({ text }) => text)).toEqual(all.map(() => "for the others"));
    expect(all.filter(({ remembered }) => !remembered)).toHaveLength(1);
    expect(asked.endpoint.requests).toHaveLength(1);
  });

  test("are stopped where all who ask are told to stop, and asked again by who comes next", async () => {
    await using asked = await startModel({ faults: [{ kind: "stall_in_body" }], answer: ["later"] });
    const stopping = new AbortController();
    const all = Array.from({ length: 3 }, () => asked.m.complete(ask("hi"), { sample: 0, signal: stopping.signal }));
    await expect.poll(() => asked.endpoint.requests.length).toBe(1);
    stopping.abort(new Error("told to stop"));
    for (const one of await Promise.allSettled(all)) expect(one).toMatchObject({ reason: { message: "told to stop" } });
    expect((await asked.m.complete(ask("hi"), once0)).text).toBe("later");
    expect(asked.endpoint.requests).toHaveLength(2);
  });
});

describe("two processes on one store", () => {
  const count = 12;

  /** Asks the same questions here and in another process at once; gives what the other was answered, in order. */
  async function askTwice(folder: string, model: Model, config: object): Promise<[Completion[], string[]]> {
    const script = compile("test/kit/model-child.ts");
    const child = spawn(process.execPath, [script, folder, JSON.stringify({ m: config }), "m", String(count)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("open");
    const mine = await askEach(model, count);
    const theirs: string[] = [];
    for (let next = await lines.next(); !next.done; next = await lines.next()) theirs.push(next.value);
    expect(await ended).toEqual([0, null]);
    return [mine, theirs];
  }

  test("send nothing twice, whoever is first", async () => {
    await using asked = await startModel({
      answer: ({ messages }) => `to ${messages[0]?.content}`,
      faults: () => ({ kind: "slow", ms: 20 }),
    });
    const [mine, theirs] = await askTwice(asked.lab.folder, asked.m, asked.config);
    expect(theirs).toEqual(mine.map(({ key, text }) => `${key} ${text}`));
    expect(asked.endpoint.requests).toHaveLength(count);
  });

  test("send nothing twice to any endpoint of a chain", async () => {
    await using fallback = await startFaultyEndpoint({ faults: () => ({ kind: "slow", ms: 20 }) });
    // It would answer whoever asks it a second time: that would be paid for twice.
    const onceRefused = new Set<unknown>();
    const refuseFirst = ({ messages }: ChatBody): Fault | null => {
      if (onceRefused.has(messages[0]?.content)) return null;
      onceRefused.add(messages[0]?.content);
      return { kind: "status", status: 503 };
    };
    await using asked = await startModel(
      { faults: refuseFirst },
      { fallbackAfter: 1, fallbacks: [{ provider: "openai-compatible", baseUrl: fallback.baseUrl, model: "f" }] },
    );
    const [mine, theirs] = await askTwice(asked.lab.folder, asked.m, asked.config);
    expect(theirs).toEqual(mine.map(({ key, text }) => `${key} ${text}`));
    expect(asked.endpoint.requests.filter(({ answered }) => answered)).toEqual([]);
    expect(fallback.requests).toHaveLength(count);
  });
});

test("who asks the same while the first answer is being kept adds no money to what it cost", async () => {
  const price = { inputPerMillion: 3, outputPerMillion: 15, asOf: "2026-11-01" };
  await using asked = await startModel({}, { price });
  for (let round = 0; round < 10; round++) {
    let isOver = false;
    const askers = [asked.m.complete(ask(`q${round}`), alone()).finally(() => (isOver = true))];
    while (!isOver) {
      askers.push(asked.m.complete(ask(`q${round}`), alone()));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(askers);
  }
  expect(asked.endpoint.requests).toHaveLength(10);
  expect(asked.lab.meter.total()).toMatchObject({ sent: 10, rememberedUsd: 0 });
  expect(asked.lab.meter.total().costUsd).toBeGreaterThan(0);
});
