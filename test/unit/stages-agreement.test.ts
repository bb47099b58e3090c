import { expect, test } from "vitest";
import type { Task } from "../../src/domain/task.ts";
import { metrics } from "../../src/metrics/index.ts";
import { agreement } from "../../src/stages/agreement.ts";
import { score } from "../../src/stages/score.ts";
import { screen } from "../../src/stages/screen.ts";
import { candidate, endOf, outOf, signal, task } from "./stages-fixture.ts";

/** What becomes of attempts with these answers (null: none was submitted). */
function decided(
  answers: readonly (string | null)[],
  options: { min: number; attempts: number },
  changes: Partial<Task> = {},
) {
  const stage = agreement({ ...options, metrics });
  const asked = task({ reference: null, answerFormat: "", constraints: "", ...changes });
  const projections = answers.map((answer, index) =>
    stage.project(
      candidate(answer === null ? [{ invalid: "no" }] : [{ answer }], {
        id: `trajectory_${index}`,
        attempt: { id: `attempt_${index}`, task: asked, index },
      }),
    ),
  );
  return stage.decide(projections).map((decision) => decision?.code ?? "passed");
}

const [passed, dropped] = ["passed", "low_agreement"];

test("keeps what enough attempts agree with and drops the others", () => {
  expect(decided(["7", "7", "9"], { min: 0.6, attempts: 3 })).toEqual([passed, passed, dropped]);
  expect(decided(["7", "8", "9"], { min: 0.6, attempts: 3 })).toEqual([dropped, dropped, dropped]);
  expect(decided(["7", "8", "9"], { min: 1 / 3, attempts: 3 })).toEqual([passed, passed, passed]);
});

test("compares answers as the metrics do: by value, to the decimals written, whatever the order of names", () => {
  expect(decided(["3.14159", "3.14", "3.2"], { min: 0.6, attempts: 3 })).toEqual([passed, passed, dropped]);
  expect(decided(["North", " north.", "South"], { min: 0.6, attempts: 3 })).toEqual([passed, passed, dropped]);
  expect(decided(["@a[1] @b[2]", "@b[2.0], @a[1]", "@a[2] @b[1]"], { min: 0.6, attempts: 3 })).toEqual([
    passed,
    passed,
    dropped,
  ]);
});

test("uses the task's own metric where there is one", () => {
  const reference = { answer: "100", metric: "number", params: { relative: 0.1 } };
  expect(decided(["100", "95", "50"], { min: 0.6, attempts: 3 }, { reference })).toEqual([passed, passed, dropped]);
});

test("counts attempts that are owed or submitted nothing as agreeing with none", () => {
  expect(decided(["7"], { min: 0.5, attempts: 3 })).toEqual([dropped]);
  expect(decided(["7", "7", null], { min: 0.9, attempts: 3 })).toEqual([dropped, dropped, dropped]);
  expect(decided([null, null, null], { min: 0.1, attempts: 3 })).toEqual([dropped, dropped, dropped]);
});

test("tells very long answers apart beyond what it keeps of them", () => {
  const long = "x".repeat(5000);
  expect(decided([`${long}a`, `${long}a`, `${long}b`], { min: 0.6, attempts: 3 })).toEqual([passed, passed, dropped]);
});

test("an answer without a reference is unscored with the reason, and only a bound that needs a reference passes it by", async () => {
  const unreferenced = candidate([{ answer: "7" }], {
    attempt: { id: "attempt_1", task: task({ reference: null }), index: 0 },
  });
  const [scored] = outOf(await score({ metrics, trajectoryMetrics: [] }).run(unreferenced, { signal }));
  if (scored === undefined) throw new Error("Expected a scored candidate");
  expect(scored.scores).toEqual([
    { metric: "answer", value: null, reason: "The question came without a reference answer" },
  ]);
  const bound = { score: "answer", min: 1, code: "wrong_answer" };
  const ended = async (bounds: Parameters<typeof screen>[0]["bounds"]) =>
    endOf(await screen({ bounds }).run(scored, { signal }));
  expect(await ended([{ ...bound, needsReference: true }])).toBe("passed");
  expect(await ended([bound])).toBe("wrong_answer_unscored");
  const [wrong] = outOf(
    await score({ metrics, trajectoryMetrics: [] }).run(candidate([{ answer: "@mean[1]" }]), { signal }),
  );
  const step = await screen({ bounds: [{ ...bound, needsReference: true }] }).run(wrong as typeof scored, { signal });
  expect(endOf(step)).toBe("wrong_answer");
});

test("takes submitted files that a metric checks for one answer when their bytes are the same, whatever was said", () => {
  const reference = { answer: "", metric: "table", params: {}, file: { sha256: "r", bytes: 1 } };
  const stage = agreement({ min: 0.6, attempts: 3, metrics });
  const files = [
    { sha256: "1e5" },
    { sha256: "1e5" },
    { sha256: "100000" },
    { refused: "missing" as const, detail: "none" },
  ];
  const projections = files.map((file, index) => {
    const one = candidate([{ answer: "done" }], {
      id: `trajectory_${index}`,
      attempt: { id: `attempt_${index}`, task: task({ reference }), index },
    });
    const submissionFile = {
      path: "/scratch/s",
      diverged: false,
      ...("sha256" in file ? { bytes: 1, ...file } : file),
    };
    return stage.project({ ...one, trajectory: { ...one.trajectory, submissionFile } });
  });
  expect(stage.decide(projections).map((decision) => decision?.code ?? "passed")).toEqual([
    passed,
    passed,
    dropped,
    dropped,
  ]);
});
