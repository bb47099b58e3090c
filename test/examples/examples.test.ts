// Each example as its README says, with what the README shows. The runs are started together, because they mostly wait.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunEvent, type RunSummary, runEvent, runSummary } from "../../src/domain/run.ts";
import { serveTeacher, type TeacherServer } from "../../src/models/offline-teacher/server.ts";
import { packageRoot } from "../../src/package.ts";
import { type CliEnd, tracemill } from "../kit/cli.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";

const missing = await sandboxMissing();
const names = ["own-stage", "own-metric", "own-endpoint"] as const;
type Name = (typeof names)[number];
const key = { MY_ENDPOINT_KEY: "let-me-in" };

describe.skipIf(missing !== null)(`the examples${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: string;
  let teacher: TeacherServer;
  let endpoint: { readonly url: string; readonly stop: () => void };
  const ends = new Map<Name, CliEnd>();

  const run = (name: Name, ...set: string[]): Promise<CliEnd> => {
    const moved = name === "own-endpoint" ? [`models.teacher.baseUrl=${endpoint.url}`] : [];
    const changes = [...moved, ...set].flatMap((change) => ["--set", change]);
    return tracemill(["run", join(packageRoot(), "examples", name, "run.yaml"), ...output(name), ...changes], {
      env: key,
    });
  };
  const output = (name: Name): string[] => ["--output", join(folder, name)];
  const latest = (name: Name, file: string) => readFile(join(folder, name, "runs/latest", file), "utf8");
  const summary = async (name: Name): Promise<RunSummary> =>
    runSummary.parse(JSON.parse(await latest(name, "summary.json")));
  const droppedFor = async (name: Name, code: string): Promise<string> => {
    const events = (await latest(name, "events.jsonl")).trim().split("\n");
    const found = events
      .map((line): RunEvent => runEvent.parse(JSON.parse(line)))
      .find((event) => event.type === "item" && event.code === code);
    if (found?.type !== "item") throw new Error(`Expected an item of ${name} that was dropped for ${code}, got none`);
    return found.id;
  };
  const reasons = async (name: Name, stage: string) =>
    (await summary(name)).funnel.find((row) => row.stage === stage)?.reasons ?? {};

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tracemill-examples-"));
    teacher = await serveTeacher({ port: 0 });
    endpoint = await startExampleEndpoint(teacher.url);
    await Promise.all(names.map(async (name) => ends.set(name, await run(name))));
  }, 300_000);
  afterAll(async () => {
    endpoint?.stop();
    await teacher?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test.each(names)("%s ends well and writes examples", async (name) => {
    expect(ends.get(name)?.code, ends.get(name)?.stderr).toBe(0);
    expect((await summary(name)).examples).toBeGreaterThan(0);
  });

  test("own-stage: both stages stand in the audit with their codes, and why shows the step", async () => {
    const audit = await tracemill(["audit", ...output("own-stage")]);
    expect(audit.stdout).toMatch(/\navoid-code .*\n(?: {4}- .*\n)*? {4}- .*avoided_code/);
    expect(audit.stdout).toMatch(/\nbalance .*\n(?: {4}- .*\n)*? {4}- .*enough_of_difficulty/);
    const why = await tracemill([
      "why",
      "latest",
      await droppedFor("own-stage", "avoided_code"),
      ...output("own-stage"),
    ]);
    expect(why.stdout).toContain("avoided_code");
    expect(why.stdout).toMatch(/has `np\.isnan\(`: pd\.isna reads every kind of column/);
  });

  test("own-stage: a moved cap sends no request and keeps more", async () => {
    const before = (await summary("own-stage")).examples;
    const moved = await run("own-stage", "perDifficulty=3");
    expect(moved.code, moved.stderr).toBe(0);
    const after = await summary("own-stage");
    expect(after.requests.sent).toBe(0);
    expect(after.examples).toBeGreaterThan(before);
  });

  test("own-stage: the recipe's own options are checked like all others", async () => {
    const end = await run("own-stage", "perDifficulty=none");
    expect(end.code).toBe(2);
    expect(end.stderr).toContain("perDifficulty: expected a number");
  });

  test("own-metric: both metrics decide, and the score stands in the evidence", async () => {
    const dropped = await reasons("own-metric", "screen");
    expect(dropped.not_close_enough).toBeGreaterThan(0);
    expect(dropped.long_step).toBeGreaterThan(0);
    const id = await droppedFor("own-metric", "long_step");
    const why = await tracemill(["why", "latest", id, ...output("own-metric")]);
    expect(why.stdout).toMatch(/"metric": "longest_step",\n +"value": \d+,\n +"reason": "\d+ lines in step \d+"/);
  });

  test("own-metric: a moved bound sends no request", async () => {
    const moved = await run("own-metric", "maxLines=100");
    expect(moved.code, moved.stderr).toBe(0);
    expect((await summary("own-metric")).requests.sent).toBe(0);
    expect((await reasons("own-metric", "screen")).long_step).toBeUndefined();
  });

  test("own-endpoint: the summary says what it cost, the audit too", async () => {
    expect((await summary("own-endpoint")).costUsd).toBeGreaterThan(0.001);
    const audit = await tracemill(["audit", ...output("own-endpoint")]);
    expect(audit.stdout).toMatch(/\$0\.0\d/);
  });

  test("own-endpoint: run again sends nothing, and the key is in no file of the run", async () => {
    const again = await run("own-endpoint");
    expect(again.code, again.stderr).toBe(0);
    expect((await summary("own-endpoint")).requests.sent).toBe(0);
    for (const file of ["manifest.json", "events.jsonl", "summary.json"]) {
      expect(await latest("own-endpoint", file)).not.toContain(key.MY_ENDPOINT_KEY);
    }
  });

  test("own-endpoint: another key stops the run before anything is spent", async () => {
    const config = join(packageRoot(), "examples/own-endpoint/run.yaml");
    const changes = ["--set", `models.teacher.baseUrl=${endpoint.url}`];
    const end = await tracemill(["run", config, "--output", join(folder, "refused"), ...changes], {
      env: { MY_ENDPOINT_KEY: "let-me-out" },
    });
    expect(end.code).toBe(2);
    expect(end.stderr).toContain("401 Another key is expected");
    expect(end.stderr).toContain("check the key in `MY_ENDPOINT_KEY`");
  });
});

/** The example's server in a process of its own, at a free port. */
async function startExampleEndpoint(upstream: string): Promise<{ url: string; stop: () => void }> {
  const child = spawn(process.execPath, [join(packageRoot(), "examples/own-endpoint/server.mjs")], {
    env: { PATH: process.env.PATH ?? "", PORT: "0", UPSTREAM: upstream, ...key },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()));
    child.once("exit", (code) => reject(new Error(`Expected the endpoint to start, got exit code ${code}`)));
  });
  return { url, stop: () => void child.kill() };
}
