// What a tuning job is asked for and paid by, without a service: epochs, tokens, ranges, the record's lines.
import { appendFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Renderer, TuningSettings } from "../../src/contracts.ts";
import { takeLock } from "../../src/run/tune-lock.ts";
import { openRecord, type TuneRecord } from "../../src/run/tune-record.ts";
import { measureTrainingFile } from "../../src/run/tune-tokens.ts";
import { tuners } from "../../src/tuners/index.ts";
import { automaticEpochs } from "../../src/tuners/openai.ts";
import { optionProblems } from "../../src/tuners/settings.ts";
import { reportProblems } from "../../src/tuners/together-report.ts";
import { scratchFolder } from "./export-fixtures.ts";

test.each([
  [1, 25],
  [3, 25],
  [4, 25],
  [5, 20],
  [10, 10],
  [33, 3],
  [34, 3],
  [8333, 3],
  [8334, 2],
  [25_000, 1],
  [25_001, 1],
])("OpenAI makes of %i rows %i epochs by itself", (rows, epochs) => {
  expect(automaticEpochs(rows)).toBe(epochs);
});

const counts = { rows: 10, tokens: 1000, expandedTokens: 1800, longest: 200, validationTokens: 50 };
test.each([
  ["openai", undefined, 10_000, 10],
  ["openai", 2, 2000, 2],
  ["azure", 2, 2000, 2],
  ["together", undefined, 1050, 1],
  ["together", 3, 3050, 3],
  ["fireworks", undefined, 1800, 1],
  ["fireworks", 1.5, 2700, 1.5],
])("%s with epochs %s bills %i tokens", (name, epochs, tokens, passes) => {
  expect(tunerOf(name).billedTokens(counts, { ...settings, epochs })).toEqual({ tokens, epochs: passes });
});

test.each([
  ["unpacked, each row is as long as the longest", { packing: false }, 2000 + 50],
  ["or as is said", { packing: false, max_seq_length: 4096 }, 40_960 + 50],
  ["evaluations as many as are asked for", { n_evals: 4 }, 1000 + 200],
])("together, %s", (_, extra, tokens) => {
  expect(tunerOf("together").billedTokens(counts, { ...settings, extra })).toEqual({ tokens, epochs: 1 });
});

const settings: TuningSettings = { model: "m", method: "sft", extra: {} };

function tunerOf(name: string) {
  const tuner = tuners.find((one) => one.name === name);
  if (tuner === undefined) throw new Error(`Expected the tuner ${name}, got none`);
  return tuner;
}

const good: [string, Partial<TuningSettings>][] = [
  ["openai", { epochs: 50, batchSize: 256, learningRate: 0.1, seed: 2_147_483_647, suffix: "x".repeat(64) }],
  ["azure", { suffix: "x".repeat(18) }],
  ["together", { epochs: 1, batchSize: 8, loraRank: 64, learningRate: 1e-5, suffix: "x".repeat(24) }],
  ["fireworks", { epochs: 0.5, loraRank: 32, suffix: "a-1" }],
];
test.each(good)("%s takes %j", (name, changes) => {
  expect(tunerOf(name).problems({ ...settings, ...changes }, { rows: 10 })).toEqual([]);
});

const bad: [string, Partial<TuningSettings>, string][] = [
  ["openai", { epochs: 1.5 }, "epochs"],
  ["openai", { epochs: Number.NaN }, "epochs"],
  ["openai", { batchSize: 257 }, "batch-size"],
  ["openai", { learningRate: 0 }, "learning-rate"],
  ["openai", { seed: -1 }, "seed"],
  ["openai", { suffix: "x".repeat(65) }, "suffix"],
  ["openai", { suffix: "" }, "suffix"],
  ["openai", { loraRank: 8 }, "lora-rank"],
  ["openai", { extra: { metadata: {} } }, "set metadata"],
  ["azure", { suffix: "x".repeat(19) }, "suffix"],
  ["together", { epochs: 0 }, "epochs"],
  ["together", { suffix: "x".repeat(25) }, "suffix"],
  ["together", { extra: { suffix: "mine" } }, "set suffix"],
  ["fireworks", { epochs: 0 }, "epochs"],
  ["fireworks", { epochs: Number.NaN }, "epochs"],
  ["fireworks", { epochs: 300_001 }, "epochs"],
  ["fireworks", { loraRank: 24 }, "lora-rank"],
  ["fireworks", { suffix: "Mine" }, "suffix"],
  ["fireworks", { batchSize: 8 }, "batch-size"],
  ["fireworks", { seed: 1 }, "seed"],
];
test.each(bad)("%s refuses %j by its %s", (name, changes, field) => {
  const problems = tunerOf(name).problems({ ...settings, ...changes }, { rows: 10 });
  expect(problems.length).toBeGreaterThan(0);
  for (const line of problems) expect(line).toMatch(new RegExp(`^${field}: `));
});

test("options of a service: unknown ones and what is no number of bytes", () => {
  const known = tunerOf("together").options;
  expect(optionProblems({ "single-upload-bytes": "1000" }, known)).toEqual([]);
  expect(optionProblems({ "single-upload-bytes": "1e3" }, known)).toHaveLength(1);
  expect(optionProblems({ account: "a" }, known)).toEqual(["option account: expected single-upload-bytes"]);
});

test("a report that says nothing of a field is no difference; one that differs is named", () => {
  const written = { rows: 3, tools: true, reasoning: false, weights: true };
  expect(reportProblems({ valid: true, nlines: 3 }, written)).toEqual([]);
  expect(reportProblems({ dataset_has_message_weights: false }, written)).toHaveLength(1);
  expect(reportProblems({ valid: false, error: "line 2" }, written)).toEqual(["line 2"]);
});

/** Counts characters of contents and thoughts: figures that a person can add up. */
const characters = {
  count: ({ messages }: Parameters<Renderer["count"]>[0]) =>
    messages.reduce((sum, { content, reasoning }) => sum + content.length + (reasoning ?? "").length, 0),
} as Renderer;

test("a file is measured: rows, tokens, and those of each beginning that ends in a thought, without the thoughts before it", async () => {
  await using folder = await scratchFolder();
  const lines = [
    {
      messages: [
        { role: "user", content: "1234567890" },
        { role: "assistant", content: "abc", reasoning_content: "12345", weight: 0 },
        { role: "user", content: "1234567890" },
        { role: "assistant", content: "abc", reasoning_content: "1234567" },
      ],
      tools: [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }],
    },
    {
      messages: [
        { role: "user", content: "12" },
        { role: "assistant", content: "34" },
      ],
    },
  ];
  const path = folder.at("train.jsonl");
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const { file, tokens } = await measureTrainingFile(path, characters);
  expect(tokens).toEqual({ rows: 2, tokens: 38 + 4, expandedTokens: 18 + 33 + 4, longest: 38 });
  expect(file).toMatchObject({ rows: 2, tools: true, reasoning: true, weights: true });
});

test("a record whose last lines were half written goes on: no event twice, no number lost", async () => {
  await using folder = await scratchFolder();
  const first = (): TuneRecord => ({
    ...{
      version: 1,
      id: "abc",
      target: "openai",
      baseUrl: "",
      keyVariable: "",
      options: {},
      settings: { ...settings },
    },
    ...{ file: { path: "", bytes: 0, sha256: "", rows: 0 }, validation: null, fileId: null, validationFileId: null },
    ...{
      asked: true,
      attempt: 1,
      earlierJobIds: [],
      jobId: null,
      status: null,
      state: null,
      error: null,
      tunedModel: null,
    },
    ...{ trainedTokens: null, estimateUsd: null, startedAt: "2026-11-25T00:00:00Z", endedAt: null },
  });
  const events = [1, 2, 3].map((n) => ({ id: `e${n}`, at: null, level: "info", message: "", metrics: { step: n } }));
  const at = (name: string) => join(folder.path, "tunes", "abc", name);
  {
    await using opened = await openRecord(folder.path, "abc", first);
    await opened.set({});
    await opened.add(events.slice(0, 1));
  }
  // Killed after the second event was whole and the third half there, and before the numbers of either.
  await appendFile(at("events.jsonl"), `${JSON.stringify(events[1])}\n{"id":"e3","at`);
  await using opened = await openRecord(folder.path, "abc");
  expect((await opened.add(events)).map(({ id }) => id)).toEqual(["e3"]);
  const written = (await readFile(at("metrics.jsonl"), "utf8")).trim().split("\n");
  expect(written.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual([1, 2, 3]);
});

test("of twenty that open a record at once, which a dead process had, one has it; then the next", async () => {
  await using folder = await scratchFolder();
  const dead = { boot: "an earlier one", pid: 1, started: "0" };
  await writeFile(folder.at("lock.7"), JSON.stringify(dead));
  for (const number of [8, 9]) {
    const taken = await Promise.all(Array.from({ length: 20 }, () => takeLock(folder.path)));
    const unlocks = taken.filter((one) => typeof one === "function");
    expect(unlocks).toHaveLength(1);
    for (const one of taken) if (typeof one !== "function") expect(one.pid).toBe(process.pid);
    expect(await readdir(folder.path)).toEqual([`lock.${number}`]);
    await unlocks[0]?.();
  }
});
