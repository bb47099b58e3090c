import type { EndedCandidate, RlTask } from "../../domain/products.ts";

/** The task of these tries to practise on, asked as the rollouts asked it; null where it has no reference answer, for then nothing could reward. */
export function rlTask(tries: readonly EndedCandidate[]): RlTask | null {
  const [first] = tries;
  if (first === undefined) return null;
  const { attempt, trajectory } = first.candidate;
  const { task } = attempt;
  if (task.reference === null) return null;
  const start = trajectory.messages.findIndex(({ role }) => role === "assistant");
  return {
    id: task.id,
    group: first.group,
    dataset: first.dataset,
    taskId: task.id,
    queryId: task.queryId,
    prompt: trajectory.messages.slice(0, start === -1 ? trajectory.messages.length : start),
    ...(trajectory.tools === undefined ? {} : { tools: trajectory.tools }),
    scaffold: trajectory.scaffold,
    files: task.dataset.files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
    reference: task.reference,
    difficulty: task.difficulty,
    tried: tries.length,
    accepted: tries.filter(({ accepted }) => accepted).length,
  };
}
