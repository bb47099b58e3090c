import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Model } from "../../src/contracts.ts";
import { families } from "../../src/models/families.ts";
import { type FaultyEndpoint, startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { ask, type ModelLab, startModelLab } from "../kit/model-lab.ts";
import { responses } from "../kit/responses/index.ts";
import { kinds } from "../kit/responses/shape.ts";

const { signal } = new AbortController();
const every = Object.entries(responses).flatMap(([family, { cases }]) => cases.map((one) => ({ family, ...one })));
const named = (family: string, what: string) => `${family}: ${what}`;

let endpoint: FaultyEndpoint;
let lab: ModelLab;
let models: Record<string, Model>;

beforeAll(async () => {
  endpoint = await startFaultyEndpoint({
    // Every try gets the body of the case that its question names, as it stands.
    faults: ({ messages }) => {
      const asked = every.find(({ family, what }) => named(family, what) === messages[0]?.content);
      return asked === undefined ? null : { kind: "status", status: asked.status ?? 200, body: asked.body };
    },
  });
  lab = await startModelLab();
  const of = (family: string) => ({ provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "m", family });
  models = await lab.open(Object.fromEntries(Object.keys(responses).map((family) => [family, of(family)])));
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await endpoint[Symbol.asyncDispose]();
});

describe("what each family sends is read for what it is, over HTTP", () => {
  test.each(every.map((one) => [one.family, one.what, one] as const))("%s: %s", async (family, what, { gives }) => {
    const asked = models[family]?.complete(ask(named(family, what)), { sample: 0, signal });
    if ("error" in gives) {
      const error: unknown = await asked?.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ name: gives.error });
      expect(String(error)).toContain(gives.says);
      return;
    }
    const completion = await asked;
    expect(completion).toBeDefined();
    const { usage } = completion ?? {};
    expect({
      text: completion?.text,
      reasoning: completion?.reasoning,
      toolCalls: completion?.toolCalls?.map((call) => [call.name, call.arguments]) ?? [],
      finishReason: completion?.finishReason,
      tokens: usage?.estimated
        ? null
        : [usage?.inputTokens, usage?.cachedInputTokens, usage?.outputTokens, usage?.reasoningTokens],
    }).toEqual({ reasoning: null, toolCalls: [], ...gives });
    expect(completion?.toolCalls?.every(({ id }) => id !== "") ?? true).toBe(true);
  });
});

test("every family has a fixture of each kind, or says why not", () => {
  expect(Object.keys(responses).toSorted()).toEqual(
    Object.keys(families)
      .filter((name) => name !== "other")
      .toSorted(),
  );
  for (const [family, { pages, cases, without = {} }] of Object.entries(responses)) {
    expect(pages.length, family).toBeGreaterThan(0);
    const missing = kinds.filter((kind) => !cases.some((one) => one.kind === kind));
    expect(missing.toSorted(), family).toEqual(Object.keys(without).toSorted());
  }
});
