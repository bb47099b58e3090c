import { expect, test } from "vitest";
import { createPace, type StageCounts, secondsLeft } from "../../src/run/pace.ts";

function row(done: number, pending: number, out: number, underWay = 0): StageCounts {
  return { in: done + pending, passed: done, rejected: 0, failed: 0, pending, underWay, out };
}

test("a pace is that of its window, and unknown before two seconds were seen", () => {
  let nowMs = 0;
  const pace = createPace(() => nowMs);
  const see = (atMs: number, count: number) => {
    nowMs = atMs;
    pace.see([count]);
  };
  see(1000, 5);
  expect(pace.perMinute(0, 60_000)).toBeNull();
  see(2000, 10);
  expect(pace.perMinute(0, 60_000)).toBe(300);
  for (let second = 3; second <= 120; second++) see(second * 1000, 10 + second - 2);
  expect(pace.perMinute(0, 60_000)).toBe(60);
  expect(pace.perMinute(0, 10_000)).toBe(60);
});

test("the slowest stage decides how much time is left", () => {
  const rows = [row(10, 0, 100), row(100, 0, 100), row(40, 60, 40), row(20, 20, 20)];
  expect(secondsLeft(rows, (index) => [60, 600, 30, 20][index] ?? null)).toBe(240);
});

test("what stages before still hold is counted as it multiplied so far", () => {
  const rows = [row(10, 0, 100), row(25, 75, 25), row(25, 0, 50), row(50, 0, 50)];
  expect(secondsLeft(rows, () => 50)).toBe(180);
});

test("nothing is claimed while the first stage lets items in, too early, or when a stage stands still", () => {
  expect(secondsLeft([row(3, 1, 30), row(20, 10, 20)], () => 60)).toBeNull();
  expect(secondsLeft([row(4, 0, 40), row(2, 38, 2)], () => 60)).toBeNull();
  expect(secondsLeft([row(4, 0, 40), row(20, 20, 20)], () => 0)).toBeNull();
  expect(secondsLeft([row(4, 0, 40), row(0, 40, 0, 4)], () => 60)).toBeNull();
});

test("a stage that waits for all its items does not hide what the others know", () => {
  expect(secondsLeft([row(4, 0, 40), row(20, 20, 20), row(0, 20, 0)], () => 60)).toBe(20);
});
