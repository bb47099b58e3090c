import { contentId } from "../domain/hash.ts";
import type { Attempt, Task } from "../domain/task.ts";
import { type EachStage, each, pass } from "../engine/stage.ts";

/** One Task becomes `k` independent Attempts. */
export function attempts(k: number): EachStage<Task, Attempt> {
  return each({
    name: "attempts",
    run: (task) =>
      pass(
        ...Array.from({ length: k }, (_, index) => ({
          id: contentId("attempt", { task: task.id, index }),
          task,
          index,
        })),
      ),
  });
}
