import type { Blobs, FileMetric, Metric } from "../contracts.ts";
import { FailureError } from "../domain/errors.ts";
import type { Candidate, Score, Trajectory } from "../domain/trajectory.ts";
import { type EachStage, each, pass } from "../engine/stage.ts";

/** A number read off a trajectory alone. */
export type TrajectoryMetric = (trajectory: Trajectory) => Score;

/** The score every task has: its own metric's, under this name. */
export const answerScore = "answer";

/**
 * Measures a Candidate: the submission against the task's reference by the metric that the task names (score `answer`), and
 * each of `trajectoryMetrics`. A reference with a file is checked against the submitted file by one of `fileMetrics`, which reads the
 * bytes from `blobs`. A task without a reference leaves `answer` unscored, with that as the reason. Decides nothing. @throws {Error} when a task names a metric that `metrics` does not hold.
 */
export function score(options: {
  readonly metrics: readonly Metric[];
  readonly trajectoryMetrics: readonly TrajectoryMetric[];
  readonly fileMetrics?: readonly FileMetric[];
  readonly blobs?: Blobs;
}): EachStage<Candidate, Candidate> {
  const { trajectoryMetrics, fileMetrics = [], blobs } = options;
  const metrics = new Map(options.metrics.map((metric) => [metric.name, metric]));

  async function read(sha256: string): Promise<Uint8Array> {
    if (blobs === undefined) throw new Error("Expected `blobs` to read a submitted file from: a task asks for one");
    const bytes = await blobs.get(sha256);
    if (bytes !== undefined) return bytes;
    throw new FailureError(
      "disk",
      `The bytes of a submission or reference (${sha256}) are no longer in the store: \`npx tracemill store verify --fix\`, then run the same command again`,
    );
  }

  function scoreAnswer({ attempt, trajectory }: Candidate): Score | Promise<Score> {
    const { reference } = attempt.task;
    if (reference === null) {
      return { metric: answerScore, value: null, reason: "The question came without a reference answer" };
    }
    const { submission, submissionFile } = trajectory;
    if (reference.file !== undefined) {
      if (fileMetrics.length === 0)
        throw new Error("Expected `fileMetrics` and `blobs` in `score`: a task asks for a file");
      const metric = fileMetrics.find(({ name }) => name === reference.metric);
      if (metric === undefined) throw new Error(unknown(fileMetrics, reference.metric));
      return metric.score({ reference, submission, file: submissionFile ?? null, read });
    }
    const metric = metrics.get(reference.metric);
    if (metric === undefined) throw new Error(unknown(options.metrics, reference.metric));
    return metric.score({ reference, submission });
  }

  return each({
    name: "score",
    async run(candidate) {
      const answer = await scoreAnswer(candidate);
      return pass<Candidate>({
        ...candidate,
        scores: [
          { ...answer, metric: answerScore },
          ...trajectoryMetrics.map((measure) => measure(candidate.trajectory)),
        ],
      });
    },
  });
}

function unknown(known: readonly { readonly name: string }[], metric: string): string {
  return `Expected the task's metric to be one of ${known.map(({ name }) => name).join(", ")}, got \`${metric}\``;
}
