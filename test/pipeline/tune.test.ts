// `tracemill tune` against servers that speak each service's protocol: from the file to the tuned model, and everything that goes wrong between.
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { exampleExporters } from "../../src/exports/index.ts";
import { packageRoot } from "../../src/package.ts";
import { tracemill } from "../kit/cli.ts";
import { fireworksKey, serveFireworks } from "../kit/tuning/fireworks.ts";
import { openaiKey, serveOpenAi } from "../kit/tuning/openai.ts";
import { serveTogether, togetherKey } from "../kit/tuning/together.ts";
import { callingExample, scratchFolder, streamOf } from "../unit/export-fixtures.ts";

let folder: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  folder = await scratchFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const examples = Array.from({ length: 60 }, (_, index) => callingExample(index));
const files = new Map<string, string>();

async function fileOf(format: string): Promise<string> {
  const known = files.get(format);
  if (known !== undefined) return known;
  const exporter = exampleExporters.find(({ name }) => name === format);
  if (exporter === undefined) throw new Error(`Expected the format ${format}`);
  const path = folder.at(exporter.fileName);
  await exporter.write(streamOf(examples), path);
  files.set(format, path);
  return path;
}

const env = {
  OPENAI_API_KEY: openaiKey,
  AZURE_OPENAI_API_KEY: openaiKey,
  TOGETHER_API_KEY: togetherKey,
  FIREWORKS_API_KEY: fireworksKey,
};
let outputs = 0;
const fresh = () => folder.at(`output-${outputs++}`);

interface Asked {
  readonly target: string;
  readonly server: { readonly baseUrl: string };
  readonly output: string;
  readonly args?: readonly string[];
  readonly file?: string;
}

const words = async ({ target, server, output, args = [], file }: Asked) => [
  ...["tune", file ?? (await fileOf(target)), "--target", target, "--base-url", server.baseUrl, "--output", output],
  ...["--model", "small", "--poll-seconds", "0.02", ...(args.includes("--no-yes") ? [] : ["--yes"])],
  ...args.filter((word) => word !== "--no-yes"),
];
const tune = async (asked: Asked) => tracemill(await words(asked), { env });

async function recordOf(output: string) {
  const [id = ""] = await readdir(join(output, "tunes"));
  const at = join(output, "tunes", id);
  const lines = async (name: string) =>
    (await readFile(join(at, name), "utf8").catch(() => ""))
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  return {
    job: JSON.parse(await readFile(join(at, "job.json"), "utf8")),
    events: await lines("events.jsonl"),
    metrics: await lines("metrics.jsonl"),
    checkpoints: JSON.parse(await readFile(join(at, "checkpoints.json"), "utf8").catch(() => "null")),
  };
}

test("OpenAI: the file arrives byte for byte, the job is created as documented, watched to its end, and written down", async () => {
  await using server = await serveOpenAi();
  const output = fresh();
  const args = ["--epochs", "2", "--seed", "7", "--suffix", "ds", "--set", "service_tier=auto"];
  const end = await tune({ target: "openai", server, output, args });
  expect(end.code, end.stderr).toBe(0);
  expect([...server.files.values()][0]).toEqual({
    name: "openai.jsonl",
    bytes: await readFile(await fileOf("openai")),
  });
  const [job] = server.jobs.values();
  expect(job).toMatchObject({
    ...{ model: "small", training_file: "file-1", seed: 7, suffix: "ds", service_tier: "auto" },
    method: {
      type: "supervised",
      supervised: { hyperparameters: { n_epochs: 2, batch_size: "auto", learning_rate_multiplier: "auto" } },
    },
  });
  expect(end.stdout).toMatch(
    /job {7}ftjob-1 validating_files\n[\s\S]*status {4}running\n[\s\S]*done {6}ft:gpt-small:org::abc/,
  );
  const { job: record, events, metrics, checkpoints } = await recordOf(output);
  expect(record).toMatchObject({
    jobId: "ftjob-1",
    state: "succeeded",
    tunedModel: "ft:gpt-small:org::abc",
    trainedTokens: 12_345,
    error: null,
  });
  expect(events.map(({ id }) => id)).toEqual(["ftevent-0", "ftevent-1", "ftevent-2", "ftevent-3"]);
  expect(metrics.map(({ step }) => step)).toEqual([1, 3]);
  expect(checkpoints.map(({ step }: { step: number }) => step)).toEqual([1, 2]);
  expect(end.stdout + end.stderr + JSON.stringify(record)).not.toContain(openaiKey);

  const again = await tune({ target: "openai", server, output, args });
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).toMatch(/this command has made its job before \(ftjob-1\)/);
  expect([server.jobs.size, server.files.size]).toEqual([1, 1]);
  expect((await recordOf(output)).events).toHaveLength(4);
});

test("Azure: the same with its key, its version and a byte order mark", async () => {
  await using server = await serveOpenAi({ azure: true });
  const output = fresh();
  const end = await tune({
    target: "azure",
    server,
    output,
    args: [
      "--option",
      "api-version=2025-04-01",
      "--option",
      "training-type=GlobalStandard",
      "--validation",
      await fileOf("azure"),
    ],
  });
  expect(end.code, end.stderr).toBe(0);
  expect([...server.jobs.values()][0]).toMatchObject({ trainingType: "GlobalStandard", validation_file: "file-2" });
  expect(server.arrived.every(({ query }) => query.get("api-version") === "2025-04-01")).toBe(true);
  const long = await tune({
    target: "azure",
    server,
    output: fresh(),
    args: ["--suffix", "a-suffix-that-is-too-long"],
  });
  expect(long.stderr).toMatch(/--suffix: expected at most 18 characters, got 25 \(AZ-R4\)/);
});

test("Together AI: an upload by redirect without the key, its report compared, its own price told, the job found by its suffix", async () => {
  await using server = await serveTogether();
  const output = fresh();
  const end = await tune({ target: "together", server, output, args: ["--lora-rank", "16"] });
  expect(end.code, end.stderr).toBe(0);
  expect(server.files.get("file-1")).toEqual(await readFile(await fileOf("together")));
  expect([...server.jobs.values()][0]).toMatchObject({
    ...{ model: "small", training_file: "file-1", n_epochs: 1 },
    training_type: { type: "Lora", lora_r: 16, lora_alpha: 32 },
    training_method: { method: "sft", train_on_inputs: "auto" },
  });
  expect(end.stdout).toMatch(
    /file-1 pending\n[\s\S]*file-1 running\n[\s\S]*price {5}\$4\.20, Together AI's own estimate/,
  );
  const { job, events, metrics } = await recordOf(output);
  expect(job).toMatchObject({
    state: "succeeded",
    tunedModel: expect.stringMatching(/^org\/small-tm-/),
    estimateUsd: 4.2,
  });
  expect(events.map(({ message }) => message)).toEqual([
    "Job pending",
    "Job queued",
    "Job running",
    "Job compressing",
    "Job completed",
  ]);
  expect(metrics).toMatchObject([{ step: 1, loss: 0.7 }]);
});

test.each([
  [
    "a format that it does not read",
    { processing: ["PENDING", "INVALID_FORMAT"], report: { valid: false, error: "line 2 has no messages" } },
    /INVALID_FORMAT\): line 2 has no messages/,
  ],
  [
    "another number of lines than were written",
    { report: { nlines: 59 } },
    /TG-R15: expected the service to read `nlines: 60`, as written, got `59`/,
  ],
])("Together AI refuses a file for %s: no job is made", async (_what, plan, message) => {
  await using server = await serveTogether(plan);
  const end = await tune({ target: "together", server, output: fresh() });
  expect(end.code).toBe(2);
  expect(end.stderr).toMatch(message);
  expect(server.jobs.size).toBe(0);
});

test("Together AI: a large file goes up in parts", async () => {
  await using server = await serveTogether();
  const end = await tune({
    target: "together",
    server,
    output: fresh(),
    args: ["--option", "single-upload-bytes=10000"],
  });
  expect(end.code, end.stderr).toBe(0);
  expect(server.files.get("file-1")).toEqual(await readFile(await fileOf("together")));
  expect(end.stdout).toMatch(/part 1 of \d+ is up/);
});

test("Fireworks: a dataset named by its content, the file by the short and the long way, a job named by us", async () => {
  for (const args of [[], ["--option", "direct-upload-bytes=10"]]) {
    await using server = await serveFireworks();
    const end = await tune({
      target: "fireworks",
      server,
      output: fresh(),
      args: ["--option", "account=acme", "--epochs", "2", ...args],
    });
    expect(end.code, end.stderr).toBe(0);
    expect([...server.files.values()]).toEqual([await readFile(await fileOf("fireworks"))]);
    const [[name, job] = []] = server.jobs;
    expect(name).toMatch(/^accounts\/acme\/supervisedFineTuningJobs\/tm-[0-9a-f]{12}$/);
    expect(job).toMatchObject({
      baseModel: "small",
      epochs: 2,
      loraRank: 8,
      evalAutoCarveout: false,
      dataset: expect.stringMatching(/^accounts\/acme\/datasets\/tm-/),
    });
    expect(end.stdout).toMatch(/status {4}running\n[\s\S]*done {6}accounts\/acme\/models\/tm-/);
  }
  const unnamed = await tune({ target: "fireworks", server: { baseUrl: "http://127.0.0.1:1/v1" }, output: fresh() });
  expect(unnamed.stderr).toMatch(/Expected `--option account=<id>` for Fireworks/);
});

test("resets in mid-upload, too many requests and broken answers are waited out; one job is made", async () => {
  await using server = await serveTogether();
  server.faults.push(
    { on: /^PUT \/signed/, times: 1, how: "reset" },
    { on: /^POST \/files$/, times: 1, how: { status: 503 } },
    { on: /^GET \/files\//, times: 1, how: { status: 429, headers: { "retry-after": "0.05" } } },
    { on: /^GET \/fine-tunes\//, times: 2, how: { status: 500 } },
  );
  const end = await tune({ target: "together", server, output: fresh() });
  expect(end.code, end.stderr).toBe(0);
  expect(server.jobs.size).toBe(1);
  expect(server.faults.map(({ times }) => times)).toEqual([0, 0, 0, 0]);
});

/** Starts the command and kills it, as a machine that loses its power does, once `when` holds. */
async function killedOnce(asked: Asked, when: () => boolean): Promise<void> {
  const child = spawn(process.execPath, [join(packageRoot(), "dist/src/bin.js"), ...(await words(asked))], {
    env: { ...process.env, ...env },
    stdio: "ignore",
  });
  const ended = new Promise((done) => child.once("exit", done));
  while (!when()) await new Promise((done) => setTimeout(done, 5));
  child.kill("SIGKILL");
  await ended;
}

test("a watcher that was killed is taken up by the same command: one job, no event twice", async () => {
  await using server = await serveOpenAi({ statuses: [...Array.from({ length: 30 }, () => "running"), "succeeded"] });
  const asked = { target: "openai", server, output: fresh() };
  await killedOnce(asked, () => server.arrived.filter(({ path }) => path.endsWith("/events")).length > 5);
  const end = await tune(asked);
  expect(end.code, end.stderr).toBe(0);
  expect([server.jobs.size, server.files.size]).toEqual([1, 1]);
  const { events } = await recordOf(asked.output);
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  expect(events).toHaveLength(31);
});

test.each([
  ["openai", () => serveOpenAi(), []],
  ["together", () => serveTogether(), []],
  ["fireworks", () => serveFireworks(), ["--option", "account=acme"]],
] as const)(
  "%s: killed between the request for a job and its answer, the same command finds the job",
  async (target, serve, args) => {
    await using server = await serve();
    server.faults.push({ on: /^POST .*(?:\/jobs|\/fine-tunes|Jobs)$/, times: 1, how: "hang" });
    const asked = { target, server, output: fresh(), args };
    await killedOnce(asked, () => server.jobs.size === 1);
    const end = await tune(asked);
    expect(end.code, end.stderr).toBe(0);
    expect(end.stdout).toMatch(/made before and found again/);
    expect(server.jobs.size).toBe(1);
  },
);

test("two processes do not watch one job, and one that died holds nobody up", async () => {
  await using server = await serveOpenAi({ statuses: [...Array.from({ length: 40 }, () => "running"), "succeeded"] });
  const asked = { target: "openai", server, output: fresh() };
  const first = tune(asked);
  while (server.jobs.size === 0) await new Promise((done) => setTimeout(done, 5));
  const second = await tune(asked);
  expect(second.code).toBe(2);
  expect(second.stderr).toMatch(/Another process \(pid \d+\) watches the tuning job/);
  expect((await first).code).toBe(0);
});

test("OpenAI's closed door is told as such, with what else there is", async () => {
  await using server = await serveOpenAi();
  server.faults.push({
    on: /^POST \/fine_tuning\/jobs$/,
    times: 1,
    how: {
      status: 403,
      body: { error: { message: "Fine-tuning is not available", type: "permission_error", code: "permission_denied" } },
    },
  });
  const end = await tune({ target: "openai", server, output: fresh() });
  expect(end.code).toBe(2);
  expect(end.stderr).toMatch(
    /OpenAI has closed self-serve fine-tuning: since 2026-05-07.*`--target together`.*The service said: Fine-tuning is not available/s,
  );
});

test("a job that fails ends with 3 and its reason, an empty error is none, and --again makes another", async () => {
  await using server = await serveOpenAi({ statuses: ["queued", "odd_new_word", "failed"] });
  const asked = { target: "openai", server, output: fresh() };
  const end = await tune(asked);
  expect(end.code).toBe(3);
  expect(end.stdout).toMatch(
    /status {4}odd_new_word\n[\s\S]*failed {4}line 3 is no JSON\. The same command with --again/,
  );
  const again = await tune({ ...asked, args: ["--again"] });
  expect(again.code).toBe(3);
  expect(
    [...server.jobs.values()].map(({ metadata }) => (metadata as { tracemill: string }).tracemill.slice(-2)),
  ).toEqual([expect.any(String), "-2"]);
  const plain = await tune(asked);
  expect(plain.code).toBe(3);
  expect(server.jobs.size).toBe(2);
});

test("list, status, events, cancel and resume act on what was started with --detach", async () => {
  await using server = await serveOpenAi({ statuses: [...Array.from({ length: 6 }, () => "running"), "succeeded"] });
  const output = fresh();
  const ask = (...args: string[]) =>
    tracemill(["tune", ...args, "--output", output, "--poll-seconds", "0.02"], { env });
  expect((await ask("list")).stdout).toMatch(/No tuning jobs yet/);
  const begun = await tune({ target: "openai", server, output, args: ["--detach"] });
  expect(begun.code, begun.stderr).toBe(0);
  expect(begun.stdout).toMatch(/npx tracemill tune resume [0-9a-f]{12} watches it/);
  const [record] = JSON.parse((await ask("list", "--json")).stdout);
  expect((await ask("status", record.id)).stdout).toMatch(/status {2,}running/);
  expect((await ask("events")).stdout).toMatch(/The job is running/);
  const resumed = await ask("resume");
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(resumed.stdout).toMatch(/done {6}ft:gpt-small/);

  const other = await tune({ target: "openai", server, output, args: ["--detach", "--seed", "3"] });
  expect(other.code).toBe(0);
  const cancelled = await ask("cancel");
  expect(cancelled.stdout).toMatch(/job {7}ftjob-2 cancelled/);
  expect((await ask("status", "nothing")).stderr).toMatch(/Expected the id of a tuning job, got `nothing`/);
});

test("nothing reaches a service of what is refused before: a broken file, bad settings, no key, nobody who agreed", async () => {
  await using server = await serveOpenAi();
  const asked = { target: "openai", server };
  await writeFile(
    folder.at("broken.jsonl"),
    (await readFile(await fileOf("openai"), "utf8")).replace('"role":"user"', '"role":"human"'),
  );
  const refused: [Asked, Record<string, string>, RegExp][] = [
    [
      { ...asked, output: fresh(), file: folder.at("broken.jsonl") },
      env,
      /Expected `.*broken\.jsonl` to keep the rules of openai, got 1 problem:\n- OA-R5 line 1 messages\[1\]\.role[\s\S]*Nothing was sent/,
    ],
    [
      { ...asked, output: fresh(), args: ["--epochs", "0", "--batch-size", "500"] },
      env,
      /--epochs: expected a whole number from 1 to 50, got 0\n- --batch-size: expected a whole number from 1 to 256, got 500/,
    ],
    [
      { ...asked, output: fresh() },
      { OPENAI_API_KEY: "" },
      /Expected the environment variable `OPENAI_API_KEY` to hold the key for openai/,
    ],
    [{ ...asked, output: fresh(), args: ["--no-yes"] }, env, /Expected `--yes`, or a terminal to ask on/],
    [{ ...asked, output: fresh(), args: ["--set", "novalue"] }, env, /Expected --set key=value, got `novalue`/],
  ];
  for (const [one, variables, message] of refused) {
    const end = await tracemill(await words(one), { env: variables });
    expect(end.code, end.stdout).toBe(2);
    expect(end.stderr).toMatch(message);
  }
  expect(server.arrived).toEqual([]);
  const wrongKey = await tracemill(await words({ ...asked, output: fresh() }), { env: { OPENAI_API_KEY: "sk-wrong" } });
  expect(wrongKey.code).toBe(2);
  expect(wrongKey.stderr).toMatch(
    /openai answered 401 to upload the file: Incorrect API key provided\. Look at the key in `OPENAI_API_KEY`/,
  );
});

test("the cost is told before anything is sent, from the user's prices, with its least and its age", async () => {
  await using server = await serveOpenAi();
  const prices = folder.at("prices.yaml");
  const entry = { service: "openai", model: "small", perMillion: 1_000, asOf: "2020-01-01" };
  const told = async (change: object, ...args: string[]) => {
    await writeFile(prices, stringify({ tuning: [{ ...entry, ...change }], prices: [] }));
    const end = await tune({
      target: "openai",
      server,
      output: fresh(),
      args: ["--prices", prices, "--no-yes", ...args],
    });
    return /^cost +(.*)$/m.exec(end.stdout)?.[1];
  };
  const two = /about \$(\d+\.\d+): ([\d,]+) tokens over 2 epochs/.exec((await told({}, "--epochs", "2")) ?? "");
  expect(Number(two?.[1])).toBeCloseTo((Number(two?.[2]?.replaceAll(",", "")) * 1_000) / 1e6, 1);
  expect(await told({})).toMatch(/over 3 epochs \(an estimate\) at \$1000\.00 a million; the price is of 2020-01-01/);
  expect(
    await told({ minimumUsd: 5_000, hostingPerHourUsd: 1.7, asOf: new Date().toISOString().slice(0, 10) }),
  ).toMatch(/about \$5000\.00: .*, the least a job costs; the tuned model costs \$1\.70 an hour while it is deployed$/);
  expect(await told({ model: "other" })).toMatch(/unknown: .*no price of `small` at openai in the prices file/);
  expect(server.arrived).toEqual([]);
});

test("a command of the user's is told the file and the settings, its numbers are metrics, its end is the job's", async () => {
  const output = fresh();
  const run = async (command: string, ...args: string[]) =>
    tracemill([
      "tune",
      await fileOf("openai"),
      "--target",
      "command",
      "--command",
      command,
      "--output",
      output,
      "--yes",
      "--model",
      "m",
      "--epochs",
      "2",
      ...args,
    ]);
  const works = `echo "$TRACEMILL_MODEL $(wc -l < "$TRACEMILL_FILE")"; echo '{"loss": 0.5, "step": 1}'; echo "$TRACEMILL_SETTINGS" > "$TRACEMILL_OUT/settings.json"`;
  const end = await run(works);
  expect(end.code, end.stderr).toBe(0);
  expect(end.stdout).toMatch(/^m 60\n/m);
  const { job, metrics } = await recordOf(output);
  expect(metrics).toMatchObject([{ loss: 0.5, step: 1 }]);
  expect(JSON.parse(await readFile(join(job.tunedModel, "settings.json"), "utf8"))).toMatchObject({
    model: "m",
    epochs: 2,
  });
  expect((await run(works)).stdout).toMatch(/this command has trained before/);
  const failed = await run("echo no; exit 9");
  expect(failed.code).toBe(3);
  expect(failed.stdout).toMatch(/the command ended with 9/);
});

test("OpenAI's own client has the same life with the server that the command is proven against", async () => {
  await using server = await serveOpenAi();
  const client = new OpenAI({ apiKey: openaiKey, baseURL: server.baseUrl, maxRetries: 0 });
  const file = await client.files.create({ file: createReadStream(await fileOf("openai")), purpose: "fine-tune" });
  const processed = await client.files.waitForProcessing(file.id, { pollInterval: 5 });
  expect(processed.status).toBe("processed");
  const job = await client.fineTuning.jobs.create({
    model: "small",
    training_file: file.id,
    metadata: { tracemill: "x" },
  });
  for (let status = job.status; status !== "succeeded"; )
    status = (await client.fineTuning.jobs.retrieve(job.id)).status;
  const events: string[] = [];
  for await (const event of client.fineTuning.jobs.listEvents(job.id)) events.push(event.id);
  expect(events).toEqual(["ftevent-3", "ftevent-2", "ftevent-1", "ftevent-0"]);
  const checkpoints = await client.fineTuning.jobs.checkpoints.list(job.id);
  expect(checkpoints.data.map(({ step_number: step }) => step)).toEqual([2, 1]);
  expect((await client.fineTuning.jobs.cancel(job.id)).status).toBe("cancelled");
});

test("Together AI's own client makes and reads jobs at our server; its upload is known not to work on Node", async () => {
  await using server = await serveTogether();
  const { default: Together } = await import("together-ai");
  const client = new Together({ apiKey: togetherKey, baseURL: server.baseUrl, maxRetries: 0 });
  const made = await client.fineTuning.create({ model: "small", training_file: "file-1" });
  expect(server.jobs.size).toBe(1);
  expect((await client.fineTuning.retrieve(made.id)).status).toBe("pending");
  expect((await client.fineTuning.list()).data).toHaveLength(1);
  expect((await client.fineTuning.listEvents(made.id)).data?.map(({ message }) => message)).toEqual(["Job pending"]);
});
