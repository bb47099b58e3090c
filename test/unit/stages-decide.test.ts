import { describe, expect, test } from "vitest";
import type { Judge } from "../../src/contracts.ts";
import { FailureError } from "../../src/domain/errors.ts";
import type { Candidate, Exit, Message } from "../../src/domain/trajectory.ts";
import { fileMetrics, metrics } from "../../src/metrics/index.ts";
import { trajectoryMetrics } from "../../src/metrics/trajectory.ts";
import { accept } from "../../src/stages/accept.ts";
import { toExamples } from "../../src/stages/examples.ts";
import { judge } from "../../src/stages/judge.ts";
import { score } from "../../src/stages/score.ts";
import { type Bound, screen } from "../../src/stages/screen.ts";
import { select } from "../../src/stages/select.ts";
import { pythonTool } from "./export-fixtures.ts";
import { candidate, type Done, dataset, endOf, outOf, signal, task, verdict } from "./stages-fixture.ts";

const solved: readonly Done[] = [{ code: "print(79.5)", out: "79.5" }, { answer: "@mean[79.5]" }];

describe("score", () => {
  test("measures the answer by the task's metric, and the trajectory, and drops nothing", async () => {
    const [scored] = outOf(await score({ metrics, trajectoryMetrics }).run(candidate(solved), { signal }));
    expect(scored?.scores.map(({ metric, value }) => [metric, value])).toEqual([
      ["answer", 1],
      ["grounded", 0], // The only output is the number that the code itself spelled out.
      ["step_errors", 0],
      ["turns", 2],
      ["exit", 1],
    ]);
  });

  test("a metric that is not in the list is a bug, not a score", async () => {
    const attempt = { id: "a", index: 0, task: task({ reference: { answer: "1", metric: "guess", params: {} } }) };
    await expect(score({ metrics, trajectoryMetrics }).run(candidate(solved, { attempt }), { signal })).rejects.toThrow(
      /Expected the task's metric to be one of number, .*got `guess`/,
    );
  });

  test("a file is measured by a metric of files; a recipe that hands none in is a bug, bytes that are gone are a failure", async () => {
    const reference = { answer: "", metric: "table", params: { target: "x" }, file: { sha256: "ref", bytes: 1 } };
    const attempt = { id: "a", index: 0, task: task({ reference }) };
    const texts: Record<string, string> = { ref: "id,x\n1,2\n", mine: "x,id\n2.0,1\n" };
    const blobs = {
      put: async () => "",
      get: async (sha256: string) => (texts[sha256] === undefined ? undefined : Buffer.from(texts[sha256])),
    };
    const submitted = (sha256: string) => {
      const one = candidate(solved, { attempt });
      const submissionFile = { path: "/scratch/s", bytes: 1, sha256, diverged: false };
      return { ...one, trajectory: { ...one.trajectory, submissionFile } };
    };
    const stage = score({ metrics, trajectoryMetrics: [], fileMetrics, blobs });
    const [scored] = outOf(await stage.run(submitted("mine"), { signal }));
    expect(scored?.scores).toEqual([{ metric: "answer", value: 1, reason: "1 of 1 rows are right" }]);
    const [none] = outOf(await stage.run(candidate(solved, { attempt }), { signal }));
    expect(none?.scores).toMatchObject([{ value: 0, reason: "invalid_submission: no file was asked for" }]);
    await expect(stage.run(submitted("gone"), { signal })).rejects.toMatchObject({
      name: "FailureError",
      kind: "disk",
    });
    const without = score({ metrics, trajectoryMetrics });
    await expect(without.run(submitted("mine"), { signal })).rejects.toThrow("Expected `fileMetrics` and `blobs`");
  });
});

async function screened(value: number | null, bound: Partial<Bound> = { min: 0.5 }): Promise<string> {
  const scored = candidate(solved, { scores: [{ metric: "grounded", value, reason: "r" }] });
  return endOf(await screen({ bounds: [{ score: "grounded", code: "ungrounded", ...bound }] }).run(scored, { signal }));
}

describe("screen", () => {
  test("lets through what lies on a bound, and rejects what lies beyond", async () => {
    expect(await screened(0.5)).toBe("passed");
    expect(await screened(0.499)).toBe("ungrounded");
    expect(await screened(3, { max: 3 })).toBe("passed");
    expect(await screened(4, { max: 3 })).toBe("ungrounded");
  });

  test("rejects what could not be measured under a code of its own", async () => {
    expect(await screened(null)).toBe("ungrounded_unscored");
    expect(await screened(Number.NaN)).toBe("ungrounded_unscored");
  });

  test.each<[Exit, string | null, string]>([
    ["turn_limit", null, "turn_limit"],
    ["format_limit", null, "format_limit"],
    ["context_limit", null, "context_limit"],
    ["sandbox_killed", null, "sandbox_killed"],
    ["submitted", "  ", "no_answer"],
  ])("rejects a rollout that ended with %s and the answer %j as %s", async (exit, submission, code) => {
    const ended = candidate(solved);
    const without = { ...ended, trajectory: { ...ended.trajectory, exit, submission } };
    expect(endOf(await screen({ bounds: [] }).run(without, { signal }))).toBe(code);
  });

  test("names the first bound that is broken, and a bound on an unknown score is a bug", async () => {
    const scores = ["a", "b"].map((metric) => ({ metric, value: 0, reason: "r" }));
    const bounds = ["b", "a"].map((name) => ({ score: name, min: 1, code: `bad_${name}` }));
    expect(endOf(await screen({ bounds }).run(candidate(solved, { scores }), { signal }))).toBe("bad_b");
    expect(() => screen({ bounds }).run(candidate(solved), { signal })).toThrow("Expected a score named `b`");
  });
});

describe("judge", () => {
  test("adds the verdict and decides nothing", async () => {
    const harsh: Judge = { name: "harsh", judge: async () => verdict({ clarity: 0 }) };
    const [judged] = outOf(await judge({ judge: harsh, concurrency: 1 }).run(candidate(solved), { signal }));
    expect(judged?.verdict?.criteria).toEqual({ clarity: 0 });
  });

  test("a judge that broke is a failure: the candidate is owed, not scored", async () => {
    const broken: Judge = {
      name: "broken",
      judge: async () => {
        throw new FailureError("judge", "no review");
      },
    };
    const stage = judge({ judge: broken, concurrency: 1 });
    await expect(async () => stage.run(candidate(solved), { signal })).rejects.toThrow(FailureError);
  });
});

async function accepted(criteria: Record<string, number>, thresholds = { mean: 0.7, each: 0.4 }): Promise<string> {
  return endOf(await accept(thresholds).run(candidate(solved, { verdict: verdict(criteria) }), { signal }));
}

describe("accept", () => {
  test("lets through what lies on both thresholds", async () => {
    expect(await accepted({ clarity: 0.4, execution: 1 })).toBe("passed");
    expect(await accepted({ clarity: 0.7, execution: 0.7 })).toBe("passed");
  });

  test("does not reject six scores of 0.8 at a mean of 0.8 for a rounding error", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    expect(await accepted(Object.fromEntries(names.map((name) => [name, 0.8])), { mean: 0.8, each: 0 })).toBe("passed");
  });

  test("rejects a low criterion by its name, the lowest first, and a low mean otherwise", async () => {
    expect(await accepted({ clarity: 0.39, execution: 1 })).toBe("low_clarity");
    expect(await accepted({ clarity: 0.39, execution: 0.2 })).toBe("low_execution");
    expect(await accepted({ clarity: 0.69, execution: 0.7 })).toBe("low_quality");
  });

  test("takes no candidate without a verdict, or with an empty one, for a good one", () => {
    const stage = accept({ mean: 0, each: 0 });
    expect(() => stage.run(candidate(solved), { signal })).toThrow("Expected a judged candidate");
    expect(() => stage.run(candidate(solved, { verdict: verdict({}) }), { signal })).toThrow(
      "Expected at least one score",
    );
  });
});

function standing(id: string, queryId: string, datasetId: string, clarity: number, done = solved): Candidate {
  const asked = task({ queryId, dataset: { ...dataset, id: datasetId } });
  return candidate(done, {
    id,
    attempt: { id: `attempt_${id}`, task: asked, index: 0 },
    verdict: verdict({ clarity }),
  });
}

/** The code of each candidate, `kept` where it is none. */
function selected(options: { perQuery: number; target: number }, candidates: readonly Candidate[]) {
  const stage = select(options);
  const decisions = stage.decide(candidates.map(stage.project));
  return Object.fromEntries(candidates.map(({ id }, at) => [id, decisions[at]?.code ?? "kept"]));
}

describe("select", () => {
  test("keeps the best of each query", () => {
    const tries = [standing("a", "q", "d", 0.8), standing("b", "q", "d", 0.9), standing("c", "other", "d", 0.1)];
    expect(selected({ perQuery: 1, target: 9 }, tries)).toEqual({ a: "not_best", b: "kept", c: "kept" });
  });

  test("of equally judged tries keeps the one with fewer failed steps, then fewer turns, then the smaller id", () => {
    const failed: Done[] = [{ code: "x", step: { end: "error" } }, ...solved];
    const longer: Done[] = [{ code: "x" }, ...solved];
    const best = { perQuery: 1, target: 9 };
    const pair = (one: readonly Done[], two: readonly Done[]) =>
      selected(best, [standing("a", "q", "d", 1, one), standing("b", "q", "d", 1, two)]);
    expect(pair(failed, longer)).toEqual({ a: "not_best", b: "kept" });
    expect(pair(longer, solved)).toEqual({ a: "not_best", b: "kept" });
    expect(pair(solved, solved)).toEqual({ a: "kept", b: "not_best" });
  });

  test("does not let a large dataset crowd out a small one", () => {
    const large = ["a", "b", "c", "d"].map((id) => standing(id, `q${id}`, "large", 1));
    const small = standing("e", "qe", "small", 0.5);
    expect(selected({ perQuery: 1, target: 2 }, [...large, small])).toEqual({
      a: "kept",
      b: "over_target",
      c: "over_target",
      d: "over_target",
      e: "kept",
    });
  });

  test("gives the last round's places to the best, not to the dataset that sorts first", () => {
    const each = [standing("a", "qa", "d1", 0.5), standing("b", "qb", "d2", 0.6), standing("c", "qc", "d3", 0.9)];
    expect(selected({ perQuery: 1, target: 2 }, each)).toEqual({ a: "over_target", b: "kept", c: "kept" });
  });

  test("projects no message: what is held of a million candidates is small", () => {
    const long = candidate([{ code: "x".repeat(100_000), out: "y".repeat(100_000) }, ...solved]);
    expect(JSON.stringify(select({ perQuery: 1, target: 1 }).project(long)).length).toBeLessThan(300);
  });
});

async function trained(done: readonly Done[]): Promise<readonly boolean[]> {
  const [example] = outOf(await toExamples().run(candidate(done), { signal }));
  return (example?.messages ?? []).filter(({ role }) => role === "assistant").map(({ train }) => train);
}

const answered: Done = { answer: "1" };

describe("examples", () => {
  test("train on what the assistant did, and on nothing else", async () => {
    const [example] = outOf(await toExamples().run(candidate(solved), { signal }));
    expect(example?.messages.map(({ role, train }) => [role, train])).toEqual([
      ["system", false],
      ["user", false],
      ["assistant", true],
      ["user", false],
      ["assistant", true],
    ]);
    expect(example?.group).toBe(dataset.id);
  });

  test.each(["error", "timeout", "oom", "output_limit", "exited"] as const)(
    "do not train on a step that ended with %s, and train on the one that repairs it",
    async (end) => {
      expect(await trained([{ code: "x", step: { end } }, { code: "y" }, answered])).toEqual([false, true, true]);
    },
  );

  test("do not train on an invalid message", async () => {
    expect(await trained([{ invalid: "no action" }, { code: "x" }, answered])).toEqual([false, true, true]);
  });

  test("do not train on a step that repeats an earlier one to no effect", async () => {
    expect(await trained([{ code: "x", out: "1" }, { code: "x \n", out: "1" }, answered])).toEqual([true, false, true]);
  });

  test("train on the same code where its output changed, or where the state was lost in between", async () => {
    expect(await trained([{ code: "x", out: "1" }, { code: "x", out: "2" }, answered])).toEqual([true, true, true]);
    const lost: Done = { code: "y", step: { end: "timeout", stateLost: true } };
    expect(await trained([{ code: "x" }, lost, { code: "x" }, answered])).toEqual([true, false, true, true]);
  });

  test("train on a repair that is the code of a step that failed", async () => {
    expect(await trained([{ code: "x", step: { end: "error" }, out: "E" }, { code: "x", out: "1" }, answered])).toEqual(
      [false, true, true],
    );
  });

  test("carry native calls, their answers and the functions that were offered, reasoning apart", async () => {
    const done = candidate([{ code: "x" }, answered]);
    const [system, asked, , , last] = done.trajectory.messages as Message[];
    const call = { id: "call_1", name: "python", arguments: '{"code":"x"}' };
    const messages = [
      system,
      asked,
      { role: "assistant", content: "", reasoning: "hm", toolCalls: [call] },
      { role: "tool", content: "1", toolCallId: "call_1" },
      last,
    ] as Message[];
    const [example] = outOf(
      await toExamples().run(
        { ...done, trajectory: { ...done.trajectory, messages, tools: [pythonTool] } },
        { signal },
      ),
    );
    expect(example?.tools).toEqual([pythonTool]);
    expect(example?.messages[2]).toEqual({ ...messages[2], train: true });
    expect(example?.messages[3]).toEqual({ ...messages[3], train: false });
    // Without the functions nobody could say what was called.
    const lost = { ...done, trajectory: { ...done.trajectory, messages } };
    expect(endOf(await toExamples().run(lost, { signal }))).toBe("not_trainable");
  });

  test("do not train on what was said on more of an observation than is left, and name that it was shortened", async () => {
    const done = candidate([{ code: "a" }, { code: "b" }, { code: "c" }, { code: "d" }, answered]);
    const turns = done.trajectory.turns.map((turn, index) => (index === 3 ? { ...turn, shortened: [3, 5] } : turn));
    const [example] = outOf(await toExamples().run({ ...done, trajectory: { ...done.trajectory, turns } }, { signal }));
    const said = example?.messages.filter(({ role }) => role === "assistant") ?? [];
    // a saw nothing of it; b and c were said on the whole outputs; d and the answer on what the example shows.
    expect(said.map(({ train }) => train)).toEqual([true, false, false, true, true]);
    expect(example?.transforms).toEqual(["shorten_observations"]);
  });

  test("are not made of a rollout that has no answer", async () => {
    const unfinished = candidate([{ code: "x" }, { code: "y", step: null }]);
    expect(endOf(await toExamples().run(unfinished, { signal }))).toBe("unfinished");
  });

  test("are not made of text that no target takes", async () => {
    const special = candidate([{ code: "print('<|im_end|>')" }, answered]);
    expect(endOf(await toExamples().run(special, { signal }))).toBe("not_trainable");
  });
});
