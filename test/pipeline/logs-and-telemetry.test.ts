// A run is watched: its log, what is never written down, and what a collector gets.
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../../src/engine/store.ts";
import type { CliEnd } from "../kit/cli.ts";
import { type Fault, type FaultyEndpoint, startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../kit/otlp-receiver.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";
import { modelAt, setBaseUrl, teacherEndpoint, tinyConfig } from "../kit/teacher-endpoint.ts";

const missing = await sandboxMissing();
const skipped = missing === null ? "" : ` (skipped: ${missing})`;
const timeout = 300_000;

// One for every way in which a secret comes to a run; characters that URLs and JSON write differently among them.
const secrets = {
  PLANTED_KEY: "plnt-api+Key/51c08e7d&9f4=aQ",
  customHeader: "custom-9d41Header-0b7c66e2",
  otlpHeader: "otlp-73ab90Header-e81f2d05",
  otlpUser: "otlpuser-5f0e91",
  otlpPassword: "otlppass-c27d88a1b3",
  UNUSED_TOKEN: "unused-2e6b44f10c9dToken",
};

/** A secret as it is, and as an encoding would hide it from a plain search. */
function forms(secret: string): string[] {
  const inBase64 = ["", "x", "xy"].map((before) => {
    const text = Buffer.from(`${before}${secret}`).toString("base64");
    return text.slice(4, -4); // whatever stands before and after it
  });
  return [
    secret,
    encodeURIComponent(secret),
    ...inBase64,
    ...inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    Buffer.from(secret).toString("hex"),
    JSON.stringify(secret).slice(1, -1),
  ];
}

const allForms = Object.entries(secrets).flatMap(([name, secret]) => forms(secret).map((form) => ({ name, form })));

/** Which secrets stand in these bytes. */
function secretsIn(where: string, bytes: Buffer | string): string[] {
  return allForms.filter(({ form }) => bytes.includes(form)).map(({ name, form }) => `${where}: ${name} as ${form}`);
}

describe.skipIf(missing !== null)(`a run that is watched${skipped}`, () => {
  const { PLANTED_KEY: key } = secrets;
  let calm: FaultyEndpoint;
  let files: SmallRun;
  let output: string;
  let collector: OtlpReceiver;
  let first: CliEnd;
  const ends: CliEnd[] = [];

  // The key as endpoints and proxies give it back.
  const echoes: Readonly<Record<number, Fault>> = {
    0: {
      kind: "status",
      status: 429,
      headers: { "retry-after-ms": "60", "x-echo": key },
      body: { error: { message: `Slow down, Bearer ${key}` } },
    },
    2: {
      kind: "status",
      status: 302,
      headers: { location: `http://127.0.0.1:1/v1?api_key=${encodeURIComponent(key)}` },
    },
    4: { kind: "status", status: 500, body: `authorization: ${Buffer.from(`Bearer ${key}`).toString("base64")}` },
  };
  const later = { error: { message: `upstream said ${encodeURIComponent(key)} and ${secrets.customHeader}` } };

  function env(endpoint: string): Record<string, string> {
    const { host } = new URL(endpoint);
    return {
      PLANTED_KEY: key,
      UNUSED_TOKEN: secrets.UNUSED_TOKEN,
      OPENAI_CUSTOM_HEADERS: `X-Planted: ${secrets.customHeader}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${secrets.otlpUser}:${secrets.otlpPassword}@${host}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_HEADERS: `x-otlp-key=${secrets.otlpHeader}`,
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    };
  }

  const logOf = (folder: string) =>
    readFileSync(join(folder, "runs/latest/run.log"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  beforeAll(async () => {
    calm = await teacherEndpoint();
    collector = await startOtlpReceiver();
    files = await smallRun({ model: modelAt(calm.baseUrl, { apiKeyEnv: "PLANTED_KEY" }), config: tinyConfig });
    output = files.output;
    await using shaky = await teacherEndpoint({
      faults: (_body, index) =>
        echoes[index] ?? (index >= 14 && index < 18 ? { kind: "status", status: 500, body: later } : null),
    });
    first = await files.run({
      set: [...setBaseUrl(shaky.baseUrl), `export.title=${secrets.UNUSED_TOKEN}`, "models.judge.temperature=0.3"],
      args: ["--verbose", "--log-level", "trace"],
      env: env(collector.url),
    });
    ends.push(first);
    // Otherwise nothing below would prove anything.
    expect(shaky.requests[0]?.headers.authorization).toBe(`Bearer ${key}`);
    expect(shaky.requests[0]?.headers["x-planted"]).toBe(secrets.customHeader);
    expect(collector.requests[0]?.headers["x-otlp-key"]).toBe(secrets.otlpHeader);
  }, timeout);
  afterAll(async () => {
    await calm[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  });

  test("owes what broke, and its log says what was tried again, paused and owed, where and why", async () => {
    expect(first.code, first.stderr).toBe(3);
    const log = logOf(output);
    const [start] = log;
    expect(start).toMatchObject({ level: "info", message: "Tracemill starts", node: process.version });
    expect(log.find(({ message }) => message === "Endpoint paused")).toMatchObject({
      ...{ level: "warn", stage: "propose", alias: "proposer", attempt: 1, status: 429, pauseMs: 60 },
      reason: "429 Slow down, Bearer [key]",
    });
    const again = log.find(({ message }) => message === "Trying again");
    expect(again).toMatchObject({ level: "warn", status: 429 });
    expect(again?.waitMs).toBeGreaterThanOrEqual(60); // what it asked for, and the jitter after it
    const { funnel } = await files.summary();
    const owed = funnel.reduce((sum, row) => sum + row.failed, 0);
    expect(owed).toBeGreaterThan(0);
    const failed = log.filter(({ message }) => message === "Item failed: it is owed");
    expect(failed).toHaveLength(owed);
    expect(failed[0]).toMatchObject({ level: "error", broke: "provider", item: expect.stringMatching(/_/) });
    expect(failed[0]?.reason).toMatch(/upstream said \[key\] and \[key\]/);
    expect(log.at(-1)).toMatchObject({ message: "Run ended", status: "owed" });
    const notes = (await files.events()).filter((event) => event.type === "note");
    expect(notes.map((note) => note.message)).toEqual([
      expect.stringMatching(/asked to be left alone \(429 Slow down, Bearer \[key\]\): nobody asks it for 0\.06 s$/),
    ]);
  });

  test("shows with --verbose each request and step, above the display", () => {
    expect(first.stderr).toMatch(
      /^\d\d:\d\d:\d\d debug Request stage=propose item=seed_\w+ alias=proposer .*attempt=1/m,
    );
    expect(first.stderr).toMatch(/^\d\d:\d\d:\d\d debug Step stage=\w+ .*end=ok remembered=false/m);
    expect(first.stderr).toMatch(/^\d\d:\d\d:\d\d trace Answer's text /m);
  });

  test("sends spans from the run down to each chat and step, by the conventions' names", () => {
    const spans = collector.spans();
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const parentage = new Set(spans.map((span) => `${byId.get(span.parent ?? "")?.name ?? "-"} > ${span.name}`));
    for (const pair of [
      "- > invoke_workflow sft",
      "invoke_workflow sft > propose",
      "invoke_workflow sft > rollouts",
      "propose > invoke_agent react",
      "rollouts > invoke_agent react",
      "invoke_agent react > chat offline-teacher",
      "invoke_agent react > execute_tool python",
      "reference > execute_tool python",
      "judge > chat offline-teacher",
    ]) {
      expect(parentage).toContain(pair);
    }
    expect(spans.filter((span) => span.parent !== null && !byId.has(span.parent))).toEqual([]);
    expect(new Set(spans.filter(({ name }) => name.startsWith("chat ")).map(({ kind }) => kind))).toEqual(new Set([3]));

    const judged = spans.find(
      ({ name, parent, status }) =>
        name.startsWith("chat ") && byId.get(parent ?? "")?.name === "judge" && status === 0,
    );
    expect(judged?.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "offline-teacher",
      "gen_ai.request.temperature": 0.3,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": expect.any(Number),
      "gen_ai.usage.output_tokens": expect.any(Number),
      "server.address": "127.0.0.1",
      "tracemill.remembered": false,
    });
    const tool = spans.find(({ name }) => name === "execute_tool python");
    expect(tool?.attributes).toMatchObject({
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "python",
      "tracemill.step.end": "ok",
    });
    expect(
      spans.some(
        ({ events, attributes }) => events.includes("tracemill.retry") && attributes["tracemill.retries"] === 1,
      ),
    ).toBe(true);
  });

  test("marks what failed as an error and what was rejected not", async () => {
    const spans = collector.spans().filter(({ attributes }) => "tracemill.stage" in attributes);
    const rejected = spans.filter(({ attributes }) => attributes["tracemill.outcome"] === "rejected");
    const failed = spans.filter(({ attributes }) => attributes["tracemill.outcome"] === "failed");
    expect(failed.length).toBeGreaterThan(0);
    for (const { status, attributes } of failed) {
      expect([status, attributes["error.type"]]).toEqual([2, "provider"]);
    }
    for (const { status, attributes } of rejected) {
      expect([status, attributes["tracemill.rejection.code"]]).toEqual([0, expect.stringMatching(/^[a-z_]+$/)]);
    }
    const { funnel } = await files.summary();
    const each = funnel.filter(({ stage }) => !["dedupe", "select"].includes(stage)); // these see all items at once
    expect(rejected).toHaveLength(each.reduce((sum, row) => sum + row.rejected, 0));
  });

  test("counts tokens, durations, items and requests as the summary does", async () => {
    const points = collector.points();
    const { funnel, requests } = await files.summary();
    const value = (metric: string, attributes: object) =>
      points
        .filter((point) => point.metric === metric)
        .filter((point) => Object.entries(attributes).every(([name, wanted]) => point.attributes[name] === wanted))
        .reduce((sum, point) => sum + point.value, 0);
    for (const row of funnel) {
      for (const outcome of ["passed", "rejected", "failed"] as const) {
        expect(value("tracemill.items", { "tracemill.stage": row.stage, "tracemill.outcome": outcome })).toBe(
          row[outcome],
        );
      }
    }
    expect(value("tracemill.requests", { "tracemill.outcome": "sent" })).toBe(requests.sent);
    expect(value("tracemill.sandboxes.open", {})).toBe(0);
    const answered = requests.sent - requests.failed;
    expect(value("gen_ai.client.token.usage", { "gen_ai.token.type": "input" })).toBe(answered);
    expect(points.find(({ metric }) => metric === "gen_ai.client.token.usage")).toMatchObject({
      unit: "{token}",
      attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "offline-teacher" },
    });
    expect(points.find(({ metric }) => metric === "gen_ai.client.operation.duration")?.unit).toBe("s");
    expect(collector.resource()).toMatchObject({ "service.name": "tracemill", "deployment.environment.name": "test" });
  });

  test("sends nothing of what was asked and answered unless it is told to", () => {
    const names = collector.spans().flatMap(({ attributes }) => Object.keys(attributes));
    expect(names.filter((name) => /messages|arguments|result/.test(name))).toEqual([]);
    for (const { body } of collector.requests) expect(body.includes("import pandas")).toBe(false);
  });

  test(
    "told to, sends them for a share of the items, these whole; the next run is done and remembers",
    async () => {
      await using receiver = await startOtlpReceiver();
      const { OTEL_EXPORTER_OTLP_ENDPOINT: _, ...rest } = env(receiver.url);
      const end = await files.run({
        set: ["models.judge.temperature=0.3"],
        args: ["--verbose", "--log-level", "debug"],
        env: {
          ...rest,
          OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
          OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "true",
          OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
          OTEL_TRACES_SAMPLER_ARG: "0.4",
        },
      });
      ends.push(end);
      expect(end.code, end.stderr).toBe(0);
      const spans = receiver.spans();
      const items = spans.filter(({ attributes }) => "tracemill.stage" in attributes);
      const { funnel } = await files.summary();
      const all = funnel
        .filter(({ stage }) => !["dedupe", "select"].includes(stage))
        .reduce((sum, row) => sum + row.in, 0);
      expect(items.length).toBeGreaterThan(0.1 * all);
      expect(items.length).toBeLessThan(0.7 * all);
      const ids = new Set(spans.map(({ spanId }) => spanId));
      expect(spans.filter(({ parent }) => parent !== null && !ids.has(parent))).toEqual([]);
      const chats = spans.filter(({ name }) => name.startsWith("chat "));
      expect(chats.length).toBeGreaterThan(0);
      expect(chats.some(({ attributes }) => attributes["tracemill.remembered"] === true)).toBe(true);
      for (const { attributes } of chats) {
        expect(JSON.parse(String(attributes["gen_ai.input.messages"]))[0]).toMatchObject({
          role: "system",
          parts: [{ type: "text" }],
        });
        expect(JSON.parse(String(attributes["gen_ai.output.messages"]))[0]).toMatchObject({
          role: "assistant",
          finish_reason: "stop",
        });
      }
      expect(receiver.requests.some(({ path }) => path === "/v1/metrics")).toBe(false);
      expect(receiver.requests.flatMap(({ body }) => secretsIn("sent", body))).toEqual([]);
    },
    timeout,
  );

  test(
    "loads nothing of OpenTelemetry and sends nothing where no endpoint is named",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "tracemill-loaded-"));
      const preload = join(folder, "loaded.mjs");
      await writeFile(
        preload,
        `import { createRequire } from "node:module";
         const require = createRequire(import.meta.url);
         process.on("exit", () => console.log("loaded", Object.keys(require.cache).filter((path) => path.includes("@opentelemetry")).length));`,
      );
      const run = (more: Record<string, string>) =>
        files.run({ preload, set: ["models.judge.temperature=0.3"], env: { PLANTED_KEY: key, ...more } });
      const without = await run({
        OTEL_SERVICE_NAME: "x",
        OTEL_EXPORTER_OTLP_HEADERS: `x-otlp-key=${secrets.otlpHeader}`,
      });
      expect(without.stdout, without.stderr).toMatch(/loaded 0$/m);
      await using receiver = await startOtlpReceiver();
      // The specification's own default is protobuf.
      const withIt = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
      expect(withIt.stdout, withIt.stderr).toMatch(/loaded [1-9]\d*$/m);
      const sent = receiver.requests.filter(({ path }) => path === "/v1/traces");
      expect(sent[0]?.headers["content-type"]).toBe("application/x-protobuf");
      expect(sent.some(({ body }) => body.includes("invoke_workflow sft"))).toBe(true);
      await rm(folder, { recursive: true });
      ends.push(without, withIt);
    },
    timeout,
  );

  test.each(["dead", "silent"])(
    "a %s collector neither fails nor holds a run, and the log says so once",
    async (how) => {
      const receiver = await startOtlpReceiver({ silent: true });
      if (how === "dead") await receiver[Symbol.asyncDispose]();
      const end = await files.run({
        set: ["models.judge.temperature=0.3"],
        env: { ...env(receiver.url), OTEL_EXPORTER_OTLP_TIMEOUT: "400" },
      });
      if (how === "silent") await receiver[Symbol.asyncDispose]();
      ends.push(end);
      expect(end.code, end.stderr).toBe(0);
      const told = logOf(output).filter(({ message }) => String(message).startsWith("Telemetry did not arrive"));
      expect(told).toEqual([expect.objectContaining({ level: "warn" })]);
    },
    timeout,
  );

  test(
    "an error that nobody caught is told as a bug, without what hangs on it, and is the log's last line",
    async () => {
      const preload = join(files.folder, "stray.mjs");
      await writeFile(
        preload,
        `import fs from "node:fs";
         import { syncBuiltinESMExports } from "node:module";
         const { writeSync } = fs;
         fs.writeSync = (file, data, ...rest) => {
           if (String(data).includes('"type":"item"')) {
             const error = Object.assign(new Error("stray"), { headers: { authorization: "Bearer " + process.env.PLANTED_KEY } });
             setImmediate(() => Promise.reject(error));
           }
           return writeSync(file, data, ...rest);
         };
         syncBuiltinESMExports();`,
      );
      const end = await files.run({ preload, set: ["models.judge.temperature=0.3"], env: env(collector.url) });
      expect(end.code, end.stderr).toBe(1);
      expect(end.stderr).toMatch(
        /^tracemill: this is a bug in Tracemill, .*what was committed is kept\.\nError: stray/m,
      );
      expect(end.stderr).toContain("Bearer [key]");
      expect(logOf(output).at(-1)).toMatchObject({ level: "error", message: "The process broke" });
      ends.push(end);
    },
    timeout,
  );

  test(
    "a key that the endpoint refuses, and a run that a bug breaks, are told in the log without the key",
    async () => {
      const refusal = { error: { message: `Incorrect API key provided: ${key}`, code: "invalid_api_key" } };
      await using refusing = await teacherEndpoint({ faults: () => ({ kind: "status", status: 401, body: refusal }) });
      const refused = await files.run({
        set: [...setBaseUrl(refusing.baseUrl), "seed=7"],
        args: ["--verbose", "--log-level", "trace"],
        env: env(collector.url),
      });
      expect(refused.code, refused.stderr).toBe(2);
      expect(refused.stderr).toContain("Incorrect API key provided: [key]");
      expect(logOf(output).filter(({ level }) => level === "error")).toEqual([
        expect.objectContaining({ message: "The run broke off", error: expect.stringContaining("provided: [key]") }),
      ]);
      {
        await using store = await openStore(join(output, "store/values"));
        const [completion] = [...store.keys("completion/")].map((name) => [name, store.get(name)] as const);
        const [name, value] = completion as [string, object];
        // A remembered completion that does not fit its own version can only come from a bug.
        for (const one of store.keys("completion/"))
          await store.put(one, { ...(store.get(one) as object), value: key });
        await store.put(name, { ...value, value: key });
      }
      const crashed = await files.run({
        set: ["models.judge.temperature=0.3"],
        args: ["--log-level", "trace"],
        env: env(collector.url),
      });
      expect(crashed.code, crashed.stderr).toBe(1);
      expect(logOf(output).at(-1)).toMatchObject({
        level: "error",
        error: expect.stringContaining("Stage `propose` broke on item"),
      });
      ends.push(refused, crashed);
    },
    timeout,
  );

  test("no secret stands in any file, in what was printed, or in what was sent", async () => {
    expect(ends).toHaveLength(9);
    for (const { stdout, stderr } of ends) expect(secretsIn("printed", `${stdout}\n${stderr}`)).toEqual([]);
    for (const { path, body } of collector.requests) expect(secretsIn(path, body)).toEqual([]);
    const paths = readdirSync(output, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith(".mdb"))
      .map((entry) => join(entry.parentPath, entry.name));
    expect(paths.filter((path) => path.endsWith("run.log"))).toHaveLength(9);
    expect(paths.flatMap((path) => secretsIn(path, readFileSync(path)))).toEqual([]);
    // Values are compressed: read through the store. (The test itself planted the key in the completions, to break the last run.)
    await using store = await openStore(join(output, "store/values"));
    const keys = [...store.keys("")].filter((name) => !name.startsWith("completion/"));
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.flatMap((name) => secretsIn(name, `${name} ${JSON.stringify(store.get(name))}`))).toEqual([]);
  });

  test(
    "a key in a model's answer is told and counted, kept out of log and events, and stays in the store byte for byte",
    async () => {
      const said = `<reasoning>Done.</reasoning>\n<answer>the key is ${key}</answer>`;
      await using echoing = await startFaultyEndpoint({ answer: [said] });
      await using receiver = await startOtlpReceiver();
      const folder = join(files.folder, "echoing");
      const end = await files.run({
        output: folder,
        set: setBaseUrl(echoing.baseUrl),
        args: ["--verbose", "--log-level", "trace"],
        env: { ...env(receiver.url), OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "span_only" },
      });
      expect(end.code, end.stderr).toBe(5);
      expect(receiver.requests.some(({ body }) => body.includes("the key is [key]"))).toBe(true);
      for (const { path, body } of receiver.requests) expect(secretsIn(path, body)).toEqual([]);
      expect(end.stderr).toContain(
        "A key of this run stands in what model `proposer` answered (first at stage propose, item seed_",
      );
      const events = await files.events(folder);
      expect(
        events.some((event) => event.type === "note" && event.message.startsWith("A key of this run stands in")),
      ).toBe(true);
      const run = join(folder, "runs/latest");
      for (const name of ["run.log", "events.jsonl", "manifest.json", "summary.json"]) {
        expect(secretsIn(name, readFileSync(join(run, name)))).toEqual([]);
      }
      expect(secretsIn("printed", end.stderr)).toEqual([]);
      await using store = await openStore(join(folder, "store/values"));
      const [completion] = [...store.keys("completion/")];
      expect(store.get(completion as string)).toMatchObject({ value: { text: said } });
    },
    timeout,
  );

  test("what a person writes into a config in the wrong place is refused without being shown", async () => {
    const misplaced = [
      `models.proposer.baseUrl=https://user:${key}@models.example/v1`,
      `models.proposer.headers.Authorization="Bearer ${key}"`,
      `models.teacher.baseUrl=https://models.example/v1?api_key=${encodeURIComponent(key)}`,
      `models.teacher.body.access_token="${key}"`,
      `models.judge.headers.X-Auth-Token="${key}"`,
      `models.judge.apiKey="${key}"`,
    ];
    const end = await files.run({ output: join(files.folder, "refused"), set: misplaced, env: {} });
    expect(end.code, end.stderr).toBe(2);
    for (const change of misplaced) {
      const [, alias, option] = /^models\.(\w+)\.(\w+)/.exec(change) ?? [];
      expect(end.stderr).toContain(`- models.${alias}.${option}`);
    }
    expect(secretsIn("printed", end.stdout + end.stderr), end.stderr).toEqual([]);
  });
});
