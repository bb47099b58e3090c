import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { modelConfig } from "../../src/models/open.ts";
import { openAiCompatibleOptions } from "../../src/models/openai-compatible-options.ts";

const least = { provider: "openai-compatible", baseUrl: "http://localhost:8000/v1", model: "m" };

test("the least config gets every default, and a base URL without a slash at its end", () => {
  expect(modelConfig.parse({ ...least, baseUrl: "http://localhost:8000/v1/" })).toEqual({
    ...least,
    family: "other",
    headers: {},
    body: {},
    seed: 0,
    sendsSeed: false,
    timeoutSeconds: 300,
    maxRetries: 5,
    retries: { firstWaitSeconds: 1, maxWaitSeconds: 60, totalSeconds: 900 },
  });
});

test("a resolved config parses to itself, so that a manifest can be run again", () => {
  const resolved = modelConfig.parse(least);
  expect(modelConfig.parse(resolved)).toEqual(resolved);
});

describe("what cannot work is an error that names the option", () => {
  test.each([
    ["an unknown option", { temprature: 1 }, "temprature"],
    ["a key in the URL", { baseUrl: "https://user:pass@host/v1" }, "apiKeyEnv"],
    ["a query in the URL", { baseUrl: "https://host/v1?a=b" }, "query"],
    ["another protocol", { baseUrl: "ftp://host/v1" }, "baseUrl"],
    ["no URL", { baseUrl: "localhost:8000" }, "baseUrl"],
    ["a key in a header", { headers: { Authorization: "Bearer x" } }, "apiKeyEnv"],
    ["a key in another header", { headers: { "X-Api-Key": "x" } }, "apiKeyEnv"],
    ["a header with a line break", { headers: { "x-a": "a\nb" } }, "headers"],
    ["streaming", { body: { stream: true } }, "body"],
    ["one thing said twice", { body: { temperature: 1 } }, "temperature"],
    ["a deadline of more than an hour", { timeoutSeconds: 3_601 }, "timeoutSeconds"],
    ["no concurrency", { concurrency: 0 }, "concurrency"],
    ["a price without its date", { price: { inputPerMillion: 1, outputPerMillion: 1 } }, "asOf"],
    ["the option that `refuses` replaced", { sendsStop: false }, "refuses: [stop]"],
    ["a field that cannot be refused", { refuses: ["messages"] }, "refuses"],
    ["tools in the body", { body: { tools: [] } }, "body"],
    ["an unknown provider", { provider: "telepathy" }, "provider"],
  ])("%s", (_name, more, says) => {
    const parsed = modelConfig.safeParse({ ...least, ...more });
    expect(parsed.success).toBe(false);
    expect(z.prettifyError(parsed.error as z.ZodError)).toContain(says);
  });

  test("an unknown provider's error lists those there are", () => {
    const parsed = modelConfig.safeParse({ ...least, provider: "telepathy" });
    expect(z.prettifyError(parsed.error as z.ZodError)).toContain("openai-compatible");
  });
});

test("the schema can be written down as JSON Schema, for editors", () => {
  expect(JSON.stringify(z.toJSONSchema(modelConfig, { io: "input" }))).toContain('"const":"openai-compatible"');
});

test("every option of an endpoint stands in a page of docs", () => {
  const folder = new URL("../../docs/", import.meta.url);
  const pages = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "errors.md");
  const words = pages.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
  const gone = ["sendsStop"];
  const options = Object.keys(openAiCompatibleOptions.shape).filter((name) => !gone.includes(name));
  expect(options.length).toBeGreaterThan(20);
  expect(options.filter((name) => !words.includes(`\`${name}\``))).toEqual([]);
});
