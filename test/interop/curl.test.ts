// A second client, curl, and a third, the openai package's own helpers, against the built `serve-teacher`.
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { criteria } from "../../src/judges/criteria.ts";
import { reviewShape } from "../../src/judges/read-review.ts";
import { answerSchema, printed, requests, toolsRequest } from "./requests.ts";
import { type CurlAnswer, curl, curlMissing, type ServedTeacher, serveBuilt } from "./served.ts";

type Call = { id: string; type: "function"; function: { name: string; arguments: string } };
interface Message {
  readonly role: string;
  readonly content: string | null;
  readonly tool_calls?: Call[];
}
interface Answer {
  readonly choices: { index: number; message: Message; finish_reason: string }[];
  readonly usage: Record<string, unknown>;
}
interface Chunk {
  readonly object: string;
  readonly choices: {
    index: number;
    delta: { role?: string; content?: string | null; tool_calls?: (Partial<Call> & { index: number })[] };
    finish_reason: string | null;
  }[];
  readonly usage?: Record<string, unknown> | null;
}

let teacher: ServedTeacher;
beforeAll(async () => {
  teacher = await serveBuilt();
});
afterAll(async () => {
  await teacher?.[Symbol.asyncDispose]();
});

const docs = (name: string) => fileURLToPath(new URL(`../../docs/requests/${name}`, import.meta.url));
const pretty = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Posts a body with curl, from stdin. */
function ask(body: unknown, ...args: string[]): Promise<CurlAnswer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const json = ["-H", "content-type: application/json", "--data-binary", "@-"];
  return curl([`${teacher.url}/chat/completions`, ...json, ...args], text);
}

async function answered(body: unknown): Promise<Answer> {
  const { status, text } = await ask(body);
  expect(status, text).toBe(200);
  return JSON.parse(text);
}

async function refused(body: unknown): Promise<{ status: number; message: string; param: string; code: string }> {
  const { status, text } = await ask(body);
  const { message, param, code, type } = JSON.parse(text).error;
  expect(type).toBe("invalid_request_error");
  return { status, message, param, code };
}

/** Server-sent events as a client reads them: the data of each, up to `[DONE]`, which has to be the last. */
function chunksIn({ text, headers, status }: CurlAnswer): Chunk[] {
  expect(status, text).toBe(200);
  expect(headers["content-type"]).toMatch(/^text\/event-stream/);
  const events = text.split("\n\n").filter((event) => event !== "");
  const data = events.map((event) => /^data: (.*)$/.exec(event)?.[1] ?? "");
  expect(data.at(-1)).toBe("[DONE]");
  return data.slice(0, -1).map((one) => JSON.parse(one));
}

/** The messages that the deltas of a stream add up to, by choice. */
function addedUp(chunks: readonly Chunk[]) {
  const choices: { index: number; role?: string; content: string; calls: Call[]; finish_reason?: string }[] = [];
  for (const { index, delta, finish_reason: reason } of chunks.flatMap((chunk) => chunk.choices)) {
    choices[index] ??= { index, content: "", calls: [] };
    const choice = choices[index];
    if (delta.role !== undefined) choice.role = delta.role;
    choice.content += delta.content ?? "";
    for (const { index: place, id = "", function: called } of delta.tool_calls ?? []) {
      choice.calls[place] ??= { id, type: "function", function: { name: called?.name ?? "", arguments: "" } };
      choice.calls[place].function.arguments += called?.arguments ?? "";
    }
    if (reason !== null) choice.finish_reason = reason;
  }
  return choices;
}

function whole({ choices }: Answer) {
  return choices.map(({ index, message, finish_reason }) => ({
    index,
    role: message.role,
    content: message.content ?? "",
    calls: message.tool_calls ?? [],
    finish_reason,
  }));
}

/** Goes on with a conversation until a message calls nothing, each call answered with what Python prints. */
async function solved(begun: Record<string, unknown> & { messages: readonly object[] }) {
  const messages = [...begun.messages];
  for (let calls = 0; calls < 12; calls++) {
    const [choice] = (await answered({ ...begun, messages })).choices;
    if (choice === undefined) throw new Error("Expected a choice");
    const [call, ...others] = choice.message.tool_calls ?? [];
    if (call === undefined) return { choice, calls, messages };
    expect(choice.finish_reason).toBe("tool_calls");
    expect(others).toEqual([]);
    const { code } = z.strictObject({ code: z.string() }).parse(JSON.parse(call.function.arguments));
    messages.push(choice.message, { role: "tool", tool_call_id: call.id, content: printed(code) });
  }
  throw new Error("Expected an answer within 12 calls");
}

describe.skipIf(curlMissing !== null)(
  `curl against serve-teacher${curlMissing ? ` (skipped: ${curlMissing})` : ""}`,
  () => {
    test.each(Object.keys(requests))("docs/requests/%s.json gets the answer that stands beside it", async (name) => {
      // `npx vitest run test/interop -u` writes both anew where the prompts or the teacher have changed.
      await expect(pretty(requests[name])).toMatchFileSnapshot(docs(`${name}.json`));
      // The same text from stdin: vitest writes the file after the test.
      const answer = await curl([`${teacher.url}/chat/completions`, "-d", "@-"], pretty(requests[name]));
      expect(answer.status).toBe(200);
      const [shown, kind] = name === "stream" ? [answer.text, "txt"] : [pretty(JSON.parse(answer.text)), "json"];
      await expect(shown).toMatchFileSnapshot(docs(`${name}.answer.${kind}`));
    });

    test("a stream's deltas add up to the answer that is not streamed, in several pieces, with the same usage", async () => {
      for (const body of [requests.chat, toolsRequest, requests["json-schema"], { ...toolsRequest, n: 2 }]) {
        const atOnce = await answered(body);
        const chunks = chunksIn(await ask({ ...body, stream: true, stream_options: { include_usage: true } }));
        expect(addedUp(chunks)).toEqual(whole(atOnce));
        expect(chunks[0]?.choices[0]?.delta).toMatchObject({ role: "assistant" });
        expect(chunks.length).toBeGreaterThan(8);
        expect(chunks.every(({ object }) => object === "chat.completion.chunk")).toBe(true);
        expect(chunks.at(-1)).toMatchObject({ choices: [], usage: atOnce.usage });
        expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
        const bare = chunksIn(await ask({ ...body, stream: true }));
        expect(addedUp(bare)).toEqual(whole(atOnce));
        expect(bare.every((chunk) => !("usage" in chunk) && chunk.choices.length === 1)).toBe(true);
      }
    });

    test("a whole conversation of calls ends with the answer, or with JSON of the schema that was sent", async () => {
      const plain = await solved(toolsRequest);
      expect(plain.calls).toBeGreaterThanOrEqual(2);
      expect(plain.choice.finish_reason).toBe("stop");
      expect(plain.choice.message.content).toMatch(/\n<answer>\n@skewness\[1\.09\]\n<\/answer>$/);
      const schema = { name: "answer", strict: true, schema: answerSchema };
      const typed = await solved({ ...toolsRequest, response_format: { type: "json_schema", json_schema: schema } });
      expect(JSON.parse(typed.choice.message.content ?? "")).toEqual({ skewness: 1.09 });
      const loose = await solved({ ...toolsRequest, response_format: { type: "json_object" } });
      expect(JSON.parse(loose.choice.message.content ?? "")).toEqual({ answer: "@skewness[1.09]" });
      const impossible = {
        name: "answer",
        schema: { ...answerSchema, properties: { skewness: { type: "number", maximum: 1 } } },
      };
      const last = { ...toolsRequest, messages: plain.messages };
      expect(
        await refused({ ...last, response_format: { type: "json_schema", json_schema: impossible } }),
      ).toMatchObject({
        status: 400,
        param: "response_format",
        message: expect.stringContaining("cannot meet this schema"),
      });
      expect(await refused({ ...last, tool_choice: "required" })).toMatchObject({ status: 400, param: "tool_choice" });
      expect((await answered({ ...toolsRequest, tool_choice: "required" })).choices[0]?.finish_reason).toBe(
        "tool_calls",
      );
      const python = { type: "function", function: { name: "python" } };
      expect((await answered({ ...toolsRequest, tool_choice: python })).choices[0]?.message.tool_calls).toHaveLength(1);
      const none = (await answered({ ...toolsRequest, tool_choice: "none" })).choices[0];
      expect(none).toMatchObject({ finish_reason: "stop", message: { content: expect.stringContaining("<answer>") } });
      expect(none?.message).not.toHaveProperty("tool_calls");
    });

    test("a review satisfies the schema that is sent, as a text and as the arguments of a forced call, also where it errs", async () => {
      await using erring = await serveBuilt(["--error-rate", "judge_malformed=1"]);
      const { response_format: format, ...rest } = requests["json-schema"] as {
        response_format: { json_schema: { schema: object } };
      };
      const names = criteria.map(({ name }) => name);
      const shape = reviewShape(names);
      const review = { type: "function", function: { name: "review", parameters: format.json_schema.schema } };
      const forced = { ...rest, tools: [review], tool_choice: { type: "function", function: { name: "review" } } };
      for (const [url, expected] of [
        [teacher.url, names.length],
        [erring.url, names.length - 1],
      ] as const) {
        for (const body of [{ ...rest, response_format: format }, forced, { ...forced, tool_choice: "required" }]) {
          for (const seed of [1, 2, 3, 4]) {
            const { text } = await curl([`${url}/chat/completions`, "-d", "@-"], JSON.stringify({ ...body, seed }));
            const { message } = (JSON.parse(text) as Answer).choices[0] ?? { message: null };
            const json = message?.tool_calls?.[0]?.function.arguments ?? message?.content ?? "";
            expect(shape.parse(JSON.parse(json))).toMatchObject({ criteria: { length: expected } });
          }
        }
      }
      const other = { name: "verdict", schema: { ...answerSchema, properties: { skewness: { type: "integer" } } } };
      expect(await refused({ ...rest, response_format: { type: "json_schema", json_schema: other } })).toMatchObject({
        status: 400,
        param: "response_format",
      });
    });

    test("n gives answers by seed, each that of its own request; stop and both token limits cut", async () => {
      const many = await answered({ ...requests.chat, seed: 3, n: 4 });
      const alone = await Promise.all([3, 4, 5, 6].map((seed) => answered({ ...requests.chat, seed })));
      expect(many.choices.map(({ message }) => message.content)).toEqual(
        alone.map(({ choices }) => choices[0]?.message.content),
      );
      expect(new Set(many.choices.map(({ message }) => message.content)).size).toBeGreaterThan(1);
      expect(many.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
      for (const limit of [{ max_tokens: 5 }, { max_completion_tokens: 5 }]) {
        const [cut] = (await answered({ ...toolsRequest, ...limit })).choices;
        expect(cut?.finish_reason).toBe("length");
        expect(cut?.message.content).toHaveLength(20);
        expect(cut?.message).not.toHaveProperty("tool_calls");
      }
      const [torn] = (await answered({ ...toolsRequest, max_tokens: 60 })).choices;
      expect(torn?.finish_reason).toBe("length");
      expect(() => JSON.parse(torn?.message.tool_calls?.[0]?.function.arguments ?? "")).toThrow();
    });

    test.each<[string, object | string, object]>([
      [
        "a stranger",
        { messages: [{ role: "user", content: "hello" }] },
        { param: "messages", message: expect.stringContaining("a program, not an LLM") },
      ],
      ["no JSON", "hello", { message: expect.stringContaining("a JSON body") }],
      ["log probabilities", { ...requests.chat, logprobs: true }, { param: "logprobs", code: "unsupported_parameter" }],
      [
        "a picture",
        { messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] },
        { param: "messages[0].content" },
      ],
      [
        "a function that is not there",
        { ...toolsRequest, tool_choice: { type: "function", function: { name: "shell" } } },
        { param: "tool_choice" },
      ],
      [
        "a call without an answer",
        {
          ...toolsRequest,
          messages: [
            ...toolsRequest.messages,
            {
              role: "assistant",
              content: null,
              tool_calls: [{ id: "a", type: "function", function: { name: "python", arguments: "{}" } }],
            },
          ],
        },
        { param: "messages" },
      ],
      [
        "an answer without a call",
        { ...toolsRequest, messages: [...toolsRequest.messages, { role: "tool", tool_call_id: "a", content: "1" }] },
        { param: "messages[2]" },
      ],
      ["calls without the function", { ...toolsRequest, tools: [] }, { param: "tools" }],
      [
        "a format that is none",
        { ...requests.chat, response_format: { type: "xml" } },
        { param: "response_format.type" },
      ],
      [
        "JSON alone where code has to run",
        { ...requests.chat, response_format: { type: "json_object" } },
        { param: "response_format" },
      ],
    ])("%s gets a 400 that names the field, also of a stream", async (_what, body, expected) => {
      expect(await refused(body)).toMatchObject({ status: 400, ...expected });
      if (typeof body === "object")
        expect(await refused({ ...body, stream: true })).toMatchObject({ status: 400, ...expected });
    });

    test("fields it does not know are ignored; other models, paths, methods and long bodies are told apart by status", async () => {
      expect(
        whole(await answered({ ...requests.chat, temperature: 0.3, user: "me", metadata: { a: "b" } })).map(
          ({ content }) => content,
        ),
      ).toEqual(whole(await answered(requests.chat)).map(({ content }) => content));
      expect(await refused({ ...requests.chat, model: "gpt-5" })).toMatchObject({
        status: 404,
        param: "model",
        code: "model_not_found",
      });
      const at = async (path: string, ...args: string[]) => {
        const { status, headers, text } = await curl([`${teacher.url}${path}`, ...args]);
        expect(headers["x-request-id"]).toMatch(/^req_[0-9a-f]{32}$/);
        return { status, allow: headers.allow, text };
      };
      expect(JSON.parse((await at("/models/offline-teacher")).text)).toEqual(
        JSON.parse((await at("/models")).text).data[0],
      );
      expect(await at("/models/gpt-5")).toMatchObject({ status: 404 });
      expect(await at("/models", "-I")).toMatchObject({ status: 200, text: "" });
      expect(await at("/chat/completions", "-X", "OPTIONS")).toMatchObject({ status: 204, allow: "POST, OPTIONS" });
      expect(await at("/chat/completions")).toMatchObject({ status: 405, allow: "POST, OPTIONS" });
      expect(await at("/completions", "-d", "{}")).toMatchObject({ status: 404 });
      const long = await ask(JSON.stringify({ ...requests.chat, user: "x".repeat(33 * 2 ** 20) })).catch(() => null);
      // curl may see the connection end before it has read the refusal of what it still sends.
      if (long !== null) expect(long.status).toBe(413);
      expect((await ask(requests.chat)).status).toBe(200);
    });

    test("a key is asked for, and Ctrl-C ends the server with 0", async () => {
      await using keyed = await serveBuilt(["--api-key-env", "TEACHER_KEY"], { TEACHER_KEY: "right-key-1234" });
      const post = (...args: string[]) =>
        curl([`${keyed.url}/chat/completions`, "-d", `@${docs("chat.json")}`, ...args]);
      const none = await post();
      expect(none.status).toBe(401);
      expect(JSON.parse(none.text).error).toMatchObject({ code: "invalid_api_key" });
      expect((await post("-H", "Authorization: Bearer wrong")).status).toBe(401);
      expect((await post("-H", "Authorization: Bearer right-key-1234")).status).toBe(200);
      expect(await keyed.interrupt()).toBe(0);
    });
  },
);

describe("the openai client against serve-teacher", () => {
  const client = () => new OpenAI({ baseURL: teacher.url, apiKey: "none", maxRetries: 0 });

  test("its stream helper adds up what it says, its usage and its end", async () => {
    const body = toolsRequest as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming & { stream?: never };
    const streamed = await client()
      .chat.completions.stream({ ...body, stream_options: { include_usage: true } })
      .finalChatCompletion();
    const atOnce = await client().chat.completions.create(body);
    expect(streamed.choices[0]?.message.tool_calls?.[0]).toMatchObject(
      atOnce.choices[0]?.message.tool_calls?.[0] as object,
    );
    expect(streamed.usage).toEqual(atOnce.usage);
    expect(streamed.choices[0]?.finish_reason).toBe("tool_calls");
  });

  test("its tool runner works a question out, streamed and whole", async () => {
    const codes: string[] = [];
    const [offered] = toolsRequest.tools as unknown as [
      { function: { description: string; parameters: Record<string, unknown> } },
    ];
    const python = {
      type: "function" as const,
      function: {
        name: "python",
        ...offered.function,
        parse: JSON.parse,
        function: ({ code }: { code: string }) => {
          codes.push(code);
          return printed(code);
        },
      },
    };
    const body = {
      model: "offline-teacher",
      seed: 1,
      messages: toolsRequest.messages as unknown as OpenAI.ChatCompletionMessageParam[],
      tools: [python],
    };
    const unstreamed = await client().chat.completions.runTools(body).finalContent();
    const streamed = await client()
      .chat.completions.runTools({ ...body, stream: true })
      .finalContent();
    expect(unstreamed).toContain("@skewness[1.09]");
    expect(streamed).toBe(unstreamed);
    expect(codes.length).toBeGreaterThanOrEqual(4);
  });
});
