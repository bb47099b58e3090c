import type { Example, ExampleMessage } from "../domain/example.ts";
import { contentId } from "../domain/hash.ts";
import type { Candidate, Turn } from "../domain/trajectory.ts";
import { type EachStage, each, pass, reject } from "../engine/stage.ts";
import { exampleProblems } from "../exports/problems.ts";

/**
 * Turns a Candidate into one Example: the messages as recorded, loss on assistant messages only, and no loss on a turn whose
 * code failed or whose message was invalid (it stays as context for the turn that repairs it). Rejects text no target takes
 * (`not_trainable`).
 */
export function toExamples(): EachStage<Candidate, Example> {
  return each({
    name: "examples",
    keep: true,
    run(candidate) {
      const { trajectory, attempt } = candidate;
      const turnAt = new Map(trajectory.turns.map((turn) => [turn.message, turn]));
      const messages: ExampleMessage[] = trajectory.messages.map((message, index) => {
        const turn = turnAt.get(index);
        return { ...message, train: turn !== undefined && trains(turn) };
      });
      const example: Example = {
        id: contentId("example", { trajectory: trajectory.id, messages }),
        messages,
        group: attempt.task.dataset.id,
        taskId: attempt.task.id,
        queryId: attempt.task.queryId,
        trajectoryId: trajectory.id,
        transforms: trajectory.turns.flatMap((turn) => turn.transforms),
      };
      const problems = exampleProblems(example);
      const [first] = problems;
      return first === undefined ? pass(example) : reject("not_trainable", first.message, { problems });
    },
  });
}

function trains(turn: Turn): boolean {
  if (turn.action.kind === "invalid") return false;
  return turn.step === null || turn.step.end === "ok";
}
