import type { EndpointSnapshot, RunSnapshot, StageSnapshot } from "../../src/domain/run-snapshot.ts";

function stage(
  name: string,
  numbers: Partial<Pick<StageSnapshot, "in" | "passed" | "rejected" | "failed" | "underWay" | "out">>,
  reasons: Record<string, number> = {},
): StageSnapshot {
  const counts = { in: 0, passed: 0, rejected: 0, failed: 0, underWay: 0, ...numbers };
  return {
    stage: name,
    ...counts,
    out: numbers.out ?? counts.passed,
    pending: counts.in - counts.passed - counts.rejected - counts.failed,
    perMinute: counts.in === 0 ? null : counts.passed / 2,
    reasons: Object.entries(reasons).map(([code, count]) => ({ code, count })),
  };
}

const endpoint: EndpointSnapshot = {
  endpoint: "https://api.example.com/v1",
  model: "teacher-large",
  ...{ inFlight: 8, sent: 1234, remembered: 10, failed: 3, inputTokens: 1_250_000, outputTokens: 84_200, costUsd: 1.5 },
  ...{ perMinute: 96, waiting: 2, pauses: 1, pausedSeconds: 4 },
};

/** A run of five stages in its middle, with two of everything that a display lists. */
export function snapshot(changes: Partial<RunSnapshot> = {}): RunSnapshot {
  return {
    version: 2,
    run: "20261123T101500Z-8f2c41d0",
    recipe: "sft",
    startedAt: "2026-11-23T10:15:00.000Z",
    at: "2026-11-23T10:19:00.000Z",
    state: "running",
    process: { boot: "b", pid: 4711, started: "1" },
    stages: [
      stage("propose", { in: 10, passed: 10, out: 240 }),
      stage("shape", { in: 240, passed: 200, rejected: 40 }, { leaks_answer: 25, too_short: 15 }),
      stage("rollouts", { in: 400, passed: 180, rejected: 12, failed: 3, underWay: 16 }, { turn_limit: 12 }),
      stage("judge", { in: 180, passed: 170, underWay: 4 }),
      stage("examples", {}),
    ],
    endpoints: [
      endpoint,
      {
        ...endpoint,
        endpoint: "https://judge.example.com/v1",
        model: "judge-small",
        failed: 0,
        costUsd: null,
        pausedSeconds: 0,
      },
    ],
    budget: [],
    sandboxes: { open: 3, limit: 4, waiting: 2, ends: { opened: 40, closed: 37, killed: 0, failed: {} } },
    slowest: [
      { stage: "rollouts", id: "attempt_3f9c21aa", seconds: 192 },
      { stage: "judge", id: "candidate_77aa01bb", seconds: 9.4 },
    ],
    failures: [
      {
        stage: "rollouts",
        id: "attempt_0001",
        kind: "provider",
        message: "Expected an answer from 東京,\u001b[2J got HTTP 503",
      },
      { stage: "rollouts", id: "attempt_0002", kind: "sandbox", message: "Expected a sandbox, got no memory" },
    ],
    examples: 0,
    target: 100,
    secondsLeft: 360,
    ...changes,
  };
}
