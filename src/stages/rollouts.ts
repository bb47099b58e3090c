import { z } from "zod";
import type { Attempt, Task } from "../domain/task.ts";
import type { Candidate } from "../domain/trajectory.ts";
import { type EachStage, each, pass } from "../engine/stage.ts";
import type { Prompt } from "../prompts/load.ts";
import { concurrency, count } from "./ranges.ts";
import { type Agent, fileList, type OpenSession, solve } from "./solving.ts";

/** `attempts` are the independent tries at each task; `maxTurns` the messages an agent has. */
export const rolloutsOptions = z.strictObject({
  attempts: count,
  maxTurns: count,
  concurrency: concurrency.default(32),
});

const taskPlaces = ["files", "context", "question", "constraints", "answer_format"];

/**
 * Lets the agent solve each Attempt in a sandbox of its own; the Attempt becomes an unmeasured Candidate, however the rollout
 * ended. A rollout whose model or sandbox broke is a failure: the attempt is owed.
 */
export function rollouts(options: {
  readonly agent: Agent;
  readonly openSession: OpenSession;
  readonly prompts: { readonly system: Prompt; readonly task: Prompt };
  readonly concurrency: number;
}): EachStage<Attempt, Candidate> {
  const { agent, prompts } = options;
  prompts.system.expectPlaces(["max_turns"]);
  prompts.task.expectPlaces(taskPlaces);
  return each({
    name: "rollouts",
    concurrency: options.concurrency,
    keep: true,
    async run(attempt, { signal }) {
      const trajectory = await solve({
        kind: "trajectory",
        subject: { attempt: attempt.id },
        agent,
        openSession: options.openSession,
        dataset: attempt.task.dataset,
        prompts: [prompts.system, prompts.task],
        assignment: {
          system: prompts.system.render({ max_turns: String(agent.maxTurns) }),
          user: askTask(prompts.task, attempt.task),
        },
        sample: attempt.index,
        signal,
      });
      return pass<Candidate>({ id: trajectory.id, attempt, trajectory, scores: [], verdict: null });
    },
  });
}

/** The words a task is put in: what the agent sees of it, and nothing of its reference. */
export function askTask(prompt: Prompt, task: Task): string {
  return prompt.render({
    files: fileList(task.dataset),
    context: task.context === "" ? "" : `Context:\n${task.context}\n\n`,
    question: task.question,
    constraints: task.constraints === "" ? "None." : task.constraints,
    answer_format: task.answerFormat === "" ? "As the question asks." : task.answerFormat,
  });
}
