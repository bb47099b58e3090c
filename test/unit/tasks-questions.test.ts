import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sha256 } from "../../src/domain/hash.ts";
import type { OwnQuestion } from "../../src/domain/task.ts";
import { openBlobs } from "../../src/engine/blobs.ts";
import { packageRoot } from "../../src/package.ts";
import { datasetFinder } from "../../src/tasks/find-data.ts";
import { readQuestions } from "../../src/tasks/own-questions.ts";
import { readLines } from "../../src/tasks/read-lines.ts";
import { referenceOf } from "../../src/tasks/reference-of.ts";
import { surveyQuestions } from "../../src/tasks/survey.ts";
import { taskLine, taskLineSchema } from "../../src/tasks/task-line.ts";
import { dataset } from "./stages-fixture.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracemill-tasks-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const shop = { ...dataset, id: "dataset_shop", name: "shop" };

async function fileOf(content: string | Uint8Array, name = "q.jsonl") {
  const path = join(folder, name);
  await writeFile(path, content);
  return { name, path };
}

const finder = (datasets = [dataset, shop]) =>
  datasetFinder({
    datasets,
    load: () => Promise.reject(new Error("no line of this test has files")),
  });

async function read(lines: readonly object[], name?: string) {
  const file = await fileOf(lines.map((line) => `${JSON.stringify(line)}\n`).join(""), name);
  const questions: OwnQuestion[] = [];
  const problems: string[] = [];
  for await (const found of readQuestions([file], finder())) {
    if ("question" in found) questions.push(found.question);
    else problems.push(...found.problems.map(({ field, message }) => `${found.line} ${field}: ${message}`));
  }
  return { questions, problems };
}

const mean = { question: "What is the mean price?", dataset: "cars", reference_answer: 12.5 };

describe("a question's id", () => {
  test("is what is asked: not its place, the user's id, its code, difficulty or metadata", async () => {
    const { questions } = await read([
      { question: "Another one?", dataset: "cars" },
      { ...mean, id: "mine", reference_code: "print(12.5)", difficulty: "hard", metadata: { a: 1 }, split: "train" },
    ]);
    const { questions: alone } = await read([mean], "other.jsonl");
    expect(questions[1]?.id).toBe(alone[0]?.id);
    expect(questions[1]).toMatchObject({
      own: { id: "mine", line: 2, file: "q.jsonl" },
      metadata: { a: 1, split: "train" },
    });
  });

  test.each<[string, object]>([
    ["data", { dataset: "shop" }],
    ["context", { context: "In euros." }],
    ["constraints", { constraints: "Round." }],
    ["answer format", { answer_format: "a number" }],
    ["reference answer", { reference_answer: 13 }],
    ["missing reference answer", { reference_answer: null }],
    ["metric's options", { params: { relative: 0.1 } }],
  ])("differs with another %s", async (_, change) => {
    const { questions } = await read([mean, { ...mean, ...change }]);
    expect(questions).toHaveLength(2);
    expect(questions[0]?.id).not.toBe(questions[1]?.id);
    expect(questions[1]?.repeats).toBeNull();
  });

  test("of a repetition is another, and says where the question stood first", async () => {
    const { questions } = await read([mean, mean, { ...mean, id: "again" }]);
    expect(new Set(questions.map(({ id }) => id)).size).toBe(3);
    expect(questions.map(({ repeats }) => repeats)).toEqual([null, "q.jsonl:1", "q.jsonl:1"]);
  });
});

describe("a line with mistakes", () => {
  test("tells all of them at once, with the nearest name for a field in camelCase", async () => {
    const { problems } = await read([
      { question: " ", answerFormat: "a number", referenceAnswer: 3, dataset: "car", difficulty: "extreme" },
    ]);
    expect(problems.map((problem) => problem.split(":")[0])).toEqual([
      "1 question",
      "1 difficulty",
      "1 answerFormat",
      "1 referenceAnswer",
      "1 dataset",
    ]);
    expect(problems.join("\n")).toContain("did you mean `answer_format`?");
    expect(problems.join("\n")).toContain("did you mean `reference_answer`?");
    expect(problems.join("\n")).toContain("did you mean `cars`?");
  });

  test("does not keep the lines after it from being read", async () => {
    const file = await fileOf(`{"question":\n[1]\nnull\n${JSON.stringify(mean)}\n`);
    const survey = await surveyQuestions([file], finder());
    expect(survey).toMatchObject({ questions: 1, errorCount: 3 });
    expect(survey.errors.map(({ line }) => line)).toEqual([1, 2, 3]);
  });

  test("needs a dataset's name only where there are several", async () => {
    const file = await fileOf('{"question": "How many rows?"}\n');
    expect((await surveyQuestions([file], finder([dataset]))).errorCount).toBe(0);
    const [error] = (await surveyQuestions([file], finder())).errors;
    expect(error?.message).toContain("`cars`, `shop`");
  });
});

test("a survey tells ids given twice as errors, repetitions and other answers as warnings", async () => {
  const file = await fileOf(
    [{ ...mean, id: "a" }, { ...mean, id: "a", dataset: "shop" }, mean, { ...mean, reference_answer: 13 }]
      .map((line) => JSON.stringify(line))
      .join("\n"),
  );
  const survey = await surveyQuestions([file], finder());
  expect(survey.errors.map(({ line, field }) => `${line} ${field}`)).toEqual(["2 id"]);
  expect(survey.warnings.map(({ line, message }) => `${line} ${message}`)).toEqual([
    expect.stringMatching(/^3 the same as q.jsonl:1/),
    expect.stringMatching(/^4 asked in q.jsonl:1 too, there with another answer/),
  ]);
  expect(survey).toMatchObject({ questions: 4, repeats: 1, metrics: { number: 4 }, datasets: { cars: 3, shop: 1 } });
});

describe("how an answer is checked", () => {
  const referenced = (line: object) => referenceOf(taskLine.parse({ question: "What?", ...line }));

  test.each<[unknown, string | undefined, string, string]>([
    [12.5, undefined, "12.5", "number"],
    ["12.5", undefined, "12.5", "number"],
    [["a", "b"], undefined, "a, b", "list"],
    [{ mean: 1.5, n: 3 }, undefined, "@mean[1.5], @n[3]", "named_values"],
    [4, "@count[value]", "@count[4]", "named_values"],
    ["North", undefined, "North", "text"],
    [true, undefined, "true", "text"],
  ])("%j with format %j is `%s`, by %s", (answer, format, text, metric) => {
    const found = referenced({ reference_answer: answer, answer_format: format });
    expect(found).toMatchObject({ reference: { answer: text, metric } });
  });

  test("is as the user says, where the metric finds the answer itself right", () => {
    const given = { reference_answer: 12.5, metric: "number", params: { relative: 0.05 } };
    expect(referenced(given)).toEqual({
      reference: { answer: "12.5", metric: "number", params: { relative: 0.05 } },
    });
    expect(referenced({ reference_answer: 12.5, metric: "text" })).toMatchObject({
      reference: { metric: "text", params: {} },
    });
  });

  test.each<[string, object, string, RegExp]>([
    ["an empty answer", { reference_answer: " " }, "reference_answer", /empty/],
    ["options the metric has not", { reference_answer: 1, params: { tolerance: 1 } }, "params", /tolerance/],
    [
      "a metric that cannot read the answer",
      { reference_answer: "North", metric: "number" },
      "metric",
      /`named_values`/,
    ],
    ["a long text", { reference_answer: "word ".repeat(60) }, "metric", /`"metric": "text"` to insist/],
    ["a metric without an answer", { metric: "number" }, "metric", /missing/],
    ["code without an answer", { reference_code: "print(1)" }, "reference_code", /missing/],
    ["not a number", { reference_answer: "nan" }, "reference_answer", /mend the answer/],
  ])("is refused for %s", (_, line, field, message) => {
    const found = referenced(line);
    expect(found).toMatchObject({ problem: { field } });
    expect("problem" in found ? found.problem.message : "").toMatch(message);
  });

  test("is nothing without an answer", () => {
    expect(referenced({})).toEqual({ reference: null });
    expect(referenced({ reference_answer: null, metric: null })).toEqual({ reference: null });
  });
});

describe("the lines of a file", () => {
  const linesOf = async (content: string | Uint8Array) => {
    const found = [];
    for await (const { line, text, problem } of readLines((await fileOf(content, "lines")).path)) {
      found.push(problem === null ? `${line} ${text}` : `${line} ! ${problem.split(" ").slice(0, 4).join(" ")}`);
    }
    return found;
  };

  test("are numbered as an editor numbers them, whatever ends them and whatever is empty", async () => {
    expect(await linesOf("\ufeffa\r\n\r\n  \nb\u2028c\nd")).toEqual(["1 a", "4 b\u2028c", "5 d"]);
    expect(await linesOf("")).toEqual([]);
  });

  test("that are not UTF-8, or far too long, are told and passed", async () => {
    const long = Buffer.alloc(8 * 1024 * 1024 + 1, "x");
    const bytes = Buffer.concat([Buffer.from("a\n"), Buffer.from([0x63, 0xe9, 0x0a]), long, Buffer.from("\nz\n")]);
    expect(await linesOf(bytes)).toEqual([
      "1 a",
      "2 ! expected UTF-8, got bytes",
      "3 ! expected at most 8388608",
      "4 z",
    ]);
  });
});

test("the JSON Schema in the package is the one that lines are checked with", async () => {
  const published = JSON.parse(await readFile(join(packageRoot(), "schemas/task.schema.json"), "utf8"));
  expect(published).toEqual(JSON.parse(JSON.stringify(taskLineSchema())));
});

describe("a question that asks for a file", () => {
  const asks = { question: "Predict the prices.", dataset: "cars", submission: { file: "/scratch/s.csv" } };
  const compared = { ...asks, reference_file: "answers.csv", params: { target: "price" } };
  beforeAll(() => writeFile(join(folder, "answers.csv"), "id,price\n1,10\n2,20\n"));

  test("carries the file's place and cap, and its reference as a hash of bytes that were kept", async () => {
    const { questions, problems } = await read([asks, compared]);
    expect(problems).toEqual([]);
    expect(questions.map(({ submission }) => submission)).toEqual([
      { path: "/scratch/s.csv", maxBytes: 50_000_000 },
      { path: "/scratch/s.csv", maxBytes: 50_000_000 },
    ]);
    expect(questions[0]?.reference).toBeNull();
    const { reference } = questions[1] as OwnQuestion;
    expect(reference).toMatchObject({ answer: "", metric: "table", params: { target: "price" }, file: { bytes: 19 } });
    expect(JSON.stringify(questions)).not.toContain("answers.csv");
    const blobs = openBlobs(join(folder, "blobs"));
    for await (const _ of readQuestions([await fileOf(`${JSON.stringify(compared)}\n`)], finder(), blobs));
    expect(Buffer.from((await blobs.get(reference?.file?.sha256 ?? "")) ?? []).toString()).toContain("2,20");
  });

  test("is another question with another file, cap, or reference", async () => {
    const { questions } = await read([
      { question: asks.question, dataset: "cars" },
      asks,
      { ...asks, submission: { file: "/scratch/t.csv" } },
      { ...asks, submission: { ...asks.submission, maxMb: 1 } },
      compared,
    ]);
    expect(new Set(questions.map(({ id }) => id)).size).toBe(5);
  });

  test.each<[object, RegExp]>([
    [
      { ...asks, submission: { file: "/tmp/s.csv" } },
      /submission\.file: expected a path below \/scratch\/.*got `\/tmp\/s.csv`/,
    ],
    [{ ...asks, submission: { file: "/scratch/../s.csv" } }, /submission\.file: expected names of letters/],
    [{ ...asks, submission: { file: "/scratch/s.csv", maxMb: 0 } }, /submission\.maxMb: expected more than 0/],
    [{ ...asks, submission: { file: "/scratch/s.csv", max_mb: 1 } }, /submission\.max_mb: unknown key.*maxMb/],
    [{ ...compared, submission: null }, /reference_file: .*no `submission`.*add it/],
    [
      { ...compared, reference_file: "none.csv" },
      /reference_file: expected a file at `.*none\.csv`, got ENOENT: check the path/,
    ],
    [{ ...compared, reference_file: "." }, /reference_file: .*got something that is no file/],
    [{ ...compared, reference_answer: 1 }, /reference_answer: expected one reference.*leave one out/],
    [{ ...compared, reference_code: "print(1)" }, /reference_code: expected one reference/],
    [{ ...compared, metric: "number" }, /metric: expected a metric of files \(`table`\), got `number`/],
    [
      { ...compared, params: { target: "cost" } },
      /reference_file: `table` cannot compare with it: .*none called `cost`/,
    ],
    [{ ...compared, params: {} }, /params: `table` cannot compare with it: Expected usable params, got `target`/],
    [{ ...mean, metric: "table" }, /metric: `table` compares files: name a `reference_file`/],
  ])("%j is told what is wrong, with its line and the way out", async (line, problem) => {
    const { problems } = await read([line]);
    expect(problems).toEqual([expect.stringMatching(/^1 /)]);
    expect(problems[0]).toMatch(problem);
  });

  test("may not have a reference that is among the data: every agent would read it", async () => {
    const answers = await readFile(join(folder, "answers.csv"));
    const data = {
      ...dataset,
      files: [{ name: "all.csv", format: "csv" as const, bytes: 19, sha256: sha256(answers) }],
    };
    const file = await fileOf(`${JSON.stringify(compared)}\n`);
    const found = [];
    for await (const one of readQuestions([file], finder([data, shop]))) found.push(one);
    expect(found).toMatchObject([
      {
        line: 1,
        problems: [{ field: "reference_file", message: expect.stringContaining("also the data file `all.csv`") }],
      },
    ]);
  });
});
