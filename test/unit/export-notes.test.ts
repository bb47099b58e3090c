// What an export is called, what it says of itself, and what it leaves where it breaks off.
import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { StoreError } from "../../src/domain/errors.ts";
import type { LabelledTry } from "../../src/domain/products.ts";
import { chatJsonlExporter } from "../../src/exports/chat-jsonl.ts";
import type { ExportFacts } from "../../src/exports/manifest.ts";
import { collectPlaces } from "../../src/exports/places.ts";
import { ktoExporter } from "../../src/exports/products/plain.ts";
import { writeShards } from "../../src/exports/shards.ts";
import { exportItems, type WrittenFormat } from "../../src/exports/write-all.ts";
import { exportNotes } from "../../src/run/export-notes.ts";
import { count, exampleOf, scratchFolder, streamOf } from "./export-fixtures.ts";

const facts: ExportFacts = {
  seed: null,
  shuffled: false,
  perStep: false,
  splits: null,
  length: null,
  renderer: null,
  tokens: null,
};

test("a try whose label moved makes another subset; other files of the same items do not", async () => {
  await using folder = await scratchFolder();
  const tries = count(4).map(({ id, messages, group, taskId, queryId, trajectoryId }): LabelledTry => {
    return { id, messages, group, dataset: "cars", taskId, queryId, trajectoryId, label: true, reason: null };
  });
  const subsetOf = async (items: readonly LabelledTry[], shards?: { items: number }) => {
    const [written] = await exportItems<LabelledTry>({
      exporters: [ktoExporter()],
      splits: [{ name: "train", items: streamOf(items) }],
      ...{ folder: folder.at(String(Math.random())), folders: shards !== undefined, shards },
    });
    return written?.subset;
  };
  const whole = await subsetOf(tries);
  expect(whole).toMatch(/^kto-[0-9a-f]{12}$/);
  expect(await subsetOf(tries)).toBe(whole);
  expect(await subsetOf(tries, { items: 3 })).toBe(whole);
  const reason = { stage: "accept", code: "low_quality", message: "0.4 of 0.5" };
  expect(await subsetOf(tries.with(2, { ...(tries[2] as LabelledTry), label: false, reason }))).not.toBe(whole);
});

test("shards that were whole when their export broke off are taken away again", async () => {
  await using folder = await scratchFolder();
  async function* breaking() {
    yield* count(5);
    throw new StoreError("the disk is full");
  }
  const options = { path: folder.at("train.jsonl"), numbered: true, limit: { items: 2 } };
  await expect(writeShards(chatJsonlExporter(), breaking(), options)).rejects.toThrow("the disk is full");
  expect(await readdir(folder.path)).toEqual([]);
});

test("places that cannot be written are told where the files are named, and end no process before", async () => {
  await using folder = await scratchFolder();
  await using places = collectPlaces(folder.at("examples.csv"));
  const notes = await places.open(0);
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on("unhandledRejection", hear);
  // Its file is closed under it, as a vanished mount would.
  await places[Symbol.asyncDispose]();
  for (let index = 0; index < 30_000; index++) notes.note(exampleOf(index), { shard: 0, rows: 1 });
  await new Promise((resolve) => setImmediate(resolve));
  await expect(notes.named([])).rejects.toThrow(/Expected to write .*examples\.csv/);
  process.off("unhandledRejection", hear);
  expect(unheard).toEqual([]);
});

test("splits are told that are empty, or far from their share; one that is near is not", () => {
  const notes = (splits: ExportFacts["splits"]) => exportNotes({ formats: [], facts: { ...facts, splits } });
  const train = { share: 0.8, groups: 8, items: 80 };
  expect(notes({ train, validation: { share: 0.2, groups: 2, items: 20 } })).toEqual([]);
  expect(notes({ train, validation: { share: 0.2, groups: 0, items: 0 } })).toEqual([
    expect.stringMatching(/^None of 8 source datasets fell into the split `validation` .*: another `export\.seed`/),
  ]);
  expect(notes({ train, validation: { share: 0.1, groups: 4, items: 9 } })).toEqual([
    expect.stringMatching(/^The split `validation` has 4 of 12 source datasets, 33 % where 10 % were asked for/),
  ]);
});

test("a product without items says why there are none", () => {
  const empty = (product: string): WrittenFormat => {
    return { format: "trl-preference", product, subset: "", items: 0, without: 0, files: [] };
  };
  expect(exportNotes({ formats: [empty("preference"), empty("sft")], facts })).toEqual([
    "`trl-preference` is empty: no task has an accepted try and one that was rejected for its quality",
  ]);
});
