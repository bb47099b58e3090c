import { rollout } from "../agents/rollout.ts";
import { contentId } from "../domain/hash.ts";
import type { Attempt, Task } from "../domain/task.ts";
import type { Candidate } from "../domain/trajectory.ts";
import { type EachStage, each, pass } from "../engine/stage.ts";
import type { Prompt } from "../prompts/load.ts";
import { type Agent, fileList, type OpenSession } from "./solving.ts";

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
  return each({
    name: "rollouts",
    concurrency: options.concurrency,
    keep: true,
    async run(attempt, { signal }) {
      const id = contentId("trajectory", {
        attempt: attempt.id,
        model: agent.model.identity,
        scaffold: [agent.scaffold.name, agent.scaffold.version],
        prompts: [prompts.system.hash, prompts.task.hash],
        maxTurns: agent.maxTurns,
      });
      await using session = options.openSession({ dataset: attempt.task.dataset, attempt: id, signal });
      const trajectory = await rollout({
        id,
        assignment: {
          system: prompts.system.render({ max_turns: String(agent.maxTurns) }),
          user: askTask(prompts.task, attempt.task),
        },
        model: agent.model,
        scaffold: agent.scaffold,
        session,
        sample: attempt.index,
        maxTurns: agent.maxTurns,
        signal,
      });
      return pass<Candidate>({ id, attempt, trajectory, scores: [], verdict: null });
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
