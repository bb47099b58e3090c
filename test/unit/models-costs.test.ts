import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import { priceFile, priceLines, pricesOf } from "../../src/models/prices.ts";
import { countTokens } from "../../src/models/tokens.ts";
import { startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { ask, startModelLab } from "../kit/model-lab.ts";

const signal = new AbortController().signal;
const price = { inputPerMillion: 1, outputPerMillion: 4, asOf: "2026-11-01" };

describe("an answer without usage", () => {
  const code = "df.groupby('城市')['销售额'].mean()  # 平均值\n".repeat(20);

  test.each([
    ["none", undefined],
    ["only a total", { total_tokens: 9 }],
    ["a text for a number", { prompt_tokens: "7", completion_tokens: 2 }],
    ["a negative count", { prompt_tokens: -1, completion_tokens: 2 }],
  ])("(%s) is counted by a tokenizer, marked as estimated, and priced", async (_name, usage) => {
    await using endpoint = await startFaultyEndpoint({ answer: [{ text: code, body: { usage } }] });
    await using lab = await startModelLab();
    const { teacher } = await lab.open({
      teacher: { provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "m", price },
    });
    const said = await teacher?.complete(ask("平均值?"), { sample: 0, signal });
    const tokens = encode(code).length;
    expect(said?.usage).toMatchObject({
      estimated: true,
      outputTokens: tokens,
      cachedInputTokens: 0,
      reasoningTokens: 0,
    });
    expect(said?.usage.inputTokens).toBe(encode(JSON.stringify(ask("平均值?").messages)).length);
    // What a count of words would have said.
    expect(tokens).toBeGreaterThan(3 * code.split(/\s+/).length);
    const { inputTokens = 0, costUsd } = said?.usage ?? {};
    expect(costUsd).toBeCloseTo((inputTokens + 4 * tokens) / 1e6, 12);
    expect(lab.meter.spend()).toMatchObject([{ stage: null, model: "teacher", estimated: 1, outputTokens: tokens }]);
  });
});

describe("the tokenizer", () => {
  test("takes the names of special tokens for text, and whatever else a string can hold", async () => {
    expect(await countTokens("<|endoftext|>")).toBeGreaterThan(1);
    expect(await countTokens("\ud800 lone")).toBeGreaterThan(0);
    expect(await countTokens("")).toBe(0);
  });

  test("counts a long text in pieces, a token or two a piece from the whole, and no character is cut in two", async () => {
    const text = "The mean of 😀 is 3.14; ".repeat(2_000);
    const whole = encode(text).length;
    expect(Math.abs((await countTokens(text)) - whole)).toBeLessThan(2 * Math.ceil(text.length / 4_096));
    expect(await countTokens("a".repeat(1_000_000))).toBeGreaterThan(10_000);
  });
});

describe("a file of prices", () => {
  const entry = { ...price, endpoint: "api.example.com", model: "large" };

  test("gives a model's price by its host, or rather by its base URL", () => {
    const dearer = { ...entry, endpoint: "https://api.example.com/eu/v1/", inputPerMillion: 2 };
    const prices = pricesOf(
      priceFile.parse({ prices: [entry, dearer, { ...entry, model: "small", source: "their page" }] }),
    );
    expect(prices("https://api.example.com/v1", "large")).toEqual(price);
    expect(prices("https://api.example.com/eu/v1", "large")).toEqual({ ...price, inputPerMillion: 2 });
    expect(prices("https://api.example.com/v1", "small")).toEqual(price);
    expect(prices("https://api.example.com/v1", "other")).toBeUndefined();
    expect(prices("https://other.example.com/v1", "large")).toBeUndefined();
  });

  test.each([
    ["without a date", { ...entry, asOf: undefined }],
    ["with a price below nothing", { ...entry, inputPerMillion: -1 }],
    ["with a key that means nothing", { ...entry, perMillion: 3 }],
    ["with an endpoint that is neither a host nor a base URL", { ...entry, endpoint: "api.example.com/v1" }],
  ])("%s is refused", (_name, wrong) => {
    expect(priceFile.safeParse({ prices: [wrong] }).success).toBe(false);
  });

  test("takes a base URL without a path for its host, in whatever case", () => {
    const prices = pricesOf(priceFile.parse({ prices: [{ ...entry, endpoint: "https://API.example.com/" }] }));
    expect(prices("https://api.example.com/v1", "large")).toEqual(price);
  });

  test("with two prices for one model at one endpoint is refused, however the endpoint is written", () => {
    const twice = { prices: [entry, { ...entry, endpoint: "https://api.example.com", inputPerMillion: 2 }] };
    expect(String(priceFile.safeParse(twice).error)).toContain("(`prices.0` has one: remove either)");
  });

  test("an unknown price is said, and one that is old", () => {
    const options = { file: "prices.yaml", nowMs: Date.parse("2026-11-25") };
    const old = { ...price, asOf: "2026-01-01" };
    const free = { inputPerMillion: 0, outputPerMillion: 0, asOf: "2020-01-01" };
    expect(
      priceLines(
        [{ name: "a" }, { name: "b", price: null }, { name: "c", price: old }, { name: "d", price: free }],
        options,
      ),
    ).toEqual([expect.stringContaining("unknown of a, b: "), expect.stringContaining("180 days ago of c: ")]);
    expect(priceLines([{ name: "a", price }], options)).toEqual([]);
  });
});
