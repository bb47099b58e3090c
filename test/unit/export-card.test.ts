import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { datasetCard, writeCard } from "../../src/exports/card/card.ts";
import { sizeCategory } from "../../src/exports/card/front-matter.ts";
import type { CardSubject } from "../../src/exports/card/subject.ts";
import { exampleTally } from "../../src/exports/card/tally.ts";
import { writeExportManifest } from "../../src/exports/manifest.ts";
import { plainFacts, cardSubject as subject } from "../kit/card-subject.ts";
import { callingExample, exampleOf, say, scratchFolder } from "./export-fixtures.ts";

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
    tags: ["agent", "data-science", "synthetic", "croissant"],
    configs: [
      { config_name: "openai", default: true, data_files: [{ split: "train", path: "openai.jsonl" }] },
      { config_name: "parquet", data_files: [{ split: "train", path: "parquet.parquet" }] },
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
  expect(datasetCard(subject())).not.toMatch(/a program|demonstration/i);
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
  expect(card).toContain(`| openai.jsonl | openai | sft | train | 30 | 10 | ${"a".repeat(64)} |`);
  expect(card).toContain("| judge | 40 | 30 | 9 | 1 | 0 | 30 | low_score 6, not\\|clear 3 |");
  expect(card).toContain("Tables under BSD-3-Clause, see upstream.");
  expect(card).toContain("| cars \\| trucks | as said above |  | cars.json, trucks.csv | dataset_1 |");
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
    lengths: [
      { from: 2, examples: 3 },
      { from: 4, examples: 1 },
      { from: 16, examples: 1 },
    ],
  });
  expect(exampleTally().statistics().turns).toEqual({ mean: 0, median: 0, p95: 0 });
});

test("an export of a run that was stopped says so, and is provisional though nothing is owed", async () => {
  await using folder = await scratchFolder();
  const card = datasetCard(subject({ stopped: true }));
  expect(card).toContain("**Provisional.** The run was stopped before its end");
  expect(parse(card.split("---\n")[1] ?? "").tags).toContain("provisional");
  const manifest = await writeExportManifest({ folder: folder.path, run: "r1", formats: [], owed: 0, stopped: true });
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

test("the card counts calls, and thinking apart from the text, where there are any", () => {
  const tally = exampleTally();
  tally.add(exampleOf(1));
  expect(datasetCard(subject({ tally }))).not.toMatch(/call a function|thinking/);
  const { messages, ...calling } = callingExample(2);
  tally.add({ ...calling, messages: messages.map((said) => (said.train ? { ...said, reasoning: "hm" } : said)) });
  const card = datasetCard(subject({ tally }));
  expect(card).toContain("| assistant messages that call a function | 1 |");
  expect(card).toContain("| assistant messages with thinking apart from the text | 2 |");
});

test("card, Croissant, prompts and manifest lie in the folder, and the manifest holds what each file must be", async () => {
  await using folder = await scratchFolder();
  const owed = 2;
  const [first, second] = subject().formats;
  const moved = (format: typeof first, name: string) => ({
    ...(format as NonNullable<typeof first>),
    files: (format?.files ?? []).map((file) => ({ ...file, path: folder.at(name) })),
  });
  const formats = [moved(first, "openai.jsonl"), moved(second, "parquet.parquet")];
  await writeFile(folder.at("openai.jsonl"), "{}\n");
  const told = subject({
    ...{ owed, formats, folder: folder.path },
    prompts: [
      { name: "agent/react.md", text: "caf\u00e9 {{x}}\r\n", sha256: "d".repeat(64) },
      { name: "agent/task.md", text: null, sha256: "e".repeat(64) },
    ],
  });
  await writeExportManifest({ folder: folder.path, run: "r1", formats, owed, stopped: false });
  await writeCard(told);
  const file = (name: string, letter: string) => ({ file: name, bytes: 10, sha256: letter.repeat(64), rows: 30 });
  expect(JSON.parse(await readFile(folder.at("manifest.json"), "utf8"))).toEqual({
    ...{ version: 3, run: "r1", provisional: true, owed: 2, stopped: false, limit: null, preview: false },
    ...plainFacts,
    formats: [
      {
        ...{ format: "openai", product: "sft", subset: "openai-0123456789ab", items: 30, without: 0 },
        files: [{ ...file("openai.jsonl", "a"), split: "train" }],
      },
      {
        ...{ format: "parquet", product: "sft", subset: "parquet-0123456789ab", items: 30, without: 0 },
        files: [{ ...file("parquet.parquet", "b"), split: "train" }],
      },
    ],
    files: [file("openai.jsonl", "a"), file("parquet.parquet", "b")],
  });
  expect(await readFile(folder.at("README.md"), "utf8")).toBe(datasetCard(told));
  expect(await readFile(folder.at("prompts/agent/react.md"), "utf8")).toBe("caf\u00e9 {{x}}\r\n");
  await expect(readFile(folder.at("prompts/agent/task.md"))).rejects.toThrow("ENOENT");
});

test("shards of a split are one glob in the front matter, and the card says what is in each split", () => {
  const files = ["train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001"].map((name) => ({
    ...{ path: `/run/exports/openai/${name}.jsonl`, bytes: 10, sha256: "a".repeat(64), rows: 5 },
    split: name.replace(/-.*/, ""),
  }));
  const formats = [{ format: "openai", product: "sft", subset: "openai-1", items: 15, without: 2, files }];
  const splits = { train: { share: 0.8, groups: 4, items: 10 }, validation: { share: 0.2, groups: 1, items: 5 } };
  const card = datasetCard(subject({ formats, facts: { ...plainFacts, seed: 7, shuffled: true, splits } }));
  expect(front(card).configs).toEqual([
    {
      config_name: "openai",
      default: true,
      data_files: [
        { split: "train", path: "openai/train-*.jsonl" },
        { split: "validation", path: "openai/validation-00000-of-00001.jsonl" },
      ],
    },
  ]);
  expect(card).toContain(
    "never by example (seed 7): `train`: 10 examples of 4 source datasets (asked for: 80 % of them). `validation`: 5",
  );
  expect(card).toContain("The order is drawn by the seed 7.");
  expect(card).toContain("2 of 15 items have no row in `openai`");
  expect(card).not.toContain("There is no validation split");
  expect(datasetCard(subject())).toContain("There is no validation split");
});

test("the card says what a length policy did, and shows how long examples are", () => {
  const counts = { whole: 20, rejected: 3, split: 4, rows: 9, tooLong: 0, shortened: 2, masked: 1 };
  const length = { ...counts, maxTokens: 4096, over: "split" as const };
  const card = datasetCard(subject({ facts: { ...plainFacts, length } }));
  expect(card).toMatch(
    /more than 4096 tokens: 3 left out, 4 split into 9 rows by step \(\d+ more steps were too long\), 2 with shortened observations \(\d+ of them .*\); 20 were not touched/,
  );
  expect(card).toContain("Counted before rows were split or shortened.");
  expect(card).toContain("| 128 to 255 | 30 |");
  expect(card).not.toContain("| tokens |");
});

test("each source has its licence and address, the words for all stand for those without, and the card says plainly where nobody said anything", () => {
  const [cars] = subject().datasets as [CardSubject["datasets"][number]];
  const owned = { ...cars, id: "dataset_2", name: "bikes", licence: "CC0-1.0", url: "https://example.org/bikes" };
  const card = datasetCard(subject({ datasets: [cars, owned] }));
  expect(card).toContain("| bikes | CC0-1.0 | https://example.org/bikes | cars.json, trucks.csv | dataset_2 |");
  expect(card).toContain("| cars \\| trucks | as said above |");
  expect(card).not.toContain("no licence in the config");
  const unsaid = datasetCard(
    subject({ datasets: [cars, owned], licence: "unknown: state the licence of your sources" }),
  );
  expect(unsaid).toContain("**1 of 2 source datasets have no licence in the config.**");
  expect(unsaid).toContain("| cars \\| trucks | none stated |");
  const licence = "Unknown: see upstream";
  expect(datasetCard(subject({ datasets: [owned], licence }))).not.toContain("no licence in the config");
});

test("tries are counted by difficulty and dataset, and steps that failed among all", () => {
  const tries = {
    ...{ tried: 8, accepted: 2, steps: 40, failedSteps: 5 },
    byDifficulty: { hard: [0, 3], easy: [2, 5] } as const,
    byDataset: { cars: [2, 8] } as const,
  };
  const card = datasetCard(subject({ tries }));
  expect(card).toContain("| tries kept as examples | 2 (25.0 %) |");
  expect(card).toContain("| steps of code that failed | 5 of 40 (12.5 %) |");
  expect(card).toMatch(/difficulty easy \| 2 of 5 \(40\.0 %\) \|\n.*difficulty hard \| 0 of 3 \(0\.0 %\)/);
  expect(card).toContain("| tries kept, dataset cars | 2 of 8 (25.0 %) |");
  expect(datasetCard(subject())).not.toContain("tries");
});

test("the judge's certificate says who judged, how it scored, and that nobody compared it with people", () => {
  const judge = {
    ...{ judged: 12, votes: 24, repaired: 3, thresholds: { mean: 0.7 } },
    criteria: [
      { name: "clarity", mean: 0.9, spread: 0.05 },
      { name: "execution", mean: 0.8, spread: null },
    ],
    kept: [0.81, 0.9, 0.97] as const,
    dropped: null,
  };
  const prompts = [{ name: "judge/system.md", text: "Judge.", sha256: "e".repeat(64), role: "judge" }];
  const models = [
    { name: "judge", identity: { model: "gpt-x", endpoint: "https://u:p@api.example.org/v1?key=k" }, program: false },
  ];
  const card = datasetCard(subject({ judge, prompts, models }));
  expect(card).toContain("| endpoint | https://api.example.org/v1 |");
  const own = { name: "judge", identity: { endpoint: "http://10.0.0.1:8000/v1" }, program: false };
  expect(datasetCard(subject({ judge, models: [own] }))).not.toContain("10.0.0.1");
  expect(card).toContain(`| prompt judge/system.md | sha256 ${"e".repeat(64)} |`);
  expect(card).toContain("12 candidates were judged by `gpt-x`, 24 reviews in all, 3 of which had to be repaired");
  expect(card).toContain("Thresholds: `mean` 0.7.");
  expect(card).toContain("| clarity | 0.900 | 0.050 |\n| execution | 0.800 | one review each |");
  expect(card).toContain("| kept as examples | 0.810 | 0.900 | 0.970 |");
  expect(card).toContain("| dropped by a threshold of the judge | - | - | - |");
  expect(card).toContain("It was not compared with human labels");
  expect(datasetCard(subject())).not.toContain("## Judge");
});

test("the prompts are named with their hash, and which of them a tuned model is to be given", () => {
  const prompts = [
    { name: "agent/tools.md", text: "You…", sha256: "d".repeat(64), role: "agent" },
    { name: "judge/system.md", text: null, sha256: "e".repeat(64), role: "judge" },
  ];
  const card = datasetCard(subject({ prompts, scaffold: "tools", tools: ["python"] }));
  expect(card).toContain(`| prompts/agent/tools.md | agent | ${"d".repeat(64)} |`);
  expect(card).toContain(`| judge/system.md (changed since the run, not here) | judge | ${"e".repeat(64)} |`);
  expect(card).toContain("The system prompt is `prompts/agent/tools.md`, its places");
  expect(card).toContain("Tracemill's scaffold `tools`");
  expect(card).toContain("could call, `python`, stand in `tools.json`");
  expect(datasetCard(subject({ prompts }))).not.toContain("tools.json");
});

test("formats that also hold dropped tries are named as such, and only they", () => {
  const [openai] = subject().formats as [CardSubject["formats"][number]];
  const pairs = { ...openai, format: "trl-preference", product: "preference" };
  expect(datasetCard(subject({ formats: [openai, pairs] }))).toContain("Not so `trl-preference`: made of all tries");
  expect(datasetCard(subject())).not.toContain("Not so");
});

function front(card: string): Record<string, unknown> {
  return parse(card.split("---\n")[1] ?? "") as Record<string, unknown>;
}
