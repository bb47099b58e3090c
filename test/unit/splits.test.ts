import { readFile, writeFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { chatJsonlExporter } from "../../src/exports/chat-jsonl.ts";
import { decontaminate } from "../../src/exports/decontamination.ts";
import { writeShards } from "../../src/exports/shards.ts";
import { splitProblems } from "../../src/exports/split-rules.ts";
import { shuffled, splitOf } from "../../src/exports/splits.ts";
import { count, scratchFolder, streamOf } from "./export-fixtures.ts";

const groups = Array.from({ length: 2_000 }, (_, index) => `dataset_${index}`);

test("a source dataset falls into one split by itself alone: others do not move it, and the shares come out", () => {
  const shares = { validation: 0.1, test: 0.05 };
  const placed = groups.map((group) => splitOf(group, shares, 7));
  const share = (name: string) => placed.filter((split) => split === name).length / groups.length;
  expect(share("validation")).toBeCloseTo(0.1, 1);
  expect(share("test")).toBeCloseTo(0.05, 1);
  expect(groups.map((group) => splitOf(group, shares, 8))).not.toEqual(placed);
  // A larger validation share only takes from training.
  for (const [index, group] of groups.entries())
    if (placed[index] !== "train") expect(splitOf(group, { ...shares, validation: 0.3 }, 7)).toBe(placed[index]);
});

test("the order is drawn by the seed, whatever the order of arrival", () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(groups.slice(0, 50), { minLength: 50 }), fc.nat(), (arrived, seed) => {
      expect(shuffled(arrived, seed)).toEqual(shuffled(groups.slice(0, 50), seed));
    }),
  );
  expect(shuffled(groups, 1)).not.toEqual(shuffled(groups, 2));
  expect(shuffled(groups, 1).toSorted()).toEqual(groups.toSorted());
});

test("shards together are the whole, in order, each named after how many there are", async () => {
  await using folder = await scratchFolder();
  const examples = count(25);
  const whole = await chatJsonlExporter().write(streamOf(examples), folder.at("whole.jsonl"));
  const cut = async (limit: object) =>
    writeShards(chatJsonlExporter(), streamOf(examples), { path: folder.at("train.jsonl"), numbered: true, limit });
  for (const limit of [{ items: 10 }, { bytes: 3_000 }, {}]) {
    const files = await cut(limit);
    expect(files.map(({ path }) => path)).toEqual(
      files.map((_, index) =>
        folder.at(`train-${String(index).padStart(5, "0")}-of-${String(files.length).padStart(5, "0")}.jsonl`),
      ),
    );
    const texts = await Promise.all(files.map(({ path }) => readFile(path, "utf8")));
    expect(texts.join("")).toBe(await readFile(whole.path, "utf8"));
    expect(files.reduce((sum, { rows }) => sum + rows, 0)).toBe(25);
  }
  expect(await cut({ items: 10 })).toHaveLength(3);
  expect((await cut({ bytes: 3_000 })).length).toBeGreaterThan(3);
});

const template = (question: string) => `You are given tables.\nAnswer in one line.\n${question}\nWrite <answer>.`;
const chat = (question: string, group?: string) =>
  JSON.stringify({
    messages: [
      { role: "user", content: template(question) },
      { role: "assistant", content: "1" },
    ],
    group,
  });
const questions = [
  "What is the mean horsepower of all cars that were built in Japan after the year 1975?",
  "How many days of rain did the city have in every month of the year 2014?",
  "Which species of penguin has the longest flipper on the island of Dream in total?",
  "What share of the strikes by birds happened at night while the plane was landing?",
  "By how much did the unemployment rate in farming grow between 2001 and 2009?",
];

test("SP-R2, SP-R3, OA-R14: a validation file shares no dataset and no question with the training file", async () => {
  await using folder = await scratchFolder();
  const file = async (name: string, lines: string[]) => {
    await writeFile(folder.at(name), `${lines.join("\n")}\n`);
    return folder.at(name);
  };
  const train = await file(
    "train.jsonl",
    questions.map((question) => chat(question, "dataset_1")),
  );
  const clean = await file(
    "clean.jsonl",
    [
      "What is the median rating of films by country?",
      "How many airports lie above the sea by state?",
      "When did the barley yield most per field?",
      "Who won the most medals in swimming?",
    ].map((question) => chat(question, "dataset_2")),
  );
  expect(await splitProblems(train, clean)).toEqual([]);
  const rules = async (path: string) => (await splitProblems(train, path)).map(({ rule, line }) => [rule, line]);
  expect(await rules(train)).toEqual([
    ["SP-R2", 0],
    ["OA-R14", 0],
  ]);
  const sameData = await file("same-data.jsonl", [
    chat("What is the median rating of films by country?", "dataset_1"),
    chat("How many airports lie above the sea by state?", "dataset_2"),
    chat("When did the barley yield most per field?", "dataset_2"),
    chat("Who won the most medals in swimming?", "dataset_2"),
  ]);
  expect(await rules(sameData)).toEqual([
    ["SP-R2", 1],
    ["OA-R14", 1],
  ]);
  const near = (questions[2] ?? "").replace("in total", "in all");
  const sameQuestion = await file("same-question.jsonl", [
    chat(near, "dataset_2"),
    chat("How many airports lie above the sea by state?", "dataset_2"),
    chat("When did the barley yield most per field?", "dataset_2"),
    chat("Who won the most medals in swimming?", "dataset_2"),
  ]);
  expect(await rules(sameQuestion)).toEqual([["SP-R3", 3]]);
});

test("DC-R1: editing every tenth word hides a test question from 13 words in a row, and not from 8", async () => {
  await using folder = await scratchFolder();
  const long = `${questions[0]} Leave out every car whose weight is missing and round the result to exactly two decimals please.`;
  const edited = long
    .split(" ")
    .map((word, index) => (index % 10 === 9 ? "edited" : word))
    .join(" ");
  const rows = [...questions.slice(1), edited].map((question) => chat(question));
  await writeFile(folder.at("train.jsonl"), `${rows.join("\n")}\n`);
  await writeFile(
    folder.at("suite.jsonl"),
    `${[long, "Something else that is asked nowhere in here at all"].map((question) => JSON.stringify({ question })).join("\n")}\n`,
  );
  const { counts, problems } = await decontaminate(folder.at("train.jsonl"), folder.at("suite.jsonl"));
  expect(counts).toMatchObject({ questions: 2, rows: 5, contaminated: 1, byCounted: 0 });
  expect(problems.map(({ rule, line }) => [rule, line])).toEqual([["DC-R1", 5]]);
  await writeFile(
    folder.at("copy.jsonl"),
    `${[...questions.slice(1), long].map((question) => chat(question)).join("\n")}\n`,
  );
  expect((await decontaminate(folder.at("copy.jsonl"), folder.at("suite.jsonl"))).counts).toMatchObject({
    contaminated: 1,
    byCounted: 1,
  });
});

test("the words that all questions of a file share are its template, and contaminate nothing", async () => {
  await using folder = await scratchFolder();
  await writeFile(folder.at("train.jsonl"), `${questions.map((question) => chat(question)).join("\n")}\n`);
  const others = Array.from({ length: 5 }, (_, index) =>
    JSON.stringify({
      question: template(`What is asked here number ${index} of the suite that nobody else has asked before?`),
    }),
  );
  await writeFile(folder.at("suite.jsonl"), `${others.join("\n")}\n`);
  expect((await decontaminate(folder.at("train.jsonl"), folder.at("suite.jsonl"))).problems).toEqual([]);
});
