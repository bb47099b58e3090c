import { z } from "zod";
import type { Attempt, Task } from "../domain/task.ts";
import type { Candidate } from "../domain/trajectory.ts";
import { type EachStage, each, pass } from "../engine/stage.ts";
import type { Prompt } from "../prompts/load.ts";
import { concurrency, count } from "./ranges.ts";
import { type Agent, expectTools, fileList, type OpenSession, solve } from "./solving.ts";

/** `attempts` are the independent tries at each task; `maxTurns` the messages an agent has. */
export const rolloutsOptions = z.strictObject({
  attempts: count,
  maxTurns: count,
  concurrency: concurrency.default(32),
});

const submissionPlaces = ["file", "max_mb"];
const taskPlaces = ["files", "context", "question", "constraints", "answer_format"];

/**
 * Lets the agent solve each Attempt in a sandbox of its own; the Attempt becomes an unmeasured Candidate, however the rollout
 * ended. A task that asks for a file is put with `prompts.submission` besides, and the file is taken out when the agent has ended. A rollout
 * whose model or sandbox broke is a failure: the attempt is owed.
 */
export function rollouts(options: {
  readonly agent: Agent;
  readonly openSession: OpenSession;
  readonly prompts: {
    readonly system: Prompt;
    readonly task: Prompt;
    /** Needed by tasks that ask for a file. */
    readonly submission?: Prompt;
  };
  readonly concurrency: number;
}): EachStage<Attempt, Candidate> {
  const { agent, prompts } = options;
  expectTools(agent);
  prompts.system.expectPlaces(["max_turns"]);
  prompts.task.expectPlaces(taskPlaces);
  prompts.submission?.expectPlaces(submissionPlaces);
  return each({
    name: "rollouts",
    concurrency: options.concurrency,
    keep: true,
    async run(attempt, { signal }) {
      const { submission } = attempt.task;
      const asksForFile = submission === undefined || prompts.submission === undefined ? [] : [prompts.submission];
      const trajectory = await solve({
        kind: "trajectory",
        subject: { attempt: attempt.id },
        agent,
        openSession: options.openSession,
        dataset: attempt.task.dataset,
        prompts: [prompts.system, prompts.task, ...asksForFile],
        assignment: {
          system: prompts.system.render({ max_turns: String(agent.maxTurns) }),
          user: askTask(prompts.task, attempt.task, prompts.submission),
        },
        submission,
        sample: attempt.index,
        signal,
      });
      return pass<Candidate>({ id: trajectory.id, attempt, trajectory, scores: [], verdict: null });
    },
  });
}

/**
 * The words a task is put in: what the agent sees of it, and nothing of its reference. A task that asks for a file says so in the words of
 * `submission`; every other task is put in the same words as without it. @throws {Error} when a file is asked for without those words.
 */
export function askTask(prompt: Prompt, task: Task, submission?: Prompt): string {
  const asked = prompt.render({
    files: fileList(task.dataset),
    context: task.context === "" ? "" : `Context:\n${task.context}\n\n`,
    question: task.question,
    constraints: task.constraints === "" ? "None." : task.constraints,
    answer_format: task.answerFormat === "" ? "As the question asks." : task.answerFormat,
  });
  if (task.submission === undefined) return asked;
  if (submission === undefined) throw new Error("Expected `prompts.submission`: a task asks for a file");
  const { path, maxBytes } = task.submission;
  return `${asked}\n\n${submission.render({ file: path, max_mb: String(maxBytes / 1e6) })}`;
}
