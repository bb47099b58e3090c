// The hostile suite must see what goes wrong: a sandbox that is only told of stands in for one that leaks.
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { HostileCase, Target } from "../../hostile/case.ts";
import { cases } from "../../hostile/cases/index.ts";
import { chosen, readOptions } from "../../hostile/options.ts";
import { failures, type RunReport, type TargetReport } from "../../hostile/report.ts";
import { rows } from "../../hostile/rows.ts";
import { runCases } from "../../hostile/run.ts";
import { hostilePage, summary } from "../../hostile/table.ts";
import type { StepResult } from "../../src/domain/trajectory.ts";

const { bounds } = readOptions(["--innocents", "0"]);
const quick = { ...bounds, aloneMs: 0, cleanWithinMs: 200 };

function step(stdout: string): StepResult {
  const nothing = { head: "", tail: "", droppedBytes: 0 };
  return {
    end: "ok",
    stdout: { ...nothing, head: stdout },
    stderr: nothing,
    result: null,
    exception: null,
    pictures: [],
    savedOutput: null,
    wallMs: 1,
    cpuMs: 1,
    peakMemoryBytes: null,
    stateLost: false,
  };
}

/** A target whose sandboxes answer every step with the world that `files` tells of the how-manieth sandbox it is. */
function pretended(files: (sandbox: number) => readonly string[], left: () => string[] = () => []): Target {
  let count = 0;
  return {
    name: "pretended",
    kind: "pretended",
    limits: { idleMs: 1, memoryMb: 1, cpus: 1, pids: 1, stepTimeoutMs: 1, scratchMb: 1, outputBytes: 1 },
    about: {},
    async open({ dataDir }) {
      const number = ++count;
      const hash = (name: string) =>
        createHash("sha256")
          .update(readFileSync(join(dataDir, name)))
          .digest("hex");
      const data = { "/data/cars.csv": hash("cars.csv"), "/data/notes.txt": hash("notes.txt") };
      return {
        run: async () => step(JSON.stringify({ files: files(number), data, uid: 54_321 })),
        collect: async () => ({ refused: "missing" as const, detail: "nothing here" }),
        [Symbol.asyncDispose]: async () => {},
      };
    },
    leftOnHost: async () => left(),
    close: async () => {},
  };
}

function hostile(run: HostileCase["run"], knownGap?: string): HostileCase {
  return { row: 1, name: "a case", kind: "processes", run, ...(knownGap === undefined ? {} : { knownGap }) };
}

const seen = { agentSees: "an | error", record: "error" };

function run(target: Target, entry: HostileCase, more = {}): Promise<TargetReport> {
  return runCases(target, [entry], { bounds: { ...quick, ...more }, say: () => {} });
}

function reportOf(...targets: TargetReport[]): RunReport {
  return { at: "2026-01-01T00:00:00Z", machine: {}, targets, missing: [], wallMs: 1 };
}

test("a case is held, not promised, a known gap or failed", async () => {
  const outcomes = [
    hostile(async () => seen),
    hostile(async () => ({ ...seen, notHeld: "no limit" })),
    hostile(async () => Promise.reject(new Error("it came through")), "stands open"),
    hostile(async () => Promise.reject(new Error("it came through"))),
    hostile(async () => seen, "stands open"),
  ].map(
    async (entry) =>
      (
        await run(
          pretended(() => []),
          entry,
        )
      ).cases[0],
  );
  expect((await Promise.all(outcomes)).map((report) => [report?.outcome, report?.why])).toEqual([
    ["held", null],
    ["not promised", "no limit"],
    ["known gap", "stands open (it came through)"],
    ["failed", "it came through"],
    ["failed", 'it holds: take away its knownGap "stands open"'],
  ]);
});

test("a row that a target does not promise is tried all the same, and no failure where it does not hold", async () => {
  const target = { ...pretended(() => []), notPromised: { 1: "its kernel ends" } };
  const failing = await run(
    target,
    hostile(async () => Promise.reject(new Error("it came through"))),
  );
  expect(failing.cases[0]).toMatchObject({ outcome: "not promised", why: "its kernel ends (it came through)" });
  expect(
    (
      await run(
        target,
        hostile(async () => seen),
      )
    ).cases[0]?.outcome,
  ).toBe("held");
});

test("a next session that finds something of the one before fails the case", async () => {
  const report = await run(
    pretended((sandbox) => (sandbox === 1 ? [] : ["/tmp/left"])),
    hostile(async () => seen),
  );
  expect(report.cases[0]?.outcome).toBe("failed");
  expect(report.cases[0]?.why).toContain("/tmp/left");
});

test("what a sandbox leaves on the host, changed data, and wrong answers beside it break the conditions", async () => {
  let left: string[] = [];
  const leaking = hostile(async ({ dataDir }) => {
    left = ["container 1"];
    appendFileSync(join(dataDir, "notes.txt"), "changed");
    await sleep(800); // long enough for honest steps beside it
    return seen;
  });
  const report = await run(
    pretended(
      () => [],
      () => left,
    ),
    leaking,
    { innocents: 1 },
  );
  const broken = report.groups[0]?.broken.join("\n") ?? "";
  expect(broken).toContain("left behind: container 1");
  expect(broken).toContain("changed: data/notes.txt");
  expect(broken).toContain("of innocent 0: expected");
  expect(failures(reportOf(report)).length).toBeGreaterThanOrEqual(3);
});

test("the page tells every case once, by kind, with each target's outcome, and the last words what failed", async () => {
  const report = reportOf(
    await run(
      pretended(() => []),
      hostile(async () => seen),
    ),
    {
      ...(await run(
        pretended(() => []),
        hostile(async () => Promise.reject(new Error("out"))),
      )),
      target: "other",
    },
  );
  const page = hostilePage(report);
  expect(page).toContain("| 1 | a case | an \\| error | error | held | **failed**: out |");
  expect(page).toContain("| pretended | 1 | 1 | 1 | 0 | 0 | 0 | 0 |");
  expect(summary(report)).toContain('- other, row 1 "a case": out');
  expect(failures(reportOf())).toEqual(["there is no sandbox here to try anything on"]);
});

test("every case has a name of its own and a row of the catalogue, and the slice has one of every kind", () => {
  const names = cases.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  expect(cases.filter(({ row }) => rows[row] === undefined)).toEqual([]);
  const slice = chosen(cases, readOptions(["--slice"])).map(({ kind }) => kind);
  expect(new Set(slice)).toEqual(new Set(cases.map(({ kind }) => kind)));
  expect(slice.length).toBe(new Set(slice).size);
  expect(() => readOptions(["--target", "dockr"])).toThrow("Expected --target docker");
});
