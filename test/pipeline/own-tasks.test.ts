import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DryRun } from "../../src/run/dry-run-page.ts";
import type { CliEnd } from "../kit/cli.ts";
import { type OwnFolder, ownFolder, questions } from "../kit/own-questions.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";

const missing = await sandboxMissing();

// The tests of one run stand in the order in which a user would type the commands: look, preview, run, ask.
describe.skipIf(missing !== null)(`own questions${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let own: OwnFolder;
  let dry: CliEnd;
  let dryLog: string;
  let preview: CliEnd;
  let previewSent: number;
  let run: CliEnd;
  let later: CliEnd;
  beforeAll(async () => {
    own = await ownFolder();
    const log = join(own.folder, "requests.jsonl");
    dry = await own.askWith({ env: { TRACEMILL_TEACHER_LOG: log } }, "run", "run.yaml", "--dry-run", "--json");
    dryLog = existsSync(log) ? await own.read("requests.jsonl") : "";
    expect(existsSync(join(own.output, "runs")), dry.stderr).toBe(false);
    preview = await own.ask("run", "run.yaml", "--preview", "2");
    previewSent = (await own.summary()).requests.sent;
    run = await own.ask("run", "run.yaml");
    later = await own.ask("run", "run.yaml", "--dry-run", "--json");
  }, 300_000);
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test("a dry run says what would run, sends no completion and makes no run", () => {
    expect(dry.code, dry.stderr).toBe(0);
    expect(dryLog).toBe("");
    const found = JSON.parse(dry.stdout) as DryRun;
    expect(found.tasks).toMatchObject({ questions: questions.length, repeats: 1, withoutReference: 2, withCode: 3 });
    expect(found.datasets).toMatchObject([{ name: "sales", rows: 12, columns: 4 }]);
    const stage = (name: string) => found.plan.stages.find((one) => one.stage === name);
    expect(found.plan.stages[0]).toMatchObject({ stage: "admit", in: questions.length, out: questions.length - 1 });
    // Four questions without code are tasks at once; of three more some are expected, and each is tried three times.
    expect(stage("rollouts")?.toDo).toBe(stage("attempts")?.out);
    expect(stage("attempts")?.out).toBeGreaterThan(2 * (stage("reference")?.out ?? 0));
    expect(found.plan.models.map(({ alias }) => alias)).toEqual(["teacher", "judge"]);
    expect(found.plan.models.every(({ requests, remembered }) => requests > 0 && remembered === 0)).toBe(true);
    expect(found.plan.assumptions.join("\n")).toMatch(/rollouts: 6 of at most 8 turns.*guess/);
  });

  test("a preview takes two questions all the way and prints their transcripts", async () => {
    expect(preview.code, preview.stderr).toBe(0);
    expect(preview.stdout.match(/^=+ \d of 2: query_/gm)).toHaveLength(2);
    expect(preview.stdout).toMatch(/^Transcript: \d+ turns/m);
    expect(preview.stdout).toContain("questions.jsonl line");
    expect(preview.stdout).not.toContain("\u001b");
  });

  test("a preview is a run of its own that says what it is", async () => {
    const [first] = (await readdir(join(own.output, "runs"))).filter((name) => name !== "latest").sort();
    const manifest = JSON.parse(await own.read(`output/runs/${first}/manifest.json`));
    expect(manifest).toMatchObject({ limit: 2, preview: true });
    expect(JSON.parse(await own.read(`output/runs/${first}/exports/manifest.json`))).toMatchObject({
      limit: 2,
      preview: true,
    });
    expect(await own.read(`output/runs/${first}/exports/README.md`)).toContain("**Preview.** Only the first 2");
    expect(await own.read(`output/runs/${first}/events.jsonl`)).toContain(
      "A preview: at most 2 seeds or questions were started",
    );
  });

  test("what a preview paid for is not paid again by the whole run", async () => {
    const { requests } = await own.summary();
    expect(previewSent).toBeGreaterThan(0);
    expect(requests.remembered).toBeGreaterThanOrEqual(previewSent);
    expect(requests.sent).toBeGreaterThan(0);
  });

  test("each question ends as its file deserves, and nothing is proposed", async () => {
    expect(run.code, run.stderr).toBe(0);
    const { funnel, status } = await own.summary();
    const reasons = Object.fromEntries(funnel.map((row) => [row.stage, row.reasons]));
    expect(status).toBe("done");
    expect(funnel.map((row) => row.stage).slice(0, 3)).toEqual(["admit", "reference", "attempts"]);
    expect(reasons.admit).toEqual({ exact_duplicate: 1 });
    expect(reasons.reference).toEqual({ reference_mismatch: 1, reference_error: 1 });
    expect(reasons.screen).toEqual({ wrong_answer: 3, ungrounded: 3 });
    for (const row of funnel) expect(row.in).toBe(row.passed + row.rejected + row.failed + row.pending);
  });

  test("an example without a reference answer is kept, and everybody is told", async () => {
    expect(run.stderr).toContain("1 of 3 examples had no reference answer to be compared with");
    expect(await own.read("output/runs/latest/exports/README.md")).toContain("**Unchecked answers.** 1 of 3 examples");
    const audit = await own.ask("audit", "latest");
    expect(audit.stdout).toContain("1 of 3 examples had no reference answer to be compared with");
    expect(audit.stdout).toContain("8 queries -> 3 examples");
  });

  test("the user's own ids and places stand in examples.csv", async () => {
    const [head = "", ...rows] = (await own.read("output/runs/latest/examples.csv")).trim().split("\n");
    expect(head.endsWith(",own_id,own_place")).toBe(true);
    expect(rows.map((row) => row.split(",").slice(-2).join("@")).sort()).toEqual([
      "no answer@questions.jsonl:5",
      "right code@questions.jsonl:2",
      "right@questions.jsonl:1",
    ]);
  });

  test("why tells a question's story from its file and line", async () => {
    const events = await own.events();
    const dropped = events.find((event) => event.type === "item" && event.code === "reference_mismatch");
    const unscored = events.find((event) => event.type === "item" && event.code === "ungrounded");
    const [one, two] = await Promise.all(
      [dropped, unscored].map((event) => own.ask("why", "latest", event?.type === "item" ? event.id : "none")),
    );
    expect(one?.stdout).toContain("questions.jsonl line 3, there called wrong code");
    expect(one?.stdout).toContain("Reference code");
    expect(two?.stdout).toContain("questions.jsonl line 7, there called declined");
    expect(two?.stdout).toContain("none was given: nothing tells right from wrong");
    expect(two?.stdout).toMatch(/answer +unscored +The question came without a reference answer/);
  });

  test("a dry run after it finds everything remembered and nothing to pay", () => {
    const { plan } = JSON.parse(later.stdout) as DryRun;
    expect(plan.stages.every(({ toDo, requests }) => toDo === 0 && requests === 0)).toBe(true);
    expect(plan.stages.at(-1)).toMatchObject({ stage: "examples", out: 3 });
    expect(
      plan.models.every(({ requests, remembered, costUsd }) => requests === 0 && remembered > 0 && costUsd === 0),
    ).toBe(true);
    expect(plan.assumptions).toEqual([]);
  });

  test("a bound on agreement drops what the other attempts contradict, without a reference", async () => {
    const strict = await own.ask(
      "run",
      "run.yaml",
      "--limit",
      "7",
      "--set",
      "screen.agreement=1",
      "--set",
      "select.target=50",
    );
    // A limited run was not asked for fifty examples.
    expect(strict.code, strict.stderr).toBe(0);
    const { funnel, requests } = await own.summary();
    expect(requests.sent).toBe(0);
    expect(funnel.find((row) => row.stage === "agreement")).toMatchObject({ in: 15, rejected: 0 });
  }, 120_000);

  test("lines that are no questions stop a run before anything is spent", async () => {
    await own.write("bad.jsonl", '{"question": "What is it?", "dataset": "sale"}\n{"quest": 1}\n');
    const bad = await own.ask("run", "run.yaml", "--set", "tasks=bad.jsonl");
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain(
      "bad.jsonl:1 dataset: expected the name of one of the config's datasets, got `sale`; did you mean `sales`?",
    );
    expect(bad.stderr).toContain("bad.jsonl:2 quest: unknown key");
    expect(bad.stderr).toContain("bad.jsonl:2 question: missing");
    // No endpoint was asked and no sandbox was started for that.
    expect(bad.stderr).not.toMatch(/^(models|sandbox) /m);
  });
});
