import { describe, expect, test } from "vitest";
import type { StepEnd, StepResult, Trajectory, Turn } from "../../src/domain/trajectory.ts";
import { trajectoryMetrics } from "../../src/metrics/trajectory.ts";

interface Spoken {
  readonly code?: string;
  readonly shown?: string;
  readonly end?: StepEnd;
}

function trajectoryOf(steps: readonly Spoken[], submission: string | null, prompt = "What is it?"): Trajectory {
  const empty = { head: "", tail: "", droppedBytes: 0 };
  const turns: Turn[] = steps.map(({ code = "print(x)", shown = "", end = "ok" }, index) => {
    const step: StepResult = {
      end,
      stdout: empty,
      stderr: empty,
      result: null,
      exception: end === "error" ? { name: "KeyError", value: "", traceback: empty } : null,
      wallMs: 1,
      cpuMs: 1,
      pictures: [],
      savedOutput: null,
      peakMemoryBytes: null,
      stateLost: false,
    };
    return {
      message: 2 + 2 * index,
      action: { kind: "code", reasoning: "", code },
      step,
      observation: shown,
      finishReason: "stop",
      completionKey: "k",
      ran: null,
      diverged: false,
      transforms: [],
    };
  });
  return {
    id: "t",
    messages: [
      { role: "system", content: "s" },
      { role: "user", content: prompt },
    ],
    turns,
    exit: submission === null ? "turn_limit" : "submitted",
    submission,
    usage: {
      inputTokens: 0,
      cachedInputTokens: 0,
      outputTokens: 0,
      reasoningTokens: 0,
      estimated: false,
      costUsd: null,
    },
    scaffold: "react",
    model: "m",
    backend: "b",
    environment: "e",
    image: null,
    ranOn: [],
    versions: {},
  };
}

function measure(name: string, trajectory: Trajectory) {
  const score = trajectoryMetrics.map((metric) => metric(trajectory)).find(({ metric }) => metric === name);
  if (score === undefined) throw new Error(`no score ${name}`);
  return score;
}

describe("an answer is grounded when its values were seen", () => {
  test.each<[string, Spoken[], string, number]>([
    ["the value itself", [{ shown: "mean 36.45" }], "@m[36.45]", 1],
    ["a value that rounds to it", [{ shown: "mean 36.448598" }], "@m[36.45]", 1],
    ["a share that is its percentage", [{ shown: "0.36448598" }], "@m[36.45]", 1],
    ["with a thousands separator", [{ shown: "1,234.50" }], "@m[1234.5]", 1],
    ["in scientific notation", [{ shown: "p=3.98e-05" }], "@p[0.0000398]", 1],
    ["with the sign turned", [{ shown: "-0.0374" }], "@drop[0.037]", 1],
    ["in any earlier observation", [{ shown: "7.25" }, { shown: "other" }], "7.25", 1],
    ["a name that was printed", [{ shown: "Gibraltar    80.24" }], "@c[Gibraltar]", 1],
    ["not a value that was never printed", [{ shown: "mean 36.45" }], "@m[36.46]", 0],
    ["not a value coarser than the answer", [{ shown: "36.4" }], "@m[36.45]", 0],
    ["not a part of a longer number", [{ shown: "136.45" }], "@m[36.45]", 0],
    ["not a name inside another", [{ shown: "Nigeria" }], "@c[Niger]", 0],
    ["half of it, when half was", [{ shown: "1.25" }], "@a[1.25], @b[9.75]", 0.5],
    ["not a number that its own code typed", [{ code: "print(36.45)", shown: "36.45" }], "@m[36.45]", 0],
    [
      "but one that was computed before it was typed",
      [{ shown: "36.45" }, { code: "print(36.45)", shown: "36.45" }],
      "36.45",
      1,
    ],
    ["nothing at all without code", [], "@m[3.5]", 0],
  ])("%s", (_, steps, submission, value) => {
    expect(measure("grounded", trajectoryOf(steps, submission)).value).toBe(value);
  });

  test("a word that the question offers needs no showing", () => {
    const trajectory = trajectoryOf([{ shown: "p 0.1481" }], "@p[0.1481], @s[no]", "@p[p], @s[yes/no]");
    expect(measure("grounded", trajectory).value).toBe(1);
  });

  test("no answer is unscored", () => {
    expect(measure("grounded", trajectoryOf([{ shown: "1" }], null)).value).toBeNull();
  });
});

test("failed steps are counted and named", () => {
  const trajectory = trajectoryOf([{ end: "error" }, {}, { end: "timeout" }], "1");
  expect(measure("step_errors", trajectory)).toMatchObject({ value: 2, reason: "KeyError, timeout" });
});

test("turns and exit are told as they were", () => {
  expect(measure("turns", trajectoryOf([{}, {}], "1")).value).toBe(2);
  expect(measure("exit", trajectoryOf([], "1"))).toMatchObject({ value: 1, reason: "submitted" });
  expect(measure("exit", trajectoryOf([], null))).toMatchObject({ value: 0, reason: "turn_limit" });
});
