import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunEvent } from "../../src/domain/run.ts";
import { readPilotSeeds } from "../../src/run/pilot-seeds.ts";
import { atMost, studentT, totalOf, wallSeconds } from "../../src/run/projection.ts";

const item = (stage: string, id: string, out?: string[]): RunEvent => ({
  ...{ type: "item", at: "", stage, id, outcome: out?.length === 0 ? "failed" : "passed" },
  ...(out === undefined ? {} : { out }),
});

async function* eventsOf(events: readonly RunEvent[]) {
  yield* events;
}

describe("a total over all seeds", () => {
  test("is the mean times the seeds, with Student's t and the correction for a finite population", () => {
    // Worked by hand: mean 20, s² = 100, se of the total = 100 · sqrt(100/3 · 0.97), t(2) = 4.303.
    const { estimate, low, high } = totalOf([10, 20, 30], 100);
    expect(estimate).toBe(2000);
    expect(high).toBeCloseTo(2000 + 4.303 * 100 * Math.sqrt((100 / 3) * 0.97), 6);
    expect(low).toBe(60); // 2,000 - 2,447 is below what the pilot itself used
  });

  test("is exact where every seed was in the pilot, and has no interval where only one was", () => {
    expect(totalOf([3, 4], 2)).toEqual({ estimate: 7, low: 7, high: 7 });
    expect(totalOf([3], 10)).toEqual({ estimate: 30, low: null, high: null });
    expect(() => totalOf([], 10)).toThrow(/1 to 10 seeds, got 0/);
    expect(() => totalOf([1, 2], 1)).toThrow(/1 to 1 seeds, got 2/);
  });

  test("holds the truth about as often as it says, for seeds that differ", () => {
    // 400 populations of 60 seeds, eight drawn from each; 95 % nominal, less a margin for the draw and the skew.
    let state = 7;
    const random = () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    let held = 0;
    for (let times = 0; times < 400; times++) {
      const population = Array.from({ length: 60 }, () => 20 + 30 * random() + 30 * random());
      const truth = population.reduce((sum, value) => sum + value, 0);
      const drawn = [...population].sort(() => random() - 0.5).slice(0, 8);
      const { low, high } = totalOf(drawn, 60);
      if ((low ?? 0) <= truth && truth <= (high ?? 0)) held += 1;
    }
    expect(held / 400).toBeGreaterThan(0.92);
    expect(held / 400).toBeLessThan(0.98);
  });

  test("keeps its order and never falls below the pilot", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e6), { minLength: 2, maxLength: 20 }), fc.nat(1000), (values, more) => {
        const all = values.length + more;
        const { estimate, low, high } = totalOf(values, all);
        const sum = values.reduce((total, value) => total + value, 0);
        expect(low).toBeGreaterThanOrEqual(sum);
        expect(low ?? 0).toBeLessThanOrEqual(estimate + 1e-6);
        expect(high ?? 0).toBeGreaterThanOrEqual(estimate - 1e-6);
        expect(atMost({ estimate, low, high }, 5).high).toBeLessThanOrEqual(5);
      }),
    );
  });

  test("has the quantiles of Student's t", () => {
    expect([1, 10, 30].map(studentT)).toEqual([12.706, 2.228, 2.042]);
    expect(studentT(60)).toBeCloseTo(2.0003, 3);
    expect(studentT(1000)).toBeCloseTo(1.9623, 3);
  });
});

describe("the wall time of the whole run", () => {
  test("is that of what is busiest for its size, and one way through the line", () => {
    const stage = { what: "stage rollouts", atOnce: 4, seconds: [40, 60] };
    const endpoint = { what: "endpoint e", atOnce: 100, seconds: [90, 110] };
    const wall = wallSeconds([endpoint, stage], { all: 2, throughSeconds: 10 });
    expect(wall).toEqual({ boundBy: "stage rollouts", seconds: { estimate: 35, low: 35, high: 35 } });
  });

  test("is not told where nothing took any time", () => {
    expect(wallSeconds([{ what: "stage", atOnce: 1, seconds: [0, 0] }], { all: 9, throughSeconds: 0 })).toBeNull();
    expect(wallSeconds([], { all: 9, throughSeconds: 0 })).toBeNull();
  });
});

describe("the seeds of a pilot", () => {
  test("own everything that came of them", async () => {
    const found = await readPilotSeeds(
      eventsOf([
        item("propose", "seed_b", ["q1", "q2"]),
        item("propose", "seed_a", ["q3"]),
        item("shape", "q1"),
        item("rollouts", "q1", ["t1", "t2"]),
        item("rollouts", "q3", []),
        item("examples", "t1", ["e1"]),
        item("examples", "t2", ["e2"]),
      ]),
      "examples",
    );
    expect(found.seeds).toEqual(["seed_b", "seed_a"]);
    expect(found.examples).toEqual(["e1", "e2"]);
    expect(found.broken).toBe(1);
    expect(found.entered.get("rollouts")).toEqual(["q1", "q3"]);
    expect(
      found.perSeed([
        ["q2", 5],
        ["t2", 2],
        ["q3", 1],
        ["unknown", 100],
      ]),
    ).toEqual([7, 1]);
  });
});
