import type { Example, ExampleMessage } from "../domain/example.ts";
import { contentId } from "../domain/hash.ts";
import { trainedMessages } from "../domain/loss.ts";
import type { Candidate } from "../domain/trajectory.ts";
import { type EachStage, each, pass, reject } from "../engine/stage.ts";
import { exampleProblems } from "../exports/problems.ts";

/**
 * Turns a Candidate into one Example: the messages as recorded with the functions that were offered, loss on assistant messages only, and no
 * loss on a turn that is bad to imitate: code that failed, was never run or repeats a step to no effect, an invalid message, a turn that saw more of an
 * observation than was left of it. It stays as context for what follows. Rejects
 * a rollout that submitted nothing (`unfinished`) and text that no target takes (`not_trainable`).
 */
export function toExamples(): EachStage<Candidate, Example> {
  return each({
    name: "examples",
    keep: true,
    run(candidate) {
      const { trajectory, attempt } = candidate;
      if (trajectory.submission === null) {
        return reject("unfinished", `The rollout ended without an answer (${trajectory.exit})`, {
          exit: trajectory.exit,
        });
      }
      const trained = trainedMessages(trajectory.turns);
      const messages: ExampleMessage[] = trajectory.messages.map((message, index) => ({
        ...message,
        train: trained.has(index),
      }));
      const example: Example = {
        id: contentId("example", { trajectory: trajectory.id, messages }),
        messages,
        group: attempt.task.dataset.id,
        taskId: attempt.task.id,
        queryId: attempt.task.queryId,
        trajectoryId: trajectory.id,
        ...(trajectory.tools === undefined ? {} : { tools: trajectory.tools }),
        transforms: [
          ...trajectory.turns.flatMap((turn) => turn.transforms),
          ...(trajectory.turns.some(({ shortened }) => shortened !== undefined) ? ["shorten_observations"] : []),
        ],
        ...(attempt.task.own === undefined ? {} : { own: attempt.task.own }),
        ...(attempt.task.reference === null ? { unreferenced: true } : {}),
      };
      const problems = exampleProblems(example);
      const [first] = problems;
      return first === undefined ? pass(example) : reject("not_trainable", first.message, { problems });
    },
  });
}
