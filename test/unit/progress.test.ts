import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ProgressOptions, showProgress } from "../../src/commands/progress.ts";
import type { FunnelRow } from "../../src/domain/run.ts";

const csi = "\u001b[";

function fixture(options: Partial<ProgressOptions> = {}) {
  const written: string[] = [];
  const rows: FunnelRow[] = [
    { stage: "propose", in: 4, passed: 4, rejected: 0, failed: 0, pending: 0, out: 20, reasons: {} },
    { stage: "rollouts", in: 40, passed: 12, rejected: 6, failed: 2, pending: 20, out: 12, reasons: { refusal: 6 } },
  ];
  const progress = showProgress({
    account: { rows: () => rows, underWay: (stage) => (stage === "rollouts" ? 8 : 0) },
    usage: () => ({ sent: 1234, remembered: 10, failed: 1, inputTokens: 50_000, outputTokens: 7_000, costUsd: 1.5 }),
    expected: 100,
    stream: { write: (text) => written.push(text) },
    isTerminal: true,
    columns: () => 100,
    now: () => Date.now(),
    intervalMs: 1000,
    env: {},
    ...options,
  });
  return { progress, written, rows };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("on a terminal", () => {
  test("the block shows every stage, what was spent, the pace and the time left", () => {
    const { progress, written } = fixture({ env: { NO_COLOR: "1" } });
    vi.advanceTimersByTime(60_000);
    progress.stop();
    expect(written[0]).toBe(`\
stage     in  passed  rejected  failed  under way
propose    4       4         0       0          0
rollouts  40      12         6       2          8
requests 1,234 sent, 10 remembered, 1 failed; tokens 50,000 in, 7,000 out, $1.50
elapsed 1 s; 74640 answers/min; about 1 s left; 12 of 100 examples
`);
    expect(written.at(-1)).toContain("elapsed 1 min 00 s; 1244 answers/min; about 1 min 00 s left");
  });

  test("each drawing takes back exactly the lines of the one before", () => {
    const { progress, written } = fixture();
    vi.advanceTimersByTime(2000);
    progress.stop();
    expect(written).toHaveLength(3);
    expect(written[0]?.startsWith(`${csi}2m`)).toBe(true);
    for (const text of written.slice(1)) expect(text.startsWith(`${csi}5A\r${csi}J`)).toBe(true);
    for (const text of written) expect(text.split("\n")).toHaveLength(6);
  });

  test("a log line is written above the block in one write", () => {
    const { progress, written } = fixture({ env: { NO_COLOR: "1" } });
    vi.advanceTimersByTime(1000);
    progress.log("endpoint slow");
    expect(written).toHaveLength(2);
    expect(written[1]?.startsWith(`${csi}5A\r${csi}Jendpoint slow\nstage `)).toBe(true);
    progress.stop();
  });

  test("a log line after the end leaves the last block standing", () => {
    const { progress, written } = fixture();
    progress.stop();
    progress.log("done");
    progress.stop();
    expect(written.slice(1)).toEqual(["done\n"]);
  });

  test("lines are cut to the width, so that they never wrap", () => {
    const { progress, written } = fixture({ columns: () => 40, env: { NO_COLOR: "1" } });
    progress.stop();
    for (const line of written[0]?.split("\n") ?? []) expect(line.length).toBeLessThan(40);
  });

  test("NO_COLOR keeps colour away", () => {
    const { progress, written } = fixture({ env: { NO_COLOR: "1" } });
    progress.stop();
    expect(written.join("")).not.toContain(`${csi}2m`);
  });
});

describe("elsewhere", () => {
  test("plain lines come at the interval, without escapes, and only when something changed", () => {
    const { progress, written, rows } = fixture({ isTerminal: false, intervalMs: 5000 });
    vi.advanceTimersByTime(14_000);
    (rows[1] as FunnelRow).passed = 13;
    vi.advanceTimersByTime(1000);
    progress.log("endpoint slow");
    progress.stop();
    expect(written).toEqual([
      "5 s     propose 4/4  rollouts 12-6!2/40  | 1,234 requests, 57,000 tokens\n",
      "15 s    propose 4/4  rollouts 13-6!2/40  | 1,234 requests, 57,000 tokens\n",
      "endpoint slow\n",
    ]);
  });
});

test("no time left is claimed while the first stage still lets items in", () => {
  const { progress, written, rows } = fixture();
  (rows[0] as FunnelRow).pending = 1;
  vi.advanceTimersByTime(10_000);
  progress.stop();
  expect(written.at(-1)).toContain("elapsed 10 s");
  expect(written.at(-1)).not.toContain("left");
});

test("the time left counts what a stage before still holds, as it multiplied so far", () => {
  const row = (stage: string, passed: number, pending: number, out: number): FunnelRow => ({
    ...{ stage, in: passed + pending, passed, rejected: 0, failed: 0, pending, out, reasons: {} },
  });
  const rows = [
    row("propose", 10, 0, 100),
    row("dedupe", 25, 75, 25),
    row("attempts", 25, 0, 50),
    row("rollouts", 50, 0, 50),
  ];
  const { progress, written } = fixture({ account: { rows: () => rows, underWay: () => 0 } });
  vi.advanceTimersByTime(60_000);
  progress.stop();
  expect(written.at(-1)).toContain("about 3 min 00 s left");
});
