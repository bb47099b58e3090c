import type { Score, Trajectory } from "../domain/trajectory.ts";
import { grounded } from "./grounded.ts";

/** Every number read off a trajectory alone: `grounded`, `step_errors`, `turns`, `exit`. */
export const trajectoryMetrics: readonly ((trajectory: Trajectory) => Score)[] = [grounded, stepErrors, turns, exit];

/** What each of them measures, by the name its score carries. */
export const trajectoryScores: Readonly<Record<string, string>> = {
  grounded: "the share of the answer's values that were seen in an output before",
  step_errors: "steps of code that did not end well",
  turns: "messages that the agent wrote",
  exit: "1 when the agent submitted an answer, else 0",
};

/** Steps of code that did not end well (exception, time limit, memory …). */
function stepErrors({ turns }: Trajectory): Score {
  const bad = turns.flatMap(({ step }) => (step !== null && step.end !== "ok" ? [step] : []));
  const names = bad.map((step) => step.exception?.name ?? step.end);
  return { metric: "step_errors", value: bad.length, reason: names.length === 0 ? "no step failed" : names.join(", ") };
}

/** Messages that the agent wrote. */
function turns(trajectory: Trajectory): Score {
  const invalid = trajectory.turns.filter(({ action }) => action.kind === "invalid").length;
  return { metric: "turns", value: trajectory.turns.length, reason: `${invalid} of them invalid` };
}

/** 1 when the agent submitted an answer, else 0 with the exit as the reason. */
function exit(trajectory: Trajectory): Score {
  return { metric: "exit", value: trajectory.exit === "submitted" ? 1 : 0, reason: trajectory.exit };
}
