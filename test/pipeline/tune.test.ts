// `tracemill tune` at services that speak the documented protocols, through the built command. None of it was tried at a live service.
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { serveFireworks } from "../kit/tuning/fireworks.ts";
import { serveOpenai } from "../kit/tuning/openai.ts";
import { serveTogether } from "../kit/tuning/together.ts";
import { keyOfTests, type TuneFolder, tuneFolder } from "../kit/tuning/tune-command.ts";

const model = "base-model";

function at(target: string, file: string, server: { readonly baseUrl: string }, ...words: string[]): string[] {
  return [file, "--target", target, "--model", model, "--base-url", server.baseUrl, "--yes", ...words];
}

async function ids(folder: TuneFolder): Promise<string[]> {
  return (await folder.lines("events.jsonl")).map(({ id }) => String(id));
}

describe.concurrent("a job from file to model", () => {
  test("OpenAI: the file's bytes, the request, events once, metrics, checkpoints, the record", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai({
      faults: [
        { on: "POST /files", times: 1, kind: "reset_in_body" },
        { on: "GET /fine_tuning/jobs/", times: 1, kind: { status: 429, retryAfterSeconds: 0.05 } },
        { on: "GET /fine_tuning/jobs/", times: 2, kind: { status: 500 } },
      ],
    });
    const file = await folder.write("openai");
    const words = at("openai", file, server, "--epochs", "2", "--suffix", "mine", "--seed", "7");
    const end = await folder.tune(words);
    expect(end.stderr).toBe("");
    expect(end.code).toBe(0);
    expect(server.files.map(({ name, bytes }) => [name, bytes.toString()])).toEqual([
      ["openai.jsonl", await readFile(file, "utf8")],
    ]);
    const job = await folder.job();
    expect(server.jobs.map(({ asked }) => asked)).toEqual([
      {
        ...{ model, training_file: "file-1", suffix: "mine", seed: 7, metadata: { tracemill: job.id } },
        method: {
          type: "supervised",
          supervised: { hyperparameters: { n_epochs: 2, batch_size: "auto", learning_rate_multiplier: "auto" } },
        },
      },
    ]);
    expect(job).toMatchObject({
      ...{ jobId: "ftjob-1", state: "succeeded", status: "succeeded", error: null, trainedTokens: 12_345 },
      ...{ tunedModel: "ft:base-model:org::ftjob-1", fileId: "file-1", asked: true, attempt: 1 },
    });
    const events = await ids(folder);
    expect(events).toEqual([0, 1, 2, 3, 4].map((index) => `ftevent-ftjob-1-${index}`));
    expect(await folder.lines("metrics.jsonl")).toMatchObject([
      { id: "ftevent-ftjob-1-1", step: 1, train_loss: 1 },
      { id: "ftevent-ftjob-1-3", step: 3, train_loss: 1 / 3 },
    ]);
    expect(JSON.parse(await folder.record("checkpoints.json"))).toMatchObject([
      { step: 10, model: "ft:model:ftjob-1:step-10" },
      { step: 20, metrics: { step: 20, train_loss: 0.05 } },
    ]);
    expect(end.stdout).toContain("status    a_word_of_tomorrow");

    const second = await folder.tune(words);
    expect([second.code, server.jobs.length, server.files.length]).toEqual([0, 1, 1]);
    expect(second.stdout).toContain("has made its job before (ftjob-1)");
    expect(await ids(folder)).toEqual(events);
    expect(end.stdout + second.stdout).not.toContain(keyOfTests);
  });

  test("OpenAI preferences: the DPO request, with validation and a field of --set", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai({ statuses: ["succeeded"] });
    const line = (index: number) => ({
      input: { messages: [{ role: "user", content: `Mean of x${index}?` }] },
      preferred_output: [{ role: "assistant", content: "4.2" }],
      non_preferred_output: [{ role: "assistant", content: "Probably 5." }],
    });
    const file = await folder.text(
      "pairs.jsonl",
      Array.from({ length: 10 }, (_, index) => line(index)),
    );
    const validation = await folder.text(
      "more.jsonl",
      Array.from({ length: 10 }, (_, index) => line(index + 10)),
    );
    const end = await folder.tune(
      at("openai", file, server, "--method", "dpo", "--validation", validation, "--set", "integrations=[]"),
    );
    expect([end.code, end.stderr]).toEqual([0, ""]);
    expect(server.jobs[0]?.asked).toMatchObject({
      ...{ training_file: "file-1", validation_file: "file-2", integrations: [] },
      method: { type: "dpo", dpo: { hyperparameters: { n_epochs: "auto" } } },
    });
  });

  test("Azure: its key header, the byte order mark, its version and training type", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai({ flavour: "azure" });
    const file = await folder.write("azure");
    const options = ["--option", "api-version=preview", "--option", "training-type=Developer"];
    const end = await folder.tune(at("azure", file, server, ...options));
    expect([end.code, end.stderr]).toEqual([0, ""]);
    expect(server.jobs[0]?.asked).toMatchObject({ trainingType: "Developer", training_file: "file-1" });
    expect(server.files[0]?.bytes).toEqual(await readFile(file));
    expect(new Set(server.arrived.map(({ query }) => query.get("api-version")))).toEqual(new Set(["preview"]));
    expect(server.arrived.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  test("Together AI: by the redirect, its report, its price, the request, the metrics", async () => {
    await using folder = await tuneFolder();
    await using server = await serveTogether({
      preprocess: false,
      faults: [
        { on: "PUT /signed/", times: 1, kind: "reset_in_body" },
        { on: "GET /files/", times: 1, kind: { status: 503 } },
      ],
    });
    const file = await folder.write("together");
    const end = await folder.tune(at("together", file, server, "--learning-rate", "1e-5", "--suffix", "mine"));
    expect([end.code, end.stderr]).toEqual([0, ""]);
    const job = await folder.job();
    expect(server.files.at(-1)?.bytes).toEqual(await readFile(file));
    const begun = server.arrived.find(({ path }) => path === "/files");
    expect(Object.fromEntries(begun?.query ?? [])).toEqual({
      ...{ file_name: "together.jsonl", file_type: "jsonl", purpose: "fine-tune" },
    });
    expect(server.jobs.map(({ asked }) => asked)).toEqual([
      {
        ...{ model, training_file: job.fileId, n_epochs: 1, batch_size: "max", learning_rate: 1e-5 },
        training_type: { type: "Lora", lora_r: 8, lora_alpha: 16, lora_trainable_modules: "all-linear" },
        ...{ training_method: { method: "sft", train_on_inputs: "auto" }, suffix: `mine-${String(job.id)}` },
      },
    ]);
    expect(end.stdout).toContain("price     $4.25, Together AI's own estimate");
    expect(job).toMatchObject({ jobId: "ft-1", state: "succeeded", estimateUsd: 4.25, trainedTokens: 4321 });
    expect(await folder.lines("metrics.jsonl")).toContainEqual({
      id: "metrics 1",
      at: null,
      step: 1,
      "train/loss": 0.5,
    });
    expect(JSON.parse(await folder.record("checkpoints.json"))).toMatchObject([{ step: 10 }, { step: 20 }]);
  });

  test("Together AI in parts: every part once more where it breaks, and the whole is the file", async () => {
    await using folder = await tuneFolder();
    await using server = await serveTogether({
      faults: [{ on: "PUT /signed/file-1/2", times: 1, kind: "reset_in_body" }],
      price: { estimation_available: false, unavailable_reason: "train_file_not_validated" },
    });
    const file = await folder.write("together");
    const end = await folder.tune(at("together", file, server, "--option", "single-upload-bytes=2000"));
    expect([end.code, end.stderr]).toEqual([0, ""]);
    const bytes = await readFile(file);
    expect(server.files[0]?.bytes).toEqual(bytes);
    expect(server.files[0]?.parts.size).toBe(Math.ceil(bytes.byteLength / 2000));
    expect(end.stdout).toContain("gives no price: train_file_not_validated");
  });

  test("Together AI's report: a file it refuses, and one it reads otherwise than written, end before a job", async () => {
    await using folder = await tuneFolder();
    await using refusing = await serveTogether({ endOfFile: "INVALID_FORMAT", report: { error: "line 3 is odd" } });
    await using misreading = await serveTogether({ report: { nlines: 11, dataset_has_tools: false } });
    const file = await folder.write("together");
    const refused = await folder.tune(at("together", file, refusing));
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/INVALID_FORMAT.*line 3 is odd/)]);
    const misread = await folder.tune(at("together", file, misreading));
    expect(misread.code).toBe(2);
    expect(misread.stderr).toContain("TG-R15: expected the service to read `nlines: 12`, as written, got `11`");
    expect(misread.stderr).toContain("`dataset_has_tools: true`");
    expect(refusing.jobs.length + misreading.jobs.length).toBe(0);
  });

  test("Fireworks: a dataset by its content, the request, and the same job from another record", async () => {
    await using folder = await tuneFolder();
    await using server = await serveFireworks({
      faults: [{ on: "POST /accounts/acme/datasets/", times: 1, kind: "reset_in_body" }],
    });
    const file = await folder.write("fireworks");
    const words = at("fireworks", file, server, "--option", "account=acme", "--epochs", "1.5", "--lora-rank", "16");
    const end = await folder.tune(words);
    expect([end.code, end.stderr]).toEqual([0, ""]);
    const job = await folder.job();
    const [dataset] = server.datasets;
    expect(dataset?.bytes).toEqual(await readFile(file));
    expect(dataset).toMatchObject({ id: job.fileId, asked: { userUploaded: {}, exampleCount: "12" } });
    expect(server.jobs).toMatchObject([
      {
        id: `supervisedFineTuningJobs/tm-${String(job.id)}`,
        asked: {
          ...{ dataset: `accounts/acme/datasets/${dataset?.id}`, baseModel: model, epochs: 1.5, loraRank: 16 },
          ...{ outputModel: `accounts/acme/models/tm-${String(job.id)}`, evalAutoCarveout: false },
        },
      },
    ]);
    expect(job).toMatchObject({ state: "succeeded", tunedModel: `accounts/acme/models/tm-${String(job.id)}` });

    await using elsewhere = await tuneFolder();
    const again = await elsewhere.tune(words);
    expect([again.code, server.jobs.length, server.datasets.length]).toEqual([0, 1, 1]);
    expect((await elsewhere.job()).jobId).toBe(job.jobId);
  });

  test("Fireworks above the limit: a signed address without the key, then its check; preferences are dpoJobs", async () => {
    await using folder = await tuneFolder();
    await using server = await serveFireworks();
    const line = {
      input: { messages: [{ role: "user", content: "Mean of x?" }] },
      preferred_output: [{ role: "assistant", content: "4.2" }],
      non_preferred_output: [{ role: "assistant", content: "5" }],
    };
    const file = await folder.text("pairs.jsonl", [line, line, line]);
    const options = ["--option", "account=acme", "--option", "direct-upload-bytes=100", "--method", "dpo"];
    const extra = ["--set", "maxContextLength=8192", "--set", "lossConfig={klBeta: 0.1}"];
    const end = await folder.tune(at("fireworks", file, server, ...options, ...extra));
    expect([end.code, end.stderr]).toEqual([0, ""]);
    expect(server.datasets[0]?.bytes).toEqual(await readFile(file));
    expect(server.arrived.map(({ path }) => path)).toContain(
      `/accounts/acme/datasets/${server.datasets[0]?.id}:validateUpload`,
    );
    expect(server.jobs[0]?.id).toMatch(/^dpoJobs\/tm-/);
    const output = `accounts/acme/models/${server.jobs[0]?.id.split("/")[1]}`;
    expect(server.jobs[0]?.asked).toEqual({
      dataset: `accounts/acme/datasets/${server.datasets[0]?.id}`,
      trainingConfig: { baseModel: model, outputModel: output, epochs: 1, loraRank: 8, maxContextLength: 8192 },
      lossConfig: { klBeta: 0.1 },
    });
    expect(await folder.job()).toMatchObject({ state: "succeeded", tunedModel: output });
    const asked = { messages: [{ role: "user", content: "Which week had the most rain in Lisbon?" }] };
    const other = await folder.text("other.jsonl", Array(3).fill({ ...line, input: asked }));
    const validated = await folder.tune(at("fireworks", file, server, ...options, "--validation", other));
    expect([validated.code, validated.stderr]).toEqual([2, expect.stringContaining("takes none with preferences")]);
  });
});

describe.concurrent("one command, one job", () => {
  test("a watcher that is killed: the same command goes on, with one job and no event twice", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai({ statuses: ["running", "running", "running", "running", "succeeded"] });
    const words = at("openai", await folder.write("openai"), server);
    let pid = 0;
    server.faults.push({ on: "GET /fine_tuning/jobs/ftjob-1/events", times: 1, kind: { status: 500 } });
    const killed = folder.tune([...words, "--poll-seconds", "3"], {
      started: (one) => {
        pid = one;
      },
    });
    await server.saw("GET /fine_tuning/jobs/ftjob-1/events");
    const [job] = server.jobs;
    if (job === undefined) throw new Error("Expected a job, got none");
    job.held = true;
    const refused = await folder.tune(words);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(`(pid ${pid}) watches the tuning job`)]);
    process.kill(-pid, "SIGKILL");
    expect((await killed).signal).toBe("SIGKILL");
    job.held = false;
    const end = await folder.tune(words);
    expect([end.code, end.stderr]).toEqual([0, ""]);
    expect(server.jobs.length).toBe(1);
    const events = await ids(folder);
    expect(events.length).toBeGreaterThan(3);
    expect(new Set(events).size).toBe(events.length);
  });

  test.each([
    ["openai", () => serveOpenai({ olderJobs: 5 }), "POST /fine_tuning/jobs", []],
    ["together", () => serveTogether(), "POST /fine-tunes", []],
    ["fireworks", () => serveFireworks(), "POST /accounts/acme/supervisedFineTuningJobs", ["--option", "account=acme"]],
  ] as const)(
    "%s: killed while it waits for the job's answer, it finds the job",
    async (target, serve, on, options) => {
      await using folder = await tuneFolder();
      await using server = await serve();
      server.faults.push({ on, times: 1, kind: "answer_held" });
      const words = at(target, await folder.write(target), server, ...options);
      const older = server.jobs.length;
      let pid = 0;
      const killed = folder.tune(words, {
        started: (one) => {
          pid = one;
        },
      });
      while (server.jobs.length === older) await new Promise((resolve) => setTimeout(resolve, 10));
      process.kill(-pid, "SIGKILL");
      await killed;
      expect(await folder.job()).toMatchObject({ asked: true, jobId: null });
      const end = await folder.tune(words);
      expect([end.code, end.stderr]).toEqual([0, ""]);
      expect(end.stdout).toContain("was made before and is found again");
      expect(server.jobs.length).toBe(older + 1);
    },
  );

  test("an answer that is lost ends with 3, and the same command finds the job; one that was never made is made", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai({ statuses: ["succeeded"] });
    const words = at("openai", await folder.write("openai"), server);
    server.faults.push({ on: "POST /fine_tuning/jobs", times: 1, kind: { status: 500 } });
    const failed = await folder.tune(words);
    expect([failed.code, failed.stderr]).toEqual([3, expect.stringContaining("Run the same command again")]);
    server.faults.push({ on: "POST /fine_tuning/jobs", times: 1, kind: "answer_lost" });
    const lost = await folder.tune(words);
    expect([lost.code, lost.stdout]).toEqual([3, expect.stringContaining("no job was made")]);
    const end = await folder.tune(words);
    expect([end.code, server.jobs.length]).toEqual([0, 1]);
  });

  test("a job that fails ends with 3 and stays so; --again makes another", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai({
      statuses: ["failed"],
      error: { code: "invalid_training_file", message: "Line 3 is odd" },
    });
    const words = at("openai", await folder.write("openai"), server);
    for (const jobs of [1, 1]) {
      const end = await folder.tune(words);
      expect([end.code, end.stdout, server.jobs.length]).toEqual([3, expect.stringContaining("Line 3 is odd"), jobs]);
    }
    const again = await folder.tune([...words, "--again"]);
    expect([again.code, server.jobs.length, server.files.length]).toEqual([3, 2, 1]);
    const { id, attempt } = await folder.job();
    expect([attempt, server.jobs[0]?.asked.metadata]).toEqual([2, { tracemill: `${String(id)}-2` }]);
  });

  test("--detach, list, status, events, resume; Ctrl-C leaves the job; cancel reaches it while another watches", async () => {
    await using folder = await tuneFolder();
    await using server = await serveOpenai({ statuses: ["queued", "running"] });
    const words = at("openai", await folder.write("openai"), server);
    const begun = await folder.tune([...words, "--detach"]);
    expect([begun.code, begun.stdout]).toEqual([0, expect.stringContaining("goes on at the service")]);
    const { id } = await folder.job();
    const [list, status, events] = await Promise.all([
      folder.tune(["list", "--json"]),
      folder.tune(["status"]),
      folder.tune(["events"]),
    ]);
    expect(JSON.parse(list.stdout)).toMatchObject([{ id, jobId: "ftjob-1" }]);
    expect(status.stdout).toMatch(/job +ftjob-1\nstatus +running/);
    expect(events.stdout).toContain("Went on 0");

    const looks = () => server.arrived.filter(({ path }) => path.endsWith("ftjob-1/events")).length;
    const before = looks();
    let pid = 0;
    const watching = folder.tune(["resume"], {
      started: (one) => {
        pid = one;
      },
    });
    while (looks() < before + 2) await new Promise((resolve) => setTimeout(resolve, 10));
    process.kill(pid, "SIGINT");
    const stopped = await watching;
    expect([stopped.code, stopped.stdout]).toEqual([130, expect.stringContaining("goes on at the service")]);

    const again = folder.tune(words);
    const seen = looks();
    while (looks() < seen + 2) await new Promise((resolve) => setTimeout(resolve, 10));
    const cancelled = await folder.tune(["cancel", String(id)]);
    expect([cancelled.code, cancelled.stdout]).toEqual([0, "job       ftjob-1 cancelled\n"]);
    expect((await again).code).toBe(3);
    expect(await folder.job()).toMatchObject({ state: "cancelled" });
  });

  test("a Fireworks job that is deleted counts as cancelled, for its watcher and ever after", async () => {
    await using folder = await tuneFolder();
    await using server = await serveFireworks({ statuses: ["RUNNING"] });
    const words = at("fireworks", await folder.write("fireworks"), server, "--option", "account=acme");
    const watching = folder.tune(words);
    await server.saw("GET /accounts/acme/supervisedFineTuningJobs/");
    expect((await folder.tune(["cancel"])).code).toBe(0);
    expect([(await watching).code, (await folder.tune(words)).code, server.jobs.length]).toEqual([3, 3, 0]);
    expect(await folder.job()).toMatchObject({ state: "cancelled", status: "deleted" });
  });
});
