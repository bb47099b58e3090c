import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { targets } from "../../src/exports/targets.ts";
import { tracemill } from "../kit/cli.ts";
import { scratchFolder } from "../unit/export-fixtures.ts";

const user = { role: "user", content: "How many rows?" };
const answer = { role: "assistant", content: "891", weight: 1 };
const good = JSON.stringify({ messages: [user, answer] });
const lines = (...bad: object[]) =>
  `${[...Array(50).fill(good), ...bad.map((row) => JSON.stringify(row))].join("\n")}\n`;

let folder: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
  folder = await scratchFolder();
  await writeFile(folder.at("good.jsonl"), lines());
  await writeFile(folder.at("few.jsonl"), `${Array(20).fill(good).join("\n")}\n`);
  const bad = { messages: [user, { ...answer, weight: 2, content: "\u001b[31mred" }] };
  await writeFile(folder.at("bad.jsonl"), lines(...Array(30).fill(bad), { messages: [user], id: 1 }));
  await writeFile(folder.at("thinks.jsonl"), lines({ messages: [user, answer, user, answer] }));
  await writeFile(folder.at("grader.json"), '{"type":"string_check","reference":"{{ item.reference_answer }}"}');
  await writeFile(
    folder.at("tasks.jsonl"),
    `${Array(50)
      .fill(JSON.stringify({ messages: [user], answer: 1 }))
      .join("\n")}\n`,
  );
  await mkdir(folder.at("exports"));
  await writeFile(folder.at("exports/openai.jsonl"), lines());
  await writeFile(folder.at("exports/azure.jsonl"), lines());
  const formats = ["openai", "azure"].map((format) => ({
    format,
    product: "sft",
    files: [{ file: `${format}.jsonl`, split: "train" }],
  }));
  await writeFile(folder.at("exports/manifest.json"), JSON.stringify({ version: 3, formats }));
});
afterAll(() => folder[Symbol.asyncDispose]());

const check = (...args: string[]) => tracemill(["check", ...args], { cwd: folder.path });

test("a file that keeps the rules ends with 0, warnings or not; one that breaks one ends with 2, with line and field", async () => {
  const [good, few, bad, json] = await Promise.all([
    check("good.jsonl", "--target", "openai"),
    check("few.jsonl", "--target", "openai"),
    check("bad.jsonl", "--target", "openai"),
    check("bad.jsonl", "few.jsonl", "--target", "openai", "--json"),
  ]);
  expect([good.code, few.code, bad.code, json.code], bad.stderr + json.stderr).toEqual([0, 0, 2, 2]);
  expect(few.stdout).toMatch(/OA-R2 \(warning\).*50 lines or more, got 20/);
  expect(bad.stdout).toContain("bad.jsonl for openai");
  expect(bad.stdout).toMatch(/OA-R7 line 51, messages\[1\]\.weight: Expected the integer 0 or 1, got `2`/);
  expect(bad.stdout).toMatch(/OA-R4 line 81, id: .*remove it/);
  expect(bad.stdout).not.toContain("\u001b");
  expect(bad.stdout.match(/OA-R7 line/g)?.length).toBeLessThanOrEqual(20);
  expect(bad.stdout).toMatch(/OA-R7: \d+ more like these \(--all shows them\)/);
  const told = JSON.parse(json.stdout) as {
    errors: number;
    files: { file: string; target: string; problems: { rule: string; line: number }[] }[];
  };
  expect(told.files.map(({ file, target }) => [file, target])).toEqual([
    ["bad.jsonl", "openai"],
    ["few.jsonl", "openai"],
  ]);
  expect(told.files[0]?.problems.filter(({ rule }) => rule === "OA-R7")).toHaveLength(30);
  expect(told.errors).toBe(32);
});

test("a folder is checked by its manifest, each file for its own format", async () => {
  const [all, one] = await Promise.all([check("exports"), check("exports", "--target", "openai")]);
  expect([all.code, one.code], all.stderr + one.stderr).toEqual([2, 0]);
  expect(all.stdout).toContain(`${join("exports", "openai.jsonl")} for openai: nothing to mend`);
  expect(all.stdout).toMatch(/AZ-R1 line 1: .*byte order mark/);
  expect(one.stdout).not.toContain("azure");
});

test("what only the user knows is an option: a model that reasons, a tokenizer, a grader", async () => {
  const [reasons, counted, graded] = await Promise.all([
    check("thinks.jsonl", "--target", "together", "--reasoning"),
    check("good.jsonl", "--target", "openai", "--tokenizer", "o200k_base", "--max-tokens", "5"),
    check("tasks.jsonl", "--target", "openai-rft", "--grader", "grader.json"),
  ]);
  expect([reasons.code, counted.code, graded.code], counted.stderr).toEqual([2, 2, 2]);
  expect(reasons.stdout).toMatch(/TG-R13 line 51, messages: /);
  expect(counted.stdout).toMatch(/OA-R10 line 1, messages: Expected at most 5 tokens, got \d+ \(an estimate\)/);
  expect(graded.stdout).toMatch(/OA-R12 line 1, reference_answer: .*\{\{item\.reference_answer\}\}/);
});

test.each([
  [["good.jsonl"], "what it is for: one of chat-jsonl, openai, azure"],
  [["good.jsonl", "--target", "opnai"], "did you mean `openai`?"],
  [["nothing.jsonl", "--target", "openai"], "nothing.jsonl"],
  [["good.jsonl", "--target", "openai", "--max-tokens", "5"], "Expected --tokenizer"],
  [["good.jsonl", "--target", "openai-rft", "--grader", "nothing.json"], "nothing.json"],
])("%j is told as a mistake", async (args, told) => {
  const end = await check(...args);
  expect(end.code).toBe(2);
  expect(end.stdout).toBe("");
  expect(end.stderr).toContain(told);
});

test("lists every target", async () => {
  const { stdout } = await tracemill(["list", "targets"]);
  for (const { name } of targets) expect(stdout).toMatch(new RegExp(`^${name} `, "m"));
});
