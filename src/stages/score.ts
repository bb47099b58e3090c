import type { Metric } from "../contracts.ts";
import type { Candidate, Score, Trajectory } from "../domain/trajectory.ts";
import { type EachStage, each, pass } from "../engine/stage.ts";

/** A number read off a trajectory alone. */
export type TrajectoryMetric = (trajectory: Trajectory) => Score;

/** The score every task has: its own metric's, under this name. */
export const answerScore = "answer";

/**
 * Measures a Candidate: the submission against the task's reference by the metric that the task names (score `answer`), and
 * each of `trajectoryMetrics`. A task without a reference leaves `answer` unscored, with that as the reason. Decides nothing. @throws {Error} when a task names a metric that `metrics` does not hold.
 */
export function score(options: {
  readonly metrics: readonly Metric[];
  readonly trajectoryMetrics: readonly TrajectoryMetric[];
}): EachStage<Candidate, Candidate> {
  const metrics = new Map(options.metrics.map((metric) => [metric.name, metric]));

  function scoreAnswer({ attempt, trajectory }: Candidate): Score {
    const { reference } = attempt.task;
    if (reference === null) {
      return { metric: answerScore, value: null, reason: "The question came without a reference answer" };
    }
    const metric = metrics.get(reference.metric);
    if (metric === undefined) {
      throw new Error(
        `Expected the task's metric to be one of ${[...metrics.keys()].join(", ")}, got \`${reference.metric}\``,
      );
    }
    return metric.score({ reference, submission: trajectory.submission });
  }

  return each({
    name: "score",
    run(candidate) {
      const answer = scoreAnswer(candidate);
      return pass<Candidate>({
        ...candidate,
        scores: [
          { ...answer, metric: answerScore },
          ...options.trajectoryMetrics.map((measure) => measure(candidate.trajectory)),
        ],
      });
    },
  });
}
