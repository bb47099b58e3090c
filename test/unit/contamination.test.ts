// What is compared, of which files: a comparison with nothing shall never read as nothing found.
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { UsageError } from "../../src/domain/errors.ts";
import { againstProblems, decontaminate } from "../../src/exports/decontamination.ts";
import { splitProblems } from "../../src/exports/split-rules.ts";
import { scratchFolder } from "./export-fixtures.ts";

const template = (question: string) =>
  `Data files:\n- /data/a.csv\n\nQuestion:\n${question}\n\nAnswer format:\nOne number, rounded to two decimals, and nothing else behind it`;
const chat = (question: string, more: object = {}) => ({
  messages: [
    { role: "user", content: template(question) },
    { role: "assistant", content: "1" },
  ],
  ...more,
});
const asked = [
  "What is the mean horsepower of all cars that were built in Japan after the year 1975?",
  "How many days of rain did the city have in every month of the year 2014?",
  "Which species of penguin has the longest flipper on the island of Dream in total?",
  "What share of the strikes by birds happened at night while the plane was landing?",
  "By how much did the unemployment rate in farming grow between 2001 and 2009?",
];

async function folderOf(files: Readonly<Record<string, readonly object[] | string>>) {
  const folder = await scratchFolder();
  for (const [name, rows] of Object.entries(files))
    await writeFile(
      folder.at(name),
      typeof rows === "string" ? rows : rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
    );
  return folder;
}

test.each([
  ["a JSON list", "suite.json", (rows: object[]) => JSON.stringify(rows, null, 1)],
  ["a JSON object with a list", "suite.json", (rows: object[]) => JSON.stringify({ version: 1, tasks: rows })],
  ["JSON lines", "suite.jsonl", (rows: object[]) => rows.map((row) => JSON.stringify(row)).join("\n")],
])("test questions are read from %s", async (_, name, write) => {
  const suite = write([
    { question: "Is anything else asked here that nobody else asks at all?" },
    { question: asked[3] },
  ]);
  await using folder = await folderOf({ "train.jsonl": asked.map((question) => chat(question)), [name]: suite });
  const { counts, problems } = await decontaminate(folder.at("train.jsonl"), folder.at(name));
  expect(counts).toMatchObject({ questions: 2, tooShort: 0, rows: 5, contaminated: 1, byCounted: 1 });
  expect(problems.map(({ rule, line }) => [rule, line])).toEqual([["DC-R1", 4]]);
});

test.each([
  ["training rows that hold tokens only", { input_ids: [1, 2], labels: [1, 2] }, { question: asked[0] ?? "" }],
  ["test rows without a question", chat(asked[0] ?? ""), { task: 7 }],
])("%s are no clean bill: it is told that nothing could be compared", async (_, row, test) => {
  await using folder = await folderOf({ "train.jsonl": [row], "suite.jsonl": [test] });
  const [train, suite] = [folder.at("train.jsonl"), folder.at("suite.jsonl")];
  await expect(againstProblems(train, [suite])).rejects.toThrow(UsageError);
  await expect(againstProblems(train, [suite])).rejects.toThrow(/got none in 1 rows: name a JSONL or Parquet file/);
  await expect(splitProblems(train, suite)).rejects.toThrow(/Expected rows with a question/);
});

test("a short test question is found where it is a whole line, and one of a word or two is told to be left out", async () => {
  await using folder = await folderOf({
    "train.jsonl": [...asked, "Who won most medals?"].map((question) => chat(question)),
    "suite.jsonl": [{ question: "who WON most medals" }, { question: "Which month?" }],
  });
  const problems = await againstProblems(folder.at("train.jsonl"), [folder.at("suite.jsonl")]);
  expect(problems.map(({ rule, line, severity }) => [rule, line, severity])).toEqual([
    ["DC-R1", 6, "error"],
    ["DC-R5", 0, "warning"],
    ["DC-R5", 0, "warning"],
  ]);
  expect(problems[2]?.message).toMatch(/^1 of 2 questions .* were not compared$/);
});

test("a small validation file is compared without its template, which the training file shows", async () => {
  const short = ["Mean of rain by month?", "Highest wind in 2012?"];
  await using folder = await folderOf({
    "train.jsonl": ["Mean of horsepower?", "Most cylinders?", "Oldest car?", "Heaviest car of all?"].map((one) =>
      chat(one),
    ),
    "validation.jsonl": short.map((one) => chat(one)),
    "copied.jsonl": [chat("Oldest car?")],
  });
  expect(await splitProblems(folder.at("train.jsonl"), folder.at("validation.jsonl"))).toEqual([]);
  const copied = await splitProblems(folder.at("train.jsonl"), folder.at("copied.jsonl"));
  expect(copied.map(({ rule, line }) => [rule, line])).toEqual([["SP-R3", 3]]);
});

test("a question that a file asks in every row is a question, and no template", async () => {
  const [question = ""] = asked;
  await using folder = await folderOf({
    "train.jsonl": Array.from({ length: 6 }, () => chat(question)),
    "validation.jsonl": Array.from({ length: 6 }, (_, index) => chat(question, { index })),
  });
  const problems = await splitProblems(folder.at("train.jsonl"), folder.at("validation.jsonl"));
  expect(problems.map(({ rule }) => rule)).toEqual(Array.from({ length: 6 }, () => "SP-R3"));
});

test("SP-R2 also by data files, where rows name them", async () => {
  const task = (id: string, question: string, sha256: string) => ({
    ...{ id, group: `dataset_${id}`, prompt: [{ role: "user", content: template(question) }] },
    files: [{ name: "a.csv", sha256, bytes: 1 }],
  });
  await using folder = await folderOf({
    "train.jsonl": asked.slice(0, 4).map((question, index) => task(`t${index}`, question, `${index}`)),
    "validation.jsonl": [task("v", "Which airline was late most often in the winter of 2001?", "2")],
  });
  const problems = await splitProblems(folder.at("train.jsonl"), folder.at("validation.jsonl"));
  expect(problems.map(({ rule, line, field }) => [rule, line, field])).toEqual([
    ["SP-R2", 3, "files"],
    ["OA-R14", 3, "files"],
  ]);
});

const suites = new URL("../../../shared/suites/task/", import.meta.url);

test.skipIf(!existsSync(suites))(
  "every question of real suites is found in a file that holds them (skipped where ../shared is absent)",
  async () => {
    for (const name of ["daeval/daeval.json", "qrdata/qrdata.json", "discoverybench/discoverybench.json"]) {
      const path = new URL(name, suites).pathname;
      const questions = JSON.parse(await readFile(path, "utf8")) as { question: string }[];
      await using folder = await folderOf({ "train.jsonl": questions.map(({ question }) => chat(question)) });
      const { counts } = await decontaminate(folder.at("train.jsonl"), path);
      expect(counts.questions).toBe(questions.length);
      expect(counts.contaminated).toBe(counts.rows - counts.tooShort);
    }
  },
);
