import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { UsageError } from "../../src/domain/errors.ts";
import { families } from "../../src/models/families.ts";
import { familyNames } from "../../src/models/family.ts";
import { startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { ask, startModelLab } from "../kit/model-lab.ts";
import { withFamilies } from "./families-table.ts";

const open: AsyncDisposable[] = [];
const { signal } = new AbortController();

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

const jsonSchema = { name: "review", schema: { type: "object" } };
const tools = [{ name: "python", description: "Runs code", parameters: { type: "object" } }];

/** What a model of these options sends for a request that uses everything. */
async function sentBy(options: Record<string, unknown>) {
  const endpoint = await startFaultyEndpoint();
  const lab = await startModelLab();
  open.push(endpoint, lab);
  const { teacher } = await lab.open({
    teacher: { provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "m", maxTokens: 9, ...options },
  });
  await teacher?.complete({ ...ask("a"), stop: ["x"], tools }, { sample: 2, signal });
  await teacher?.complete({ ...ask("a"), jsonSchema }, { sample: 2, signal });
  return endpoint.requests.map(({ body }) => body);
}

async function refusal(options: Record<string, unknown>): Promise<string> {
  const lab = await startModelLab();
  open.push(lab);
  const error: unknown = await lab
    .open({ teacher: { provider: "openai-compatible", baseUrl: "http://localhost:1/v1", model: "m", ...options } })
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UsageError);
  return String(error);
}

describe("a family sets what the config does not say", () => {
  test("`other` sends what was always sent", async () => {
    const [withTools, withJson] = await sentBy({ sendsSeed: true });
    expect(Object.keys(withTools ?? {})).toEqual(["model", "max_tokens", "messages", "stop", "tools", "seed"]);
    expect(Object.keys(withJson ?? {})).toEqual(["model", "max_tokens", "messages", "seed"]);
  });

  test.each(familyNames.filter((name) => name !== "other"))("%s", async (family) => {
    const { maxTokensField, structuredOutput, parallelToolCalls, seedField } = families[family];
    const [withTools, withJson] = await sentBy({ family, sendsSeed: seedField !== null });
    expect(withTools).toMatchObject({ [maxTokensField]: 9, tools: [{ type: "function" }], stop: ["x"] });
    expect(withTools?.parallel_tool_calls).toBe(parallelToolCalls ? false : undefined);
    if (seedField !== null) expect(withTools).toMatchObject({ [seedField]: 2 });
    const formats: Record<string, unknown> = {
      json_schema: { response_format: { type: "json_schema", json_schema: jsonSchema } },
      json_object: { response_format: { type: "json_object" } },
      tool: { tool_choice: { type: "function", function: { name: "review" } } },
    };
    expect(withJson).toMatchObject(formats[structuredOutput.usual] as object);
  });

  test("an option of the user's own wins", async () => {
    const [withTools, withJson] = await sentBy({
      family: "openai",
      maxTokensField: "max_tokens",
      structuredOutput: "none",
      refuses: ["parallel_tool_calls", "stop"],
    });
    expect(withTools).toMatchObject({ max_tokens: 9 });
    expect(Object.keys(withTools ?? {})).toEqual(["model", "max_tokens", "messages", "tools"]);
    expect(Object.keys(withJson ?? {})).toEqual(["model", "max_tokens", "messages"]);
  });

  test("DeepSeek gets the thought before a tool call back, as its thinking mode demands", async () => {
    const endpoint = await startFaultyEndpoint();
    const lab = await startModelLab();
    open.push(endpoint, lab);
    const { teacher } = await lab.open({
      teacher: { provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "m", family: "deepseek" },
    });
    const toolCalls = [{ id: "c", name: "python", arguments: "{}" }];
    await teacher?.complete(
      { messages: [{ role: "assistant", content: "", reasoning: "thought", toolCalls }] },
      { sample: 0, signal },
    );
    expect(endpoint.requests[0]?.body.messages[0]).toMatchObject({ reasoning_content: "thought" });
  });

  const bearer = { authorization: "Bearer sk-secret" };
  test.each([
    ["other", bearer, bearer],
    ["azure", { "api-key": "sk-secret" }, { "api-key": "sk-secret" }],
    ["anthropic", bearer, { "x-api-key": "sk-secret", "anthropic-version": "2023-06-01" }],
  ])("the key goes where %s wants it, in requests and in the check", async (family, inRequest, inCheck) => {
    const about = ["authorization", "api-key", "x-api-key", "anthropic-version"];
    const seen: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      seen.push(request);
      const answer = { choices: [{ message: { content: "a" }, finish_reason: "stop" }] };
      response.end(JSON.stringify(request.method === "GET" ? { data: [] } : answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const lab = await startModelLab({ env: { SOME_KEY: "sk-secret" } });
    open.push(lab);
    try {
      const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
      const { teacher } = await lab.open({
        teacher: { provider: "openai-compatible", baseUrl, model: "m", family, apiKeyEnv: "SOME_KEY" },
      });
      await teacher?.check(signal);
      await teacher?.complete(ask("a"), { sample: 0, signal });
      const sent = seen.map(({ headers }) =>
        Object.fromEntries(about.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]]))),
      );
      expect(sent).toEqual([inCheck, inRequest]);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe("what a family lacks is told before anything is sent, with a way out", () => {
  test.each([
    [
      { family: "deepseek", structuredOutput: "json_schema" },
      /models\.teacher\.structuredOutput.*`structuredOutput: json_object`.*`family: other`/,
    ],
    [{ family: "anthropic", structuredOutput: "json_object" }, /`structuredOutput: tool`/],
    [{ family: "anthropic", sendsSeed: true }, /models\.teacher\.sendsSeed.*takes no seed.*Leave it out/],
    [
      { family: "azure", baseUrl: "https://x.openai.azure.com/openai/deployments/d" },
      /models\.teacher\.baseUrl.*\/openai\/v1`.*`model`/,
    ],
    [{ maxTokens: 100, maxTokensMost: 50 }, /models\.teacher\.maxTokensMost.*`50` and `100`/],
    [{ maxTokensMost: 50 }, /models\.teacher\.maxTokensMost.*no `maxTokens`/],
    [{ maxTokens: 100, contextTokens: 100 }, /models\.teacher\.maxTokens.*contextTokens/],
  ])("%j", async (options, says) => {
    expect(await refusal({ apiKeyEnv: null, ...options })).toMatch(says);
  });

  test("a family that does not exist is told with those there are", async () => {
    const lab = await startModelLab();
    open.push(lab);
    const asked = lab.open({
      teacher: { provider: "openai-compatible", baseUrl: "http://localhost:1/v1", model: "m", family: "openaii" },
    });
    await expect(asked).rejects.toThrow(/llama\.cpp/);
  });
});

test("docs/models.md says of the families what the list says (npm run docs:families writes it)", () => {
  const path = new URL("../../docs/models.md", import.meta.url);
  const page = readFileSync(path, "utf8");
  const written = withFamilies(page);
  if (process.env.TRACEMILL_WRITE_DOCS === "1") writeFileSync(path, written);
  else expect(page).toBe(written);
});
