import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type RunFolder, runFolderAt } from "../../src/archive/run-folder.ts";
import { reportOn } from "../../src/archive/run-report.ts";
import { runReport } from "../../src/domain/run-snapshot.ts";
import { thisHolder } from "../../src/engine/holder.ts";
import { summary, writeRun } from "./audit-fixture.ts";
import { snapshot } from "./display-fixture.ts";

const atMs = Date.parse(snapshot().at);
let output: string;
let folder: RunFolder;
beforeEach(async () => {
  output = await mkdtemp(join(tmpdir(), "tracemill-status-"));
  folder = runFolderAt(join(output, "runs", snapshot().run));
  await mkdir(folder.path, { recursive: true });
});
afterEach(() => rm(output, { recursive: true, force: true }));

const write = (changes: object) => writeFile(folder.statusPath, JSON.stringify({ ...snapshot(), ...changes }));
const look = async (afterMs = 1000) => runReport.parse(await reportOn(folder, atMs + afterMs));

test("a run whose process lives is running, or draining where it says so", async () => {
  await write({ process: thisHolder() });
  expect(await look()).toMatchObject({ state: "running", words: expect.stringContaining(`process ${process.pid}`) });
  await write({ process: thisHolder(), state: "draining" });
  expect((await look()).state).toBe("draining");
});

test("a run whose process lives and says nothing is silent, and the words tell how to wake it", async () => {
  await write({ process: thisHolder() });
  const report = await look(42_000);
  expect(report.state).toBe("silent");
  expect(report.words).toContain("last heard of 42 s ago");
  expect(report.words).toContain(`kill -CONT ${process.pid}`);
});

test.each([
  ["that is gone", { ...thisHolder(), pid: 2 ** 22 - 1 }],
  ["whose pid another process has now", { ...thisHolder(), started: "1" }],
  ["of before the machine was restarted", { ...thisHolder(), boot: "another" }],
])("a run of a process %s is dead, and the words say since when and what to do", async (_what, process) => {
  await write({ process });
  const report = await look(90_000);
  expect(report.state).toBe("dead");
  expect(report.words).toContain("killed or crashed at 2026-11-23T10:19:00.000Z, 1 min 30 s ago");
  expect(report.words).toContain("run the same command again");
});

test("a run that wrote its end has ended, whatever an older status says", async () => {
  await write({ process: thisHolder() });
  await writeFile(folder.summaryPath, JSON.stringify({ ...summary, run: folder.run, status: "interrupted" }));
  const report = await look();
  expect(report).toMatchObject({ state: "ended", snapshot: { state: "interrupted", secondsLeft: null } });
  expect(report.words).toMatch(/^Interrupted with \d+ items? pending/);
});

test("a run without a status is told from its events, ended or not", async () => {
  await using run = { ...(await writeRun({ store: false })), [Symbol.asyncDispose]: () => run.remove() };
  const ended = runReport.parse(await reportOn(run.folder, atMs));
  expect(ended).toMatchObject({ state: "ended", snapshot: { recipe: "sft", process: null } });
  expect(ended.snapshot.stages.map(({ stage, in: entered }) => [stage, entered])).toEqual(
    summary.funnel.map((row) => [row.stage, row.in]),
  );
  await rm(run.folder.summaryPath);
  const unknown = runReport.parse(await reportOn(run.folder, atMs));
  expect(unknown.state).toBe("unknown");
  expect(unknown.words).toContain(unknown.snapshot.at);
});

test("a status of another version is not read as one of this", async () => {
  await write({ version: 1, more: "fields" });
  expect((await look()).state).toBe("unknown");
});
