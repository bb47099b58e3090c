import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { ChatRequest, Completion, Model } from "../../src/contracts.ts";
import { RejectionError } from "../../src/domain/errors.ts";
import { hashOf } from "../../src/domain/hash.ts";
import { reviewShape } from "../../src/judges/read-review.ts";
import { strictJsonSchema } from "../../src/prompts/json-schema.ts";
import { askForJson } from "../../src/prompts/structured.ts";
import { leastUsage as usage } from "../kit/usage.ts";

/** A model that gives these answers in turn; its keys count them. */
function answering(
  answers: readonly (Partial<Completion> | Error)[],
  options: Pick<Model, "tokenLimit"> = {},
): Model & { requests: ChatRequest[] } {
  const requests: ChatRequest[] = [];
  return {
    name: "judge",
    identity: {},
    ...options,
    requests,
    async complete(request) {
      const answer = answers[requests.length];
      requests.push(request);
      if (answer === undefined) throw new Error("Expected no further request");
      if (answer instanceof Error) throw answer;
      const key = `completion/${requests.length}`;
      return { text: "", reasoning: null, finishReason: "stop", usage, key, remembered: false, ...answer };
    },
    async check() {},
  };
}

const schema = z.object({ size: z.number(), why: z.string() });
const good = '{"size": 3, "why": "so"}';
const cut = { text: good.slice(0, 12), finishReason: "length" } as const;
const messages = [{ role: "user" as const, content: "How large?" }];
const signal = new AbortController().signal;
const ask = (model: Model, maxRepairs = 1) =>
  askForJson({ model, messages, name: "size", schema, sample: 0, signal, maxRepairs });

describe("asking for JSON", () => {
  test("sends the schema and gives what was read, with the key of the completion", async () => {
    const model = answering([{ text: good }]);
    const asked = await ask(model);
    expect(asked).toMatchObject({ value: { size: 3, why: "so" }, repairs: [], completions: [{ key: "completion/1" }] });
    expect(model.requests).toEqual([{ messages, jsonSchema: { name: "size", schema: strictJsonSchema(schema) } }]);
  });

  test.each([
    ["in a fence", `\`\`\`json\n${good}\n\`\`\``, ["cut_from_fence"]],
    ["in prose", `Here it is: ${good} Done.`, ["cut_from_prose"]],
    ["with a trailing comma", '{"size": 3, "why": "so",}', ["jsonrepair"]],
    ["with Python's quotes", "{'size': 3, 'why': 'so'}", ["jsonrepair"]],
    ["behind an object of another shape", `{"size": "large"}\n${good}`, ["cut_from_prose"]],
  ])("reads an answer %s at once, and says what was mended", async (_, text, repairs) => {
    expect(await ask(answering([{ text }]))).toMatchObject({ value: { size: 3, why: "so" }, repairs });
  });

  test("asks again in the same conversation, quoting the problem, and names every repair in order", async () => {
    const model = answering([{ text: '{"size": "large", "why": "so"}' }, { text: `\`\`\`\n${good}\n\`\`\`` }]);
    const asked = await ask(model);
    expect(model.requests[1]?.messages).toEqual([
      ...messages,
      { role: "assistant", content: '{"size": "large", "why": "so"}' },
      { role: "user", content: expect.stringMatching(/does not have the shape asked for \(.*expected number/s) },
    ]);
    expect(asked).toMatchObject({
      value: { size: 3 },
      repairs: [expect.stringMatching(/^asked_again: it does not have the shape/), "cut_from_fence"],
      completions: [{ key: "completion/1" }, { key: "completion/2" }],
    });
  });

  test("asks so often and no more, and gives every problem", async () => {
    const model = answering([{ text: "No." }, { text: "Never." }, { text: "{}" }]);
    const asked = await ask(model, 2);
    expect(asked).toMatchObject({
      problems: ["it holds no JSON", "it holds no JSON", expect.stringContaining("shape asked for")],
      tokenLimit: null,
    });
    expect(model.requests).toHaveLength(3);
  });

  test("reads nothing out of what was only thought, and says so", async () => {
    const model = answering([{ text: "", reasoning: good }, { text: good }]);
    expect(await ask(model)).toMatchObject({
      value: { size: 3 },
      repairs: [
        expect.stringMatching(/^asked_again: it holds no JSON: the answer is empty, all was said while thinking/),
      ],
    });
  });
});

describe("an answer that the token limit cut off", () => {
  test("is asked for again with twice the limit, as the same question, and that is recorded", async () => {
    const model = answering([cut, cut, { text: good }], { tokenLimit: { usual: 1024, most: 8192 } });
    const asked = await ask(model);
    expect(model.requests.map(({ maxTokens }) => maxTokens)).toEqual([undefined, 2048, 4096]);
    expect(model.requests.map((request) => request.messages)).toEqual([messages, messages, messages]);
    expect(asked).toMatchObject({
      value: { size: 3 },
      repairs: ["raised_token_limit: 1024 -> 2048", "raised_token_limit: 2048 -> 4096"],
      completions: [{ key: "completion/1" }, { key: "completion/2" }, { key: "completion/3" }],
    });
  });

  test("keeps the raised limit for what it asks again", async () => {
    const model = answering([cut, { text: "Hm." }, { text: good }], { tokenLimit: { usual: 100, most: 150 } });
    expect(await ask(model)).toMatchObject({
      repairs: ["raised_token_limit: 100 -> 150", "asked_again: it holds no JSON"],
    });
    expect(model.requests.map(({ maxTokens }) => maxTokens)).toEqual([undefined, 150, 150]);
  });

  test("ends at the bound, saying which limit cut it", async () => {
    const model = answering([cut, cut], { tokenLimit: { usual: 1024, most: 1500 } });
    const asked = await ask(model, 5);
    expect(asked).toMatchObject({
      problems: [expect.stringMatching(/^it was cut off.*at the limit of 1500 tokens$/s)],
      tokenLimit: 1500,
    });
    expect(model.requests).toHaveLength(2);
  });

  test("is no rejection where the raised limit does not fit the model's context", async () => {
    const overflow = new RejectionError("context_overflow", "maximum context length is 2000 tokens");
    const asked = await ask(answering([cut, overflow], { tokenLimit: { usual: 1024, most: 4096 } }));
    expect(asked).toMatchObject({
      problems: [expect.stringMatching(/cut off, and with a limit of 2048 tokens the request is longer/)],
      tokenLimit: 2048,
      completions: [{ key: "completion/1" }],
    });
    await expect(ask(answering([overflow]))).rejects.toBe(overflow);
  });

  test("is believed only where it is whole: mended ends may be half a number", async () => {
    const whole = answering([{ text: `${good}\nAnd so on and`, finishReason: "length" }]);
    expect(await ask(whole)).toMatchObject({ value: { size: 3 } });
    const half = answering([{ text: '{"why": "so", "size": 3', finishReason: "length" }, { text: good }]);
    expect(await ask(half)).toMatchObject({ repairs: ["asked_again: it was cut off"] });
  });
});

describe("the schema that travels", () => {
  test("has every property required and nothing beside them, at every depth", () => {
    const shape = z.strictObject({
      list: z.array(z.object({ kind: z.enum(["a", "b"]), at: z.number().min(0).max(1).nullish() })).min(1),
      one: z.union([z.string(), z.object({ of: z.literal("x") })]),
    });
    const object = (properties: Record<string, unknown>) => ({
      type: "object",
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    });
    expect(strictJsonSchema(shape)).toEqual(
      object({
        list: {
          type: "array",
          items: object({
            kind: { type: "string", enum: ["a", "b"] },
            at: { anyOf: [{ type: "number" }, { type: "null" }] },
          }),
        },
        one: { anyOf: [{ type: "string" }, object({ of: { type: "string", const: "x" } })] },
      }),
    );
  });

  test.each([
    ["optional", z.object({ a: z.string().optional() }), "required or nullable, got `a`"],
    ["any keys", z.object({ a: z.object({ b: z.record(z.string(), z.number()) }) }), "an object of any keys at `a.b`"],
    ["anything", z.object({ a: z.array(z.unknown()) }), "anything at `a[]`"],
    ["a tuple", z.object({ a: z.tuple([z.string()]) }), "a tuple or the like at `a`"],
  ])("is refused where there is none: %s", (_, shape, message) => {
    expect(() => strictJsonSchema(shape)).toThrow(message);
  });

  test("of a review is what remembered reviews were asked with", () => {
    // The payload is part of a completion's identity: another schema would pay for every review again.
    expect(hashOf(strictJsonSchema(reviewShape(["clarity", "execution"])))).toBe(
      "492f4374ebca0137796e73372e5cf1903d973864279eeaaeb4de39844e06f28d",
    );
  });
});
