import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import sft from "../../pipelines/sft.ts";
import type { TaskCheck } from "../../src/commands/check-tasks-page.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { packageRoot } from "../../src/package.ts";
import { taskLine } from "../../src/tasks/task-line.ts";
import { tracemill } from "../kit/cli.ts";
import { jsonl, type OwnFolder, ownFolder } from "../kit/own-questions.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";

const missing = await sandboxMissing();

let own: OwnFolder;
beforeAll(async () => {
  own = await ownFolder();
});
afterAll(async () => {
  await own[Symbol.asyncDispose]();
});

test("a good file is counted, each question with how its answer will be checked", async () => {
  const end = await own.ask("check-tasks", "questions.jsonl");
  expect(end.code, end.stderr).toBe(0);
  expect(end.stdout).toContain("8 questions (1 repeated) in questions.jsonl");
  expect(end.stdout).toContain(
    "2 without a reference answer, 3 with reference code (not looked at: that takes --config)",
  );
  expect(end.stdout).toMatch(
    /^1 +right +Which value .* named_values \{"places":\{"mean":2\}\} +@group\[East\], @mean\[13.33\]$/m,
  );
  expect(end.stdout).toMatch(/^5 +no answer +Which value .* nothing$/m);
  expect(end.stdout).toContain("questions.jsonl:8 question: the same as questions.jsonl:1: a run uses it once");
});

test("every mistake is told at once, with line, field, value and way out", async () => {
  await own.write(
    "bad.jsonl",
    `${jsonl([
      { id: "a", question: "What is the mean?", answerFormat: "a number", reference_answer: 3.5 },
      { question: "How many?", difficulty: "extreme", reference_answer: 3 },
      { question: "Why?", files: ["nothing.csv"] },
      { question: "Why?", files: ["data/sales.csv"] },
    ])}not json\n`,
  );
  const [text, json] = await Promise.all([
    own.ask("check-tasks", "bad.jsonl"),
    own.ask("check-tasks", "bad.jsonl", "--json"),
  ]);
  expect([text.code, json.code]).toEqual([2, 2]);
  for (const told of [
    "bad.jsonl:1 answerFormat: unknown key; did you mean `answer_format`?",
    'bad.jsonl:2 difficulty: expected one of `easy`, `medium`, `hard`, got `"extreme"`',
    "bad.jsonl:3 files: expected files[0] to be a folder, a file or a glob, got `nothing.csv`",
    "bad.jsonl:5 (line): expected one JSON object, got `not json`",
  ]) {
    expect(text.stdout).toContain(told);
  }
  const check = JSON.parse(json.stdout) as TaskCheck;
  expect(check.survey).toMatchObject({ questions: 1, errorCount: 4, datasets: { sales: 1 } });
  expect(check.tasks).toMatchObject([{ line: 4, metric: null, dataset: "sales" }]);
});

test("the questions shown in docs/tasks.md are questions", async () => {
  const page = await readFile(join(packageRoot(), "docs/tasks.md"), "utf8");
  await own.write("shown.jsonl", /```jsonl\n([\s\S]*?)```/.exec(page)?.[1] ?? "");
  const end = await own.ask("check-tasks", "shown.jsonl", "--json");
  expect(end.code, end.stdout).toBe(0);
  expect((JSON.parse(end.stdout) as TaskCheck).survey).toMatchObject({
    questions: 3,
    withoutReference: 1,
    withCode: 1,
  });
});

test("the question of a file shown in docs/tasks.md is checked as it says", async () => {
  const page = await readFile(join(packageRoot(), "docs/tasks.md"), "utf8");
  const section = /^## A file as the answer\n([\s\S]*?)\n## /m.exec(page)?.[1] ?? "";
  await own.write("answers.csv", /```csv\n([\s\S]*?)```/.exec(section)?.[1] ?? "");
  await own.write("file.jsonl", /```jsonl\n([\s\S]*?)```/.exec(section)?.[1] ?? "");
  const end = await own.ask("check-tasks", "file.jsonl");
  expect(end.code, end.stdout).toBe(0);
  expect(end.stdout).toContain(/```\n(line [\s\S]*?)```/.exec(section)?.[1] ?? "(nothing is shown)");
  await own.write("answers.csv", "id,cost\n1,2\n");
  const broken = await own.ask("check-tasks", "file.jsonl");
  expect(broken.code).toBe(2);
  expect(broken.stdout).toContain("file.jsonl:1 reference_file: `table` cannot compare with it");
});

test("the config shown in docs/tasks.md is a config", async () => {
  const page = await readFile(join(packageRoot(), "docs/tasks.md"), "utf8");
  const shown = parse(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "");
  expect(parseConfig(sft.config, shown, "run.yaml").screen.agreement).toBe(0.5);
});

test("docs/tasks.md tells every field of a line", async () => {
  const page = await readFile(join(packageRoot(), "docs/tasks.md"), "utf8");
  const table = page.slice(page.indexOf("| field |"), page.indexOf("- **The id"));
  const told = table
    .split("\n")
    .flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, field]) => field));
  expect(told.toSorted()).toEqual(Object.keys(taskLine.shape).toSorted());
});

test("the schema is printed as the package holds it", async () => {
  const end = await tracemill(["check-tasks", "--schema"]);
  expect(end.stdout).toBe(await readFile(join(packageRoot(), "schemas/task.schema.json"), "utf8"));
});

test("without a file it says what to type", async () => {
  const end = await own.ask("check-tasks");
  expect(end.code).toBe(2);
  expect(end.stderr).toContain("tracemill check-tasks questions.jsonl");
});

test.skipIf(missing !== null)(
  `with a config, datasets have to exist and reference code has to parse${missing === null ? "" : ` (skipped: ${missing})`}`,
  async () => {
    const good = await own.ask("check-tasks", "--config", "run.yaml");
    expect(good.code, good.stdout + good.stderr).toBe(0);
    expect(good.stdout).toContain("3 with reference code (parsed, not run: a run does that)");
    const line = { question: "How many rows?", dataset: "sales", reference_answer: 12 };
    await own.write(
      "code.jsonl",
      jsonl([
        { ...line, reference_code: "print(12" },
        { ...line, question: "How many tables?", dataset: "sale" },
        { ...line, question: "How many, say?", reference_code: "print(12)" },
      ]),
    );
    const bad = await own.ask("check-tasks", "code.jsonl", "--config", "run.yaml");
    expect(bad.code).toBe(2);
    expect(bad.stdout).toMatch(/code\.jsonl:1 reference_code: expected Python that parses, got SyntaxError/);
    expect(bad.stdout).toContain(
      "code.jsonl:2 dataset: expected the name of one of the config's datasets, got `sale`; did you mean `sales`?",
    );
    expect(bad.stdout).not.toContain("code.jsonl:3 reference_code");
  },
);
