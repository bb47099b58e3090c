import { expect, test } from "vitest";
import { FailureError } from "../../src/domain/errors.ts";
import { watchFailures } from "../../src/engine/failure-rate.ts";

/** One letter an item: `.` ended well, `x` failed. Returns how many had ended when trouble was told; null without any. */
function toldAfter(items: string, maxFailureRate: number, stageOf = (_index: number) => "rollouts"): number | null {
  const failures = watchFailures(maxFailureRate);
  for (const [index, item] of [...items].entries()) {
    const failure = item === "x" ? new FailureError("provider", `failure ${index}`) : null;
    if (failures.tried(stageOf(index), failure) !== null) return index + 1;
  }
  return null;
}

test("says nothing before twenty items of a stage ended, and tells then what failed how often and last", () => {
  expect(toldAfter("x".repeat(19), 0.5)).toBe(null);
  const failures = watchFailures(0.5);
  const told = Array.from({ length: 20 }, (_, n) => failures.tried("judge", new FailureError("judge", `no ${n}`)));
  expect(told.slice(0, 19)).toEqual(Array(19).fill(null));
  expect(told[19]).toEqual({ stage: "judge", tried: 20, failed: 20, kind: "judge", message: "no 19" });
});

test.each([
  ["a stage that fails as often as allowed goes on", ".x".repeat(100), 0.5, null],
  ["more often than allowed is trouble", `${".x".repeat(10)}x`, 0.5, 21],
  ["trouble that begins late is seen within the window", `${".".repeat(5_000)}${"x".repeat(30)}`, 0.5, 5_021],
  ["early trouble that passed is forgotten", `${"x".repeat(9)}${".".repeat(40)}${".x".repeat(30)}`, 0.5, null],
  ["a rate of 1 never stops", "x".repeat(200), 1, null],
  ["a rate of 0 stops at the first failure after twenty", `${".".repeat(30)}x`, 0, 31],
])("%s", (_what, items, rate, expected) => {
  expect(toldAfter(items, rate)).toBe(expected);
});

test("each stage is watched by itself", () => {
  expect(toldAfter(".x".repeat(19), 0.6, (index) => (index % 2 === 0 ? "propose" : "judge"))).toBe(null);
});
