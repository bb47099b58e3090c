import { expect, test } from "vitest";
import type { RunLedger } from "../../src/archive/run-ledger.ts";
import { runFacts } from "../../src/run/run-facts.ts";

interface Told {
  readonly dataset: string;
  readonly difficulty?: string;
  readonly accepted: boolean;
  readonly reason?: string;
  readonly ends?: readonly string[];
  readonly votes?: readonly number[];
  readonly repairs?: readonly string[];
}

/** The parts of a try that the facts are counted from. */
function ended({ dataset, difficulty, accepted, reason, ends = [], votes, repairs = [] }: Told) {
  const mean = votes === undefined ? 0 : votes.reduce((sum, score) => sum + score, 0) / votes.length;
  const verdict =
    votes === undefined
      ? null
      : {
          criteria: { clarity: mean },
          votes: votes.map((score) => ({ repairs, criteria: [{ name: "clarity", score }] })),
        };
  return {
    ...{ dataset, accepted, reason: reason === undefined ? null : { code: reason } },
    candidate: {
      attempt: { task: difficulty === undefined ? {} : { difficulty } },
      trajectory: {
        scaffold: "tools",
        tools: [{ name: "python", description: "Runs.", parameters: {} }],
        turns: [{ step: null }, ...ends.map((end) => ({ step: { end } }))],
      },
      verdict,
    },
  };
}

const ledgerOf = (...tries: ReturnType<typeof ended>[]) =>
  ({ taskIds: ["task_1"], triesOf: () => tries }) as unknown as RunLedger;

test("tries are counted by difficulty and dataset, steps by how they ended, tools and scaffold once", () => {
  const { tries, tools, scaffold, judge } = runFacts(
    ledgerOf(
      ended({ dataset: "cars", difficulty: "easy", accepted: true, ends: ["ok", "error"] }),
      ended({ dataset: "cars", difficulty: "easy", accepted: false, ends: ["timeout"] }),
      ended({ dataset: "bikes", accepted: false }),
    ),
    {},
  );
  expect(tries).toEqual({
    ...{ tried: 3, accepted: 1, steps: 3, failedSteps: 2 },
    byDifficulty: { easy: [1, 2], none: [0, 1] },
    byDataset: { cars: [1, 2], bikes: [0, 1] },
  });
  expect([tools.map(({ name }) => name), scaffold, judge]).toEqual([["python"], "tools", null]);
});

test("the judge's certificate holds means, the spread between votes, and quantiles of what was kept and what its thresholds dropped", () => {
  const { judge } = runFacts(
    ledgerOf(
      ended({ dataset: "cars", accepted: true, votes: [0.8, 1] }),
      ended({ dataset: "cars", accepted: true, votes: [0.6, 0.6], repairs: ["fence"] }),
      ended({ dataset: "cars", accepted: false, reason: "low_clarity", votes: [0.2] }),
      ended({ dataset: "cars", accepted: false, reason: "not_best", votes: [0.5] }),
      ended({ dataset: "cars", accepted: false, reason: "wrong_answer" }),
    ),
    { mean: 0.7 },
  );
  expect(judge).toMatchObject({ judged: 4, votes: 6, repaired: 2, thresholds: { mean: 0.7 } });
  expect(judge?.criteria).toMatchObject([{ name: "clarity" }]);
  expect(judge?.criteria[0]?.mean).toBeCloseTo((0.9 + 0.6 + 0.2 + 0.5) / 4);
  expect(judge?.criteria[0]?.spread).toBeCloseTo(0.05); // 0.1 and 0; one vote alone has none
  expect(judge?.kept).toEqual([0.6, 0.6, 0.9]);
  expect(judge?.dropped).toEqual([0.2, 0.2, 0.2]);
});

test("a run without tries has neither", () => {
  expect(runFacts(ledgerOf(), {})).toEqual({ tries: null, judge: null, tools: [], scaffold: null });
});
