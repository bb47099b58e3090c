// The official clients against the kit's tuning services: whether the kit speaks as the services' own clients expect.
import { createReadStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import OpenAI from "openai";
import Together from "together-ai";
import { expect, test } from "vitest";
import { serveOpenai } from "../kit/tuning/openai.ts";
import { serveTogether } from "../kit/tuning/together.ts";
import { keyOfTests } from "../kit/tuning/tune-command.ts";
import { scratchFolder } from "../unit/export-fixtures.ts";

const line = `${JSON.stringify({
  messages: [
    { role: "user", content: "?" },
    { role: "assistant", content: "!" },
  ],
})}\n`;

async function allOf<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of pages) found.push(one);
  return found;
}

test("openai 6: a file, its processing, a job, its events and checkpoints page by page, cancel", async () => {
  await using folder = await scratchFolder();
  await using server = await serveOpenai({ statuses: ["queued", "running", "running", "running", "succeeded"] });
  const path = folder.at("train.jsonl");
  await writeFile(path, line.repeat(10));
  const client = new OpenAI({ apiKey: keyOfTests, baseURL: server.baseUrl, maxRetries: 0 });
  const file = await client.files.create({ file: createReadStream(path), purpose: "fine-tune" });
  expect((await client.files.waitForProcessing(file.id, { pollInterval: 1 })).status).toBe("processed");
  expect(server.files[0]?.bytes).toEqual(await readFile(path));
  const job = await client.fineTuning.jobs.create({ model: "m", training_file: file.id, metadata: { run: "r" } });
  for (let look = 0; look < 4; look++) await client.fineTuning.jobs.retrieve(job.id);
  const events = await allOf(client.fineTuning.jobs.listEvents(job.id));
  expect(events.map(({ id }) => id)).toEqual([4, 3, 2, 1, 0].map((index) => `ftevent-${job.id}-${index}`));
  const checkpoints = await allOf(client.fineTuning.jobs.checkpoints.list(job.id));
  expect(checkpoints.map(({ step_number }) => step_number)).toEqual([20, 10]);
  expect((await client.fineTuning.jobs.cancel(job.id)).status).toBe("cancelled");
  const jobs = await allOf(client.fineTuning.jobs.list());
  expect(jobs.map(({ id, metadata }) => [id, metadata])).toEqual([[job.id, { run: "r" }]]);
});

test("openai 6: where tuning is closed, its PermissionDeniedError", async () => {
  await using server = await serveOpenai({ closed: true });
  const client = new OpenAI({ apiKey: keyOfTests, baseURL: server.baseUrl, maxRetries: 0 });
  const asked = client.fineTuning.jobs.create({ model: "m", training_file: "file-1" });
  await expect(asked).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
});

// What of together-ai 0.52 works: what of fineTuning.* is called here. Its files.upload is left out: in ESM it calls `require`, and ends the process.
test("together-ai 0.52: price, job, list, events, metrics, checkpoints, cancel", async () => {
  await using server = await serveTogether();
  const client = new Together({ apiKey: keyOfTests, baseURL: server.baseUrl, maxRetries: 0 });
  expect(await client.fineTuning.estimatePrice({ model: "m", training_file: "file-1" })).toMatchObject({
    ...{ estimation_available: true, estimated_total_price: 4.25 },
  });
  const job = await client.fineTuning.create({ model: "m", training_file: "file-1", suffix: "mine" });
  expect(job).toMatchObject({ id: "ft-1", status: "pending", suffix: "mine" });
  expect((await client.fineTuning.list()).data.map(({ id, suffix }) => [id, suffix])).toEqual([["ft-1", "mine"]]);
  for (const status of ["pending", "queued", "running"])
    expect((await client.fineTuning.retrieve(job.id)).status).toBe(status);
  expect((await client.fineTuning.listEvents(job.id)).data.map(({ message }) => message)).toContain("Went on 3");
  expect((await client.fineTuning.listMetrics(job.id)).metrics?.[1]).toEqual({ step: 1, "train/loss": 0.5 });
  expect((await client.fineTuning.listCheckpoints(job.id)).data.map(({ step }) => step)).toEqual([10, 20]);
  expect((await client.fineTuning.cancel(job.id)).status).toBe("cancel_requested");
});
