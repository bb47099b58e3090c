import fc from "fast-check";
import { describe, expect, test } from "vitest";
import sft from "../../pipelines/sft.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { dryRunPage } from "../../src/run/dry-run-page.ts";
import { estimate } from "../../src/run/estimate.ts";
import { extentOf } from "../../src/run/extent.ts";
import { spread } from "../../src/run/spread.ts";

describe("a limit", () => {
  const items = fc.uniqueArray(
    fc.record({ id: fc.string({ minLength: 1 }), group: fc.constantFrom("a", "b", "c", "d") }),
    { selector: ({ id }) => id, minLength: 1, maxLength: 30 },
  );
  const groupOf = ({ group }: { group: string }) => group;

  test("takes the same items whatever their order, and a larger one begins with those of a smaller", () => {
    fc.assert(
      fc.property(items, fc.nat(30), fc.nat(30), fc.nat(5), (all, a, b, seed) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        const few = spread(all, { limit: less, seed, groupOf });
        expect(few).toHaveLength(Math.min(less, all.length));
        expect(spread(all.toReversed(), { limit: more, seed, groupOf }).slice(0, few.length)).toEqual(few);
      }),
      { numRuns: 100 },
    );
  });

  test("reaches every group before it takes a second item of one", () => {
    fc.assert(
      fc.property(items, fc.nat(5), (all, seed) => {
        const groups = new Set(all.map(groupOf));
        const first = spread(all, { limit: groups.size, seed, groupOf });
        expect(new Set(first.map(groupOf)).size).toBe(groups.size);
      }),
      { numRuns: 100 },
    );
  });

  test("and a preview are whole numbers from 1, and only one of them is given", () => {
    expect(extentOf({})).toEqual({ preview: false });
    expect(extentOf({ limit: "7" })).toEqual({ limit: 7, preview: false });
    expect(extentOf({ preview: "" })).toEqual({ limit: 3, preview: true });
    expect(extentOf({ preview: "5" })).toEqual({ limit: 5, preview: true });
    for (const limit of ["0", "-1", "1.5", "many", "", "1e3"]) {
      expect(() => extentOf({ limit })).toThrow(/--limit: expected a whole number from 1/);
    }
    expect(() => extentOf({ limit: "1", preview: "" })).toThrow(/got both/);
  });
});

describe("an estimate", () => {
  const row = (stage: string, passed: number, out: number, wouldRun = 0) => ({
    ...{ stage, in: passed + wouldRun, passed, rejected: wouldRun, failed: 0, pending: 0, out },
    reasons: wouldRun > 0 ? { would_run: wouldRun } : {},
  });
  const expects = {
    ask: { out: 4, asks: { model: "m", requests: 2, tokens: { input: 100, output: 10 }, because: "two turns" } },
    sift: { out: 0.5, assumed: true as const },
    pick: { out: 1, most: 7 },
  };
  const nothing = { runs: 0, stages: new Map(), rollouts: new Map() };
  const price = { inputPerMillion: 1000, outputPerMillion: 10_000, asOf: "2026-01-01" };
  const base = { expects, experience: nothing, recalled: {}, prices: new Map([["m", price]]) };

  test("carries what is not remembered down the line, on the recipe's guesses", () => {
    const rows = [row("ask", 0, 0, 10), row("sift", 0, 0), row("pick", 0, 0)];
    const { stages, models, assumptions } = estimate({ ...base, rows });
    expect(stages.map((stage) => [stage.in, stage.toDo, stage.out, stage.requests])).toEqual([
      [10, 10, 40, 20],
      [40, 40, 20, 0],
      [20, 20, 7, 0],
    ]);
    expect(models).toEqual([
      { alias: "m", requests: 20, remembered: 0, inputTokens: 2000, outputTokens: 200, costUsd: 4 },
    ]);
    expect(assumptions).toEqual([expect.stringContaining("two turns"), expect.stringContaining("50 % pass, a guess")]);
  });

  test("believes what is remembered, then earlier runs, before any guess", () => {
    const rows = [row("ask", 5, 20, 5), row("sift", 20, 5), row("pick", 5, 5)];
    const recalled = { m: { requests: 15, inputTokens: 3000, outputTokens: 300 } };
    const { stages, models } = estimate({ ...base, rows, recalled });
    expect(models).toMatchObject([{ requests: 15, remembered: 15, inputTokens: 3000 }]);
    expect(stages[1]).toMatchObject({ known: 20, toDo: 20, out: 10 });
    const fresh = [row("ask", 0, 0, 10), row("sift", 0, 0), row("pick", 0, 0)];
    const experience = {
      runs: 1,
      stages: new Map([["sift", { ended: 100, out: 10 }]]),
      rollouts: new Map([["m", { items: 10, requests: 50, inputTokens: 5000, outputTokens: 500 }]]),
    };
    const learned = estimate({ ...base, rows: fresh, experience });
    expect(learned.stages[1]).toMatchObject({ in: 40, out: 4 });
    expect(learned.models).toMatchObject([{ requests: 50, inputTokens: 5000 }]);
  });

  test("has no cost without a price", () => {
    const { models } = estimate({ ...base, rows: [row("ask", 0, 0, 1)], prices: new Map() });
    expect(models).toMatchObject([{ costUsd: null }]);
  });
});

test("the page of a dry run says which price is unknown, and never calls a sum whole that is not", () => {
  const plan = (costs: readonly (number | null)[]) => ({
    stages: [],
    models: costs.map((costUsd, index) => ({
      ...{ alias: `m${index}`, remembered: 0, requests: 5, inputTokens: 10, outputTokens: 1, costUsd },
    })),
    assumptions: ["screen: 60 % pass, a guess"],
  });
  const page = (costs: readonly (number | null)[]) =>
    dryRunPage({
      ...{ recipe: "sft", config: "x.yaml", limit: null, target: 1, datasets: [], tasks: null, writes: ["a/b"] },
      models: [{ alias: "m0", model: "big", endpoint: "http://localhost:1/v1", price: null }],
      sandbox: { backend: "bubblewrap", environment: "e", limits: { memoryMb: 512 }, concurrency: 2 },
      plan: plan(costs),
      budget: [
        { scope: "run", unit: "usd", spent: 1, limit: 2, expected: costs[0] ?? null },
        { scope: "run", unit: "hours", spent: 0.5, limit: 2, expected: null },
      ],
    });
  expect(page([1.5, null])).toMatch(/price unknown[\s\S]*at least \$1\.50/);
  expect(page([1.5, 0.25])).toMatch(/^ {2}all .* \$1\.75$/m);
  expect(page([1])).toContain("- screen: 60 % pass, a guess");
  expect(page([1])).toContain("  $1.00 of $2.00 spent, $1.00 expected\n  0.5 of 2 hours spent\n");
  expect(page([1.5])).toContain("$1.50 expected: not enough, the run would stop on the way (exit code 4)");
});

describe("a config of the sft recipe", () => {
  const model = { provider: "offline-teacher" };
  const propose = { explorations: 1, questions: 1, maxTurns: 1 };
  const config = {
    recipe: "sft",
    datasets: ["x.csv"],
    models: { proposer: model, teacher: model, judge: model },
    rollouts: { attempts: 3, maxTurns: 1 },
    screen: { maxStepErrors: 1 },
    judge: {},
    accept: { mean: 0.5, each: 0.5 },
    select: { target: 1 },
  };
  const { proposer: _, ...solvers } = config.models;

  test.each<[string, object]>([
    ["proposes", { propose }],
    [
      "takes own tasks, and asks for neither proposer nor datasets",
      { tasks: "q.jsonl", models: solvers, datasets: undefined },
    ],
    ["takes several files", { tasks: ["a.jsonl", "b.jsonl"] }],
    ["unsets propose by null", { tasks: "q.jsonl", propose: null }],
    ["bounds the agreement of three tries", { tasks: "q.jsonl", screen: { maxStepErrors: 1, agreement: 0.6 } }],
  ])("%s", (_, change) => {
    expect(() => parseConfig(sft.config, { ...config, ...change }, "run.yaml")).not.toThrow();
  });

  test.each<[string, object, RegExp]>([
    [
      "both tasks and propose",
      { tasks: "q.jsonl", propose },
      /propose: `tasks` brings the questions; remove `propose`/,
    ],
    ["neither", {}, /propose: missing; expected how many questions to propose, or your own questions in `tasks`/],
    ["propose without a proposer", { propose, models: solvers }, /models\.proposer: missing/],
    ["propose without data", { propose, datasets: [] }, /datasets: expected at least one/],
    [
      "agreement of two tries",
      { propose, rollouts: { attempts: 2, maxTurns: 1 }, screen: { maxStepErrors: 1, agreement: 0.6 } },
      /rollouts\.attempts: `screen\.agreement` compares the tries at a question; expected at least 3 tries/,
    ],
  ])("is refused with %s", (_, change, message) => {
    expect(() => parseConfig(sft.config, { ...config, ...change }, "run.yaml")).toThrow(message);
  });
});
