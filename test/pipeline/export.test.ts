// One small run, and everything that leaves it: products, splits, shards, lengths, previews, and what is refused.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endedCandidate, labelledSteps, labelledTry, preferencePair, rlTask } from "../../src/domain/products.ts";
import type { RunEvent } from "../../src/domain/run.ts";
import { exporters } from "../../src/exports/index.ts";
import { openRenderer } from "../../src/exports/render/open.ts";
import { tracemill } from "../kit/cli.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";
import { smallTokenizer } from "../kit/small-tokenizer.ts";

let run: SmallRun;
let tokenizer: string;
let events: RunEvent[];
beforeAll(async () => {
  // Thresholds that drop some tries for their quality, so that there is something to compare.
  run = await smallRun({
    config: {
      propose: { explorations: 1, questions: 4, maxTurns: 12, concurrency: 3 },
      rollouts: { attempts: 3, maxTurns: 10, concurrency: 4 },
      screen: { maxStepErrors: 0 },
      export: { formats: ["chat-jsonl", "trl-steps", "kto", "atif"] },
      select: { target: 8 },
    },
  });
  const end = await run.run();
  expect([0, 5], end.stderr).toContain(end.code);
  events = await run.events();
  tokenizer = await smallTokenizer(join(run.folder, "model"), "marked");
});
afterAll(() => run[Symbol.asyncDispose]());

const linesOf = async (path: string) =>
  (await readFile(path, "utf8"))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
const exportsOf = () => join(run.output, "runs/latest/exports");
const manifestOf = async (folder: string) => JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
const exportTo = async (name: string, ...args: string[]) => {
  const folder = join(run.folder, name);
  const end = await run.ask("export", "latest", "--to", folder, ...args);
  expect(end.code, end.stderr).toBe(0);
  return { folder, ...end };
};
const rejections = () => events.filter((event) => event.type === "item" && event.outcome === "rejected");

test("a run writes what its config names, examples and other products alike, and its manifest lists all", async () => {
  const manifest = await manifestOf(exportsOf());
  expect(manifest).toMatchObject({ version: 3, splits: null, length: null, seed: null });
  expect(manifest.formats.map(({ format, product }: Record<string, string>) => [format, product])).toEqual([
    ["chat-jsonl", "sft"],
    ["trl-steps", "sft"],
    ["kto", "kto"],
    ["atif", "trajectories"],
  ]);
  expect((await readdir(exportsOf())).sort()).toEqual(
    [
      "README.md",
      "atif.jsonl",
      "chat.jsonl",
      "croissant.json",
      "kto.jsonl",
      "manifest.json",
      "prompts",
      "trl-steps.jsonl",
    ].sort(),
  );
  const end = await run.ask("check", exportsOf(), "--json");
  const rules = JSON.parse(end.stdout).files.flatMap(({ problems }: { problems: { rule: string }[] }) =>
    problems.map(({ rule }) => rule),
  );
  expect(rules.filter((rule: string) => rule !== "OA-R2")).toEqual([]);
});

test("examples.csv says which rows came from which item, also where one has several", async () => {
  const [, ...rows] = (await readFile(join(run.output, "runs/latest/examples.csv"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));
  const steps = await linesOf(join(exportsOf(), "trl-steps.jsonl"));
  const placed = rows.filter(([file]) => file === "trl-steps.jsonl");
  expect(placed.map(([, line]) => Number(line))).toEqual(steps.map((_, index) => index + 1));
  const chat = await linesOf(join(exportsOf(), "chat.jsonl"));
  const trained = chat.map(({ messages }) => messages.filter(({ weight }: { weight?: number }) => weight === 1).length);
  const perExample = new Map<string, number>();
  for (const [, , id = ""] of placed) perExample.set(id, (perExample.get(id) ?? 0) + 1);
  expect([...perExample.values()]).toEqual(trained);
});

test("tries are labelled by their ends: accepted ones good, those that a gate of quality dropped bad, others not at all", async () => {
  const kto = (await linesOf(join(exportsOf(), "kto.jsonl"))).map((line) => labelledTry.parse(line));
  const examples = await linesOf(join(exportsOf(), "chat.jsonl"));
  expect(kto.filter(({ label }) => label)).toHaveLength(examples.length);
  const bad = kto.filter(({ label }) => !label);
  expect(bad.length).toBeGreaterThan(0);
  const codes = new Map(rejections().map((event) => [(event as { id: string }).id, (event as { code: string }).code]));
  for (const { trajectoryId, reason } of bad) expect(reason?.code).toBe(codes.get(trajectoryId));
  expect(bad.map(({ reason }) => reason?.code)).not.toContain("not_best");
});

test("every try leaves as a trajectory, with its end and its reason", async () => {
  const trajectories = await linesOf(join(exportsOf(), "atif.jsonl"));
  const ended = new Set(
    events.flatMap((event) =>
      event.type === "item" && event.id.startsWith("trajectory_") && event.outcome === "rejected" ? [event.id] : [],
    ),
  );
  const rejected = trajectories.filter(({ extra }) => !extra.accepted);
  expect(new Set(rejected.map(({ session_id }) => session_id))).toEqual(ended);
  for (const { extra, steps } of trajectories) {
    expect(extra.accepted).toBe(extra.reason === null);
    expect(steps.map(({ step_id }: { step_id: number }) => step_id)).toEqual(
      steps.map((_: unknown, index: number) => index + 1),
    );
  }
});

test("pairs, tasks and labelled steps are read from the ledger of the same run", async () => {
  const { folder } = await exportTo(
    "products",
    "--format",
    "preference,rl-tasks,step-labels,trl-preference,openai-dpo,verl-rl",
  );
  const pairs = (await linesOf(join(folder, "preference.jsonl"))).map((line) => preferencePair.parse(line));
  expect(pairs.length).toBeGreaterThan(0);
  for (const { prompt, chosen, rejected, taskId, reason } of pairs) {
    expect(prompt.at(-1)?.role).not.toBe("assistant");
    expect([chosen[0]?.role, rejected[0]?.role]).toEqual(["assistant", "assistant"]);
    expect(chosen[0]?.content).not.toBe(rejected[0]?.content);
    expect(reason.code).not.toBe("");
    expect(pairs.filter((other) => other.taskId === taskId).length).toBeLessThanOrEqual(4);
  }
  const tasks = (await linesOf(join(folder, "rl-tasks.jsonl"))).map((line) => rlTask.parse(line));
  for (const { prompt, reference, tried, accepted, files } of tasks) {
    expect(prompt.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(reference.answer).not.toBe("");
    expect(tried).toBeGreaterThanOrEqual(accepted);
    expect(files[0]?.sha256).toMatch(/^[0-9a-f]{64}$/);
  }
  const steps = (await linesOf(join(folder, "step-labels.jsonl"))).map((line) => labelledSteps.parse(line));
  const labels = new Set(steps.flatMap((one) => one.steps.map(({ why, label }) => `${why} ${label}`)));
  expect([...labels]).toEqual(expect.arrayContaining(["ran true", "accepted_answer true", "rejected_answer false"]));
  for (const one of steps)
    for (const { why, label } of one.steps) if (why === "ran") expect(label && one.accepted).toBe(true);
  expect(endedCandidate.shape.accepted).toBeDefined();
});

test("formats of several products stand in one dataset_info.json", async () => {
  const formats = ["llama-factory", "llama-factory-preference", "llama-factory-kto"];
  const { folder } = await exportTo("factory", "--format", formats.join(","));
  const info = JSON.parse(await readFile(join(folder, "dataset_info.json"), "utf8"));
  expect(Object.values(info).map((entry) => (entry as { file_name: string }).file_name)).toEqual(
    formats.map((format) => `${format}.jsonl`),
  );
});

test("an export that is killed leaves whole files or none under their names, and no manifest", async () => {
  const words = ["--output", run.output, "--format", "chat-jsonl,parquet,kto", "--shard-items", "3"];
  const { folder: whole } = await exportTo("whole", ...words.slice(2));
  const files = (await readdir(whole, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const known = new Map<string, Buffer>();
  for (const { parentPath, name } of files) known.set(name, await readFile(join(parentPath, name)));
  for (const renames of [1, 4, 9]) {
    // Dies as the n-th file is about to get its name.
    const dying = `import fs, { promises } from "node:fs"; import { syncBuiltinESMExports } from "node:module";
      let left = ${renames}; const { rename } = promises;
      promises.rename = (...paths) => (--left > 0 ? rename(...paths) : process.kill(process.pid, "SIGKILL"));
      syncBuiltinESMExports();`;
    const to = join(run.folder, `killed-${renames}`);
    const end = await tracemill(["export", "latest", "--to", to, ...words], {
      preload: `data:text/javascript,${encodeURIComponent(dying)}`,
    });
    expect(end.signal).toBe("SIGKILL");
    const left = (await readdir(to, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(left.length).toBeGreaterThan(0);
    const named = left.filter(({ name }) => !name.startsWith(".") && !name.endsWith(".partial"));
    for (const { parentPath, name } of named) expect(await readFile(join(parentPath, name))).toEqual(known.get(name));
    expect(named.map(({ name }) => name)).not.toContain("manifest.json");
    const again = await run.ask("export", "latest", "--to", to);
    expect(again.stderr).toMatch(/to be new or empty/);
  }
});

test("splits share no source dataset, and the same command writes the same bytes", async () => {
  const args = [
    "--format",
    "chat-jsonl,parquet,kto",
    "--split-validation",
    "0.4",
    "--shuffle",
    "--shard-items",
    "2",
    "--seed",
    "5",
  ];
  const [first, second] = [await exportTo("split-1", ...args), await exportTo("split-2", ...args)];
  const manifest = await manifestOf(first.folder);
  expect(await manifestOf(second.folder)).toEqual(manifest);
  expect(manifest).toMatchObject({ seed: 5, shuffled: true });
  const parquet = manifest.formats.find(({ format }: { format: string }) => format === "parquet");
  const groups: Record<string, Set<unknown>> = { train: new Set(), validation: new Set() };
  let rows = 0;
  for (const { file, split, rows: told } of parquet.files) {
    expect(file).toMatch(/^parquet\/(train|validation)-\d{5}-of-\d{5}\.parquet$/);
    const found = await parquetReadObjects({ file: await asyncBufferFromFile(join(first.folder, file)) });
    expect(found).toHaveLength(told);
    rows += told;
    for (const { group } of found) groups[split]?.add(group);
  }
  expect(rows).toBe((await linesOf(join(exportsOf(), "chat.jsonl"))).length);
  for (const group of groups.validation ?? []) expect(groups.train?.has(group)).toBe(false);
  expect(Object.keys(manifest.splits)).toEqual(["train", "validation"]);
  const other = await manifestOf((await exportTo("split-3", ...args.with(-1, "6"))).folder);
  expect(other.formats[0].subset).not.toBe(manifest.formats[0].subset);
  const stderr = await run.ask("check", first.folder, "--target", "hf");
  expect(stderr.code, stderr.stdout).toBe(0);
});

test("a tokenizer with a template makes tokens, bounds length and shows rows as the trainer sees them", async () => {
  const named = ["--tokenizer", tokenizer];
  const { folder } = await exportTo("tokens", "--format", "tokenised,chat-jsonl", ...named);
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(join(folder, "tokenised.parquet")) });
  const renderer = await openRenderer({ tokenizer });
  const chat = exporters.find(({ name }) => name === "chat-jsonl");
  const expected: unknown[] = [];
  for await (const one of chat?.conversations?.(join(folder, "chat.jsonl")) ?? [])
    if (one !== null) expected.push(renderer.tokenise(one));
  expect(
    rows.map(({ input_ids: inputIds, attention_mask: attentionMask, labels }) => ({ inputIds, attentionMask, labels })),
  ).toEqual(expected);
  const { tokens } = await manifestOf(folder);
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
  expect(tokens).toMatchObject({
    ...{ rows: rows.length, unplaced: 0, estimated: false },
    tokens: sum(rows.map(({ input_ids: ids }) => ids.length)),
    trained: sum(rows.map(({ labels }) => labels.filter((label: number) => label !== -100).length)),
  });
  expect(await readFile(join(folder, "README.md"), "utf8")).toContain(
    `Tokens: ${tokens.tokens} in ${rows.length} examples as written, ${tokens.trained} of them with loss;`,
  );

  const { folder: cut } = await exportTo(
    "cut",
    "--format",
    "chat-jsonl",
    ...named,
    "--max-tokens",
    "900",
    "--over",
    "split",
  );
  const { length, renderer: identity } = await manifestOf(cut);
  expect(length).toMatchObject({ maxTokens: 900, over: "split" });
  expect(length.whole + length.split + length.rejected).toBe(rows.length);
  expect(identity.tokenizer).toMatch(/^[0-9a-f]{64}$/);
  const checked = await run.ask(
    "check",
    join(cut, "chat.jsonl"),
    "--target",
    "openai",
    ...named,
    "--max-tokens",
    "900",
    "--json",
  );
  const rules = JSON.parse(checked.stdout).files[0].problems.map(({ rule }: { rule: string }) => rule);
  expect(rules).not.toContain("OA-R10");

  const preview = await run.ask("export", "latest", "--preview", "2", ...named);
  expect(preview.stdout.match(/^=== row \d, example_\w+: \d[\d,]* tokens, \d[\d,]* with loss/gm)).toHaveLength(2);
  expect(preview.stdout).toMatch(/⟦[\s\S]*<\|im_end\|>⟧/);
  // What is left out for its length is not shown either.
  const short = await run.ask("export", "latest", "--preview", "1", ...named, "--max-tokens", "5");
  expect(short.stdout).toMatch(/^None of the run's \d+ examples keeps to 5 tokens\./);
});

test("source data that are test data, too, stop an export: the same bytes, or the same table under others", async () => {
  const tables = new URL("../../node_modules/vega-datasets/data/", import.meta.url);
  const cars = JSON.parse(await readFile(new URL("cars.json", tables), "utf8")) as { Name: string }[];
  await mkdir(join(run.folder, "suite"));
  await writeFile(
    join(run.folder, "suite/edited.json"),
    JSON.stringify(cars.map((car) => ({ ...car, Name: "a car" }))),
  );
  await writeFile(join(run.folder, "other.csv"), "city,rain\nOslo,3\nRome,1\n");
  const against = async (path: string) =>
    run.ask("export", "latest", "--to", join(run.folder, "compared"), "--against-data", path);
  const same = await against(new URL("penguins.json", tables).pathname);
  expect([same.code, same.stderr]).toEqual([
    2,
    expect.stringMatching(
      /DC-R3: .* got `penguins\.json` of `penguins`, which is the file .* leave these datasets out/,
    ),
  ]);
  const edited = await against(join(run.folder, "suite"));
  expect([edited.code, edited.stderr]).toEqual([
    2,
    expect.stringMatching(
      /got `cars\.json` of `cars`, which has the columns and the number of rows of `.*edited\.json`/,
    ),
  ]);
  const clean = await against(join(run.folder, "other.csv"));
  expect([clean.code, clean.stdout]).toEqual([0, expect.stringContaining("No source file is among the test data")]);
});

test("what cannot be is refused with the way out, and nothing is written or spent", async () => {
  const refused = async (args: string[], message: RegExp) => {
    const end = await run.ask(...args);
    expect(end.code, end.stdout).toBe(2);
    expect(end.stderr).toMatch(message);
  };
  const to = join(run.folder, "never");
  await writeFile(join(run.folder, "taken"), "a file");
  await refused(
    ["export", "latest", "--to", exportsOf()],
    /to be new or empty, got \d+ entries in it: name another folder with --to/,
  );
  await refused(
    ["export", "latest", "--to", join(run.folder, "taken")],
    /Expected `.*taken` to be a folder, or nothing yet/,
  );
  await refused(
    ["export", "latest", "--to", to, "--format", "tokenised"],
    /Expected `export\.tokenizer`, which the format `tokenised` needs/,
  );
  await refused(["export", "latest", "--to", to, "--format", "openay"], /formats.*did you mean `openai`/s);
  await refused(["export", "latest", "--to", to, "--over", "split"], /Expected --max-tokens beside --over/);
  await refused(["export", "latest", "--to", to, "--max-tokens", "100"], /tokenizer/);
  await refused(
    ["export", "latest", "--to", to, "--split-validation", "0.6", "--split-test", "0.5"],
    /leave something to train on/,
  );
  await refused(
    ["export", "latest", "--preview", "many"],
    /Expected --preview to be a whole number from 1, got `many`/,
  );
  const before = await readdir(join(run.output, "runs"));
  const started = await run.run({ set: ["export.formats=[tokenised]"] });
  expect(started.code).toBe(2);
  expect(started.stderr).toMatch(/Expected `export\.tokenizer`, which the format `tokenised` needs/);
  expect(await readdir(join(run.output, "runs"))).toEqual(before);
});

test("a body that is gone from the store is told, and no file is left half-written", async () => {
  const { rm, cp } = await import("node:fs/promises");
  const moved = join(run.folder, "moved/runs/one");
  await cp(join(run.output, "runs", (await manifestOf(exportsOf())).run), moved, { recursive: true });
  const to = join(run.folder, "moved-export");
  const end = await run.ask("export", moved, "--to", to);
  expect(end.code).toBe(2);
  expect(end.stderr).toMatch(
    /Expected the body of \w+ in the store .*got none: it was pruned, or the run folder was moved/,
  );
  expect(await readdir(to).catch(() => [])).toEqual([]);
  await rm(moved, { recursive: true });
});
