import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterEach, expect, test } from "vitest";
import { UsageError } from "../../src/domain/errors.ts";
import { reviewShape } from "../../src/judges/read-review.ts";
import {
  serveTeacher,
  type TeacherServer,
  type TeacherServerOptions,
} from "../../src/models/offline-teacher/server.ts";
import { strictJsonSchema } from "../../src/prompts/json-schema.ts";
import { startModelLab } from "../kit/model-lab.ts";
import {
  carsProfile,
  lookOutput,
  observed,
  onlyErrors,
  recordMessages,
  said,
  seedMessages,
  skewnessQuestion,
  taskMessages,
} from "./offline-teacher-fixture.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(options: TeacherServerOptions = {}): Promise<TeacherServer> {
  const server = await serveTeacher(options);
  closers.push(() => server.close());
  return server;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "tracemill-teacher-"));
  closers.push(() => rm(path, { recursive: true }));
  return path;
}

async function post(url: string, body: unknown): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/chat/completions`, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, text: await response.text() };
}

const messages = taskMessages("/data/cars.json", skewnessQuestion);

test("the openai client reads its answers and lists its model, which says that it is a program", async () => {
  const { url } = await serve();
  const client = new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 });
  const completion = await client.chat.completions.create({
    model: "offline-teacher",
    messages: messages as OpenAI.ChatCompletionMessageParam[],
    seed: 1,
  });
  expect(completion.choices[0]).toMatchObject({ finish_reason: "stop", message: { role: "assistant" } });
  expect(completion.choices[0]?.message.content).toContain("<python>");
  expect(completion.usage?.total_tokens).toBe(
    (completion.usage?.prompt_tokens ?? 0) + (completion.usage?.completion_tokens ?? 0),
  );
  expect(completion.system_fingerprint).toContain("a program, not an LLM");
  const models = await client.models.list();
  expect(models.data.map((model) => model.id)).toEqual(["offline-teacher"]);
});

test("a stop string and everything after it is left out, and max_tokens cuts with finish_reason length", async () => {
  const { url } = await serve();
  const stopped = JSON.parse((await post(url, { messages, stop: ["</answer>", "</python>"] })).text);
  expect(stopped.choices[0].message.content).toContain("<python>");
  expect(stopped.choices[0].message.content).not.toContain("</python>");
  expect(stopped.choices[0].finish_reason).toBe("stop");
  const cut = JSON.parse((await post(url, { messages, max_tokens: 5 })).text);
  expect(cut.choices[0].message.content).toHaveLength(20);
  expect(cut.choices[0].finish_reason).toBe("length");
});

test("the same body gives the same bytes, in any order, from any server", async () => {
  const [one, other] = [await serve(), await serve()];
  const bodies = [
    { messages, seed: 4 },
    { messages: [...messages, said("look"), observed(lookOutput)], seed: 4 },
    { messages: seedMessages(carsProfile, 10), seed: 4 },
  ];
  const first = [];
  for (const body of bodies) first.push(await post(one.url, body));
  const second = [];
  for (const body of [...bodies].reverse()) second.unshift(await post(other.url, body));
  expect(second).toEqual(first);
});

test("the seed tells samples apart", async () => {
  const { url } = await serve({ errorRates: onlyErrors({ hallucinated: 0.5 }) });
  const asked = [...messages, said("look"), observed(lookOutput)];
  const texts = await Promise.all(Array.from({ length: 12 }, (_, seed) => post(url, { messages: asked, seed })));
  expect(new Set(texts.map(({ text }) => JSON.parse(text).choices[0].message.content)).size).toBeGreaterThan(1);
});

test.each([
  ["an unknown role", { messages: [{ role: "user", content: "Write a poem." }] }, "could not tell what it was asked"],
  ["no messages", { messages: [] }, "chat-completions request"],
])("%s is refused with 400 in OpenAI's error shape", async (_what, body, words) => {
  const { url } = await serve();
  const { status, text } = await post(url, body);
  expect(status).toBe(400);
  expect(JSON.parse(text).error).toMatchObject({
    type: "invalid_request_error",
    message: expect.stringContaining(words),
  });
});

test("started with a key it answers nobody without it: 401 in OpenAI's error shape, which never quotes a key", async () => {
  const log = join(await folder(), "log.jsonl");
  const { url } = await serve({ apiKey: "right-key-1234", log });
  const ask = (path: string, authorization?: string) =>
    fetch(`${url}${path}`, {
      ...(path === "/models" ? {} : { method: "POST", body: JSON.stringify({ messages, seed: 1 }) }),
      headers: authorization === undefined ? {} : { authorization },
    });
  for (const path of ["/chat/completions", "/models"]) {
    expect((await ask(path, "Bearer right-key-1234")).status).toBe(200);
    for (const sent of [undefined, "right-key-1234", "Bearer right-key-123", "Bearer right-key-12345", "Bearer "]) {
      const response = await ask(path, sent);
      expect(response.status).toBe(401);
      const text = await response.text();
      expect(text).not.toContain("right-key");
      expect(JSON.parse(text).error).toMatchObject({ type: "invalid_request_error", code: "invalid_api_key" });
    }
  }
  const wrong = new OpenAI({ baseURL: url, apiKey: "wrong", maxRetries: 0 });
  await expect(wrong.models.list()).rejects.toThrow(OpenAI.AuthenticationError);
  expect((await readFile(log, "utf8")).match(/"event":"received"/g)).toHaveLength(1);
});

test("it answers under its own name only, so that no card takes it for an LLM", async () => {
  const { url } = await serve();
  const { status, text } = await post(url, { model: "gpt-5", messages });
  expect(status).toBe(404);
  expect(JSON.parse(text).error.message).toContain("ask for `offline-teacher`, a program and not an LLM");
});

test("the log has a line for every request read and for every answer handed over whole", async () => {
  const log = join(await folder(), "log.jsonl");
  const { url } = await serve({ log });
  await post(url, { messages, seed: 1 });
  await post(url, { messages, seed: 2 });
  await expect.poll(async () => (await readFile(log, "utf8")).trim().split("\n").length).toBe(4);
  const lines = (await readFile(log, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const received = lines.filter((line) => line.event === "received");
  const answered = lines.filter((line) => line.event === "answered");
  expect(new Set(received.map((line) => line.request)).size).toBe(2);
  expect(answered.map((line) => line.request).sort()).toEqual(received.map((line) => line.request).sort());
});

test("planted errors go to the truth log and nowhere into the answer", async () => {
  const truthLog = join(await folder(), "truth.jsonl");
  const { url } = await serve({ truthLog, errorRates: onlyErrors({ hallucinated: 1 }) });
  const { text } = await post(url, { messages: [...messages, said("look"), observed(lookOutput)], seed: 7 });
  expect(text).not.toContain("hallucinated");
  expect(JSON.parse(await readFile(truthLog, "utf8"))).toMatchObject({
    role: "solver",
    kind: "hallucinated",
    seed: 7,
    detail: "skewness",
  });
});

test("a port that is taken is a usage error that names the way out", async () => {
  const { url } = await serve();
  const port = Number(new URL(url).port);
  await expect(serveTeacher({ port })).rejects.toThrow(UsageError);
  await expect(serveTeacher({ port })).rejects.toThrow("--port");
});

test("as a provider it is remembered across runs, whatever port it gets", async () => {
  const signal = new AbortController().signal;
  const log = join(await folder(), "log.jsonl");
  const env = { TRACEMILL_TEACHER_LOG: log };
  await using lab = await startModelLab({ env });
  const config = { teacher: { provider: "offline-teacher" } };
  const first = (await lab.open(config)).teacher;
  const second = (await lab.open(config)).teacher;
  expect(second?.identity).toEqual(first?.identity);
  await first?.check(signal);
  const request = { messages: messages as { role: "user" | "system"; content: string }[], stop: ["</python>"] };
  const paid = await first?.complete(request, { sample: 0, signal });
  const again = await second?.complete(request, { sample: 0, signal });
  expect(paid).toMatchObject({ remembered: false, finishReason: "stop", usage: { costUsd: 0, estimated: false } });
  expect(again).toMatchObject({ remembered: true, text: paid?.text });
  const other = (await lab.open({ teacher: { provider: "offline-teacher", errorRates: { hallucinated: 0.5 } } }))
    .teacher;
  expect(other?.identity).not.toEqual(first?.identity);
});

test.each(["json_schema", "tool", "json_object"])(
  "a judge that is asked with `structuredOutput: %s` writes JSON of the schema, as text",
  async (structuredOutput) => {
    const { url } = await serve({ errorRates: onlyErrors() });
    await using lab = await startModelLab({});
    const judge = { provider: "openai-compatible", baseUrl: url, model: "offline-teacher", structuredOutput };
    const model = (await lab.open({ judge })).judge;
    const asked = recordMessages(
      messages[1]?.content ?? "",
      "<python>\nx\n</python>\n<answer>@skewness[1.09]</answer>",
    );
    const names = ["clarity", "feasibility", "educational_value", "execution", "answer_quality", "alignment"];
    const shape = reviewShape(names);
    const answer = await model?.complete(
      {
        messages: asked as { role: "user" | "system"; content: string }[],
        jsonSchema: { name: "review", schema: strictJsonSchema(shape) },
      },
      { sample: 0, signal: new AbortController().signal },
    );
    expect(shape.parse(JSON.parse(answer?.text ?? ""))).toMatchObject({ criteria: { length: names.length } });
  },
);
