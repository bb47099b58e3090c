import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { type CardSubject, datasetCard, sizeCategory, writeCard } from "../../src/exports/card/card.ts";
import { exampleTally } from "../../src/exports/card/tally.ts";
import { writeExportManifest } from "../../src/exports/manifest.ts";
import { callingExample, count, exampleOf, say, scratchFolder } from "./export-fixtures.ts";

const files = [
  { path: "/run/exports/chat.jsonl", bytes: 10, sha256: "a".repeat(64), rows: 30 },
  { path: "/run/exports/chat.parquet", bytes: 20, sha256: "b".repeat(64), rows: 30 },
];

test("the card begins with front matter whose licence, size and configs the Hub accepts", () => {
  const card = datasetCard(subject());
  expect(card.startsWith("---\n")).toBe(true);
  expect(parse(card.split("---\n")[1] ?? "")).toEqual({
    license: "other",
    license_name: "mixed-see-sources",
    license_link: "README.md#sources",
    language: ["en"],
    pretty_name: "A: title # with marks",
    size_categories: ["n<1K"],
    task_categories: ["text-generation"],
    tags: ["agent", "data-science", "synthetic"],
    configs: [
      { config_name: "jsonl", default: true, data_files: [{ split: "train", path: "chat.jsonl" }] },
      { config_name: "parquet", data_files: [{ split: "train", path: "chat.parquet" }] },
    ],
  });
});

test.each([
  [0, "n<1K"],
  [999, "n<1K"],
  [1_000, "1K<n<10K"],
  [9_999, "1K<n<10K"],
  [10_000, "10K<n<100K"],
  [100_000, "100K<n<1M"],
  [1_000_000, "1M<n<10M"],
  [123_456_789, "100M<n<1B"],
  [5e12, "n>1T"],
])("%d examples are in the Hub's size bucket %s", (examples, bucket) => {
  expect(sizeCategory(examples)).toBe(bucket);
});

test("the card says that the offline teacher is a program and the files a demonstration, and only then", () => {
  const told = /`teacher` is the offline teacher: a program, not an LLM\. These files are a demonstration/;
  expect(datasetCard(subject())).not.toMatch(/program|demonstration/i);
  const models = [{ name: "teacher", identity: { model: "tm-1" }, program: true }];
  expect(datasetCard(subject({ models }))).toMatch(told);
});

test("the card says how many items are owed and that it is provisional, and only then", () => {
  expect(datasetCard(subject())).not.toMatch(/provisional/i);
  expect(datasetCard(subject({ owed: 12 }))).toMatch(/\*\*Provisional\.\*\* 12 items are still owed/);
  expect(parse(datasetCard(subject({ owed: 1 })).split("---\n")[1] ?? "").tags).toContain("provisional");
});

test("the card shows files, funnel, licence, datasets and models", () => {
  const card = datasetCard(subject());
  expect(card).toContain(`| chat.jsonl | 30 | 10 | ${"a".repeat(64)} |`);
  expect(card).toContain("| judge | 40 | 30 | 9 | 1 | 0 | 30 | low_score 6, not\\|clear 3 |");
  expect(card).toContain("Tables under BSD-3-Clause, see upstream.");
  expect(card).toContain("| cars \\| trucks | cars.json, trucks.csv | dataset_1 |");
  expect(card).toContain("| judge | gpt-x | language model |");
});

test("statistics count turns, trained and masked messages over all examples", () => {
  const tally = exampleTally();
  const turns = (length: number) =>
    exampleOf(length, {
      transforms: [],
      messages: Array.from({ length }, (_, turn) => [
        say("user", "ab"),
        say("assistant", "c", turn === length - 1),
      ]).flat(),
    });
  for (const length of [1, 1, 1, 2]) tally.add(turns(length));
  tally.add({ ...turns(10), unreferenced: true });
  expect(tally.statistics()).toEqual({
    examples: 5,
    tasks: 3,
    datasets: 2,
    turns: { mean: 3, median: 1, p95: 10 },
    trainedMessages: 5,
    maskedMessages: 10,
    characters: 45,
    transformed: 0,
    calls: 0,
    thinking: 0,
    unreferenced: 1,
  });
  expect(exampleTally().statistics().turns).toEqual({ mean: 0, median: 0, p95: 0 });
});

test("an export of a run that was stopped says so, and is provisional though nothing is owed", async () => {
  await using folder = await scratchFolder();
  const card = datasetCard(subject({ stopped: true }));
  expect(card).toContain("**Provisional.** The run was stopped before its end");
  expect(parse(card.split("---\n")[1] ?? "").tags).toContain("provisional");
  const manifest = await writeExportManifest({ folder: folder.path, run: "r1", files, owed: 0, stopped: true });
  expect(manifest).toMatchObject({ provisional: true, owed: 0, stopped: true });
});

test("an export of a limited run or a preview says so", async () => {
  expect(datasetCard(subject())).not.toMatch(/Preview|Limited/);
  expect(datasetCard(subject({ limit: 5 }))).toContain("**Limited.** Only the first 5 seeds");
  const card = datasetCard(subject({ limit: 3, preview: true }));
  expect(card).toContain("**Preview.** Only the first 3 seeds");
  expect(parse(card.split("---\n")[1] ?? "").tags).toContain("preview");
});

test("the card says how many examples had no reference answer", () => {
  const tally = exampleTally();
  tally.add(exampleOf(1));
  expect(datasetCard(subject({ tally }))).not.toContain("Unchecked");
  tally.add(exampleOf(2, { unreferenced: true }));
  expect(datasetCard(subject({ tally }))).toContain("**Unchecked answers.** 1 of 2 examples");
});

test("the card counts calls, and thinking that is not in the files, where there are any", () => {
  const tally = exampleTally();
  tally.add(exampleOf(1));
  expect(datasetCard(subject({ tally }))).not.toMatch(/call a function|thinking/);
  const { messages, ...calling } = callingExample(2);
  tally.add({ ...calling, messages: messages.map((said) => (said.train ? { ...said, reasoning: "hm" } : said)) });
  const card = datasetCard(subject({ tally }));
  expect(card).toContain("| assistant messages that call a function | 1 |");
  expect(card).toContain("| assistant messages whose thinking was kept apart and is not in these files | 2 |");
});

test("card and manifest lie in the exports folder, and the manifest holds what each file must be", async () => {
  await using folder = await scratchFolder();
  const owed = 2;
  await writeExportManifest({ folder: folder.path, run: "r1", files, owed, stopped: false });
  await writeCard({ folder: folder.path, ...subject({ owed }) });
  expect(JSON.parse(await readFile(folder.at("manifest.json"), "utf8"))).toEqual({
    version: 2,
    run: "r1",
    provisional: true,
    owed: 2,
    stopped: false,
    limit: null,
    preview: false,
    files: [
      { file: "chat.jsonl", bytes: 10, sha256: "a".repeat(64), rows: 30 },
      { file: "chat.parquet", bytes: 20, sha256: "b".repeat(64), rows: 30 },
    ],
  });
  expect(await readFile(folder.at("README.md"), "utf8")).toBe(datasetCard(subject({ owed })));
});

function subject(changes: Partial<CardSubject> = {}): CardSubject {
  const tally = exampleTally();
  for (const example of count(30)) tally.add(example);
  const file = { format: "json" as const, bytes: 1, sha256: "c".repeat(64) };
  return {
    title: "A: title # with marks",
    licence: "Tables under BSD-3-Clause, see upstream.",
    run: "r1",
    files,
    tally,
    funnel: [
      {
        stage: "judge",
        in: 40,
        passed: 30,
        rejected: 9,
        failed: 1,
        pending: 0,
        out: 30,
        reasons: { "not|clear": 3, low_score: 6 },
      },
    ],
    datasets: [
      {
        id: "dataset_1",
        name: "cars | trucks",
        files: [
          { name: "cars.json", ...file },
          { name: "trucks.csv", ...file },
        ],
      },
    ],
    models: [{ name: "judge", identity: { model: "gpt-x" }, program: false }],
    owed: 0,
    stopped: false,
    ...changes,
  };
}
