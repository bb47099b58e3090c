import type { Metric } from "../contracts.ts";
import { sha256 } from "../domain/hash.ts";
import type { Reference, Task } from "../domain/task.ts";
import type { Candidate, Trajectory } from "../domain/trajectory.ts";
import { type AllStage, all, type Rejected, reject } from "../engine/stage.ts";
import { inferReference } from "../metrics/infer.ts";
import { groupBy } from "./group-by.ts";

interface Submitted {
  readonly id: string;
  readonly taskId: string;
  /** Null where nothing was submitted. A very long answer is its hash, as is a file that a metric checks: it agrees with its like only. */
  readonly answer: string | null;
  readonly check: Omit<Reference, "answer"> | null;
  readonly asked: Pick<Task, "answerFormat" | "constraints">;
}

const longestAnswerChars = 2000;

/**
 * Drops Candidates with too few of their task's `attempts` behind them (`low_agreement`): the share of the k attempts, itself included,
 * whose submission agrees with its own has to be at least `min` (0 to 1). This is self-consistency (Wang et al. 2022): it needs no
 * reference answer, and several attempts. Two submissions agree when either, taken as the reference, finds the other right by the task's
 * metric, or by the one inferred from the answer format; submitted files that a metric checks agree when their bytes are the same. An attempt that is owed or submitted nothing agrees with none.
 */
export function agreement(options: {
  readonly min: number;
  readonly attempts: number;
  readonly metrics: readonly Metric[];
}): AllStage<Candidate, Submitted> {
  const metrics = new Map(options.metrics.map((metric) => [metric.name, metric]));

  function finds(reference: Submitted, submission: string): boolean {
    const { answer, check, asked } = reference;
    if (answer === null) return false;
    const whole = check === null ? inferReference(answer, asked.answerFormat, asked.constraints) : { ...check, answer };
    return metrics.get(whole.metric)?.score({ reference: whole, submission }).value === 1;
  }

  function agree(one: Submitted, other: Submitted): boolean {
    if (one.answer === null || other.answer === null) return false;
    return one.answer === other.answer || finds(one, other.answer) || finds(other, one.answer);
  }

  return all({
    name: "agreement",
    project: ({ id, attempt: { task }, trajectory }) => ({
      id,
      taskId: task.id,
      answer: task.reference?.file === undefined ? answerOf(trajectory) : fileOf(trajectory),
      check: task.reference === null ? null : { metric: task.reference.metric, params: task.reference.params },
      asked: { answerFormat: task.answerFormat, constraints: task.constraints },
    }),
    decide: (submissions) => {
      const byTask = groupBy(submissions, ({ taskId }) => taskId);
      return submissions.map((one): Rejected | null => {
        const tries = byTask.get(one.taskId) ?? [];
        const agreeing = tries.filter((other) => agree(one, other)).length;
        const share = agreeing / options.attempts;
        if (share >= options.min) return null;
        return reject(
          "low_agreement",
          `${agreeing} of ${options.attempts} attempts agree, below a share of ${options.min}`,
          {
            agreement: Math.round(share * 1e6) / 1e6,
            bound: { min: options.min },
            submission: one.answer,
            submissions: tries.map(({ id, answer }) => ({ id, answer: answer?.slice(0, 200) ?? null })),
          },
        );
      });
    },
  });
}

function answerOf({ submission }: Trajectory): string | null {
  return submission === null || submission.trim() === "" ? null : short(submission.trim());
}

/** The submitted file by its hash, in words that no metric takes for a number. */
function fileOf({ submissionFile: file }: Trajectory): string | null {
  return file === null || file === undefined || "refused" in file ? null : `the file ${file.sha256}`;
}

function short(submission: string): string {
  return submission.length <= longestAnswerChars ? submission : `a long answer ${sha256(submission)}`;
}
