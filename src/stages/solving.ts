// How a stage lets an agent work on a dataset. Everything is handed in by the recipe; a stage never looks anything up.
import { rollout } from "../agents/rollout.ts";
import type { Assignment, Model, Scaffold, Session } from "../contracts.ts";
import type { Dataset } from "../domain/dataset.ts";
import { contentId } from "../domain/hash.ts";
import type { SubmissionRule } from "../domain/submission.ts";
import type { Trajectory } from "../domain/trajectory.ts";
import type { Prompt } from "../prompts/load.ts";

/**
 * Opens a replayable Python session on a dataset. `attempt` names whose session it is: the same attempt replays its own steps. `agent`
 * is who works in it, for whoever watches; absent where no agent does.
 */
export type OpenSession = (request: {
  readonly dataset: Dataset;
  readonly attempt: string;
  readonly agent?: { readonly name: string; readonly model: string };
  readonly signal: AbortSignal;
}) => Session;

/** Who solves: a model, how it talks with its sandbox, and how many messages it has. */
export interface Agent {
  readonly model: Model;
  readonly scaffold: Scaffold;
  readonly maxTurns: number;
}

/**
 * One rollout of an agent in a session of its own. The trajectory's id (and the session's name) is what it depends on: `kind` and
 * `subject`, the model, the scaffold, the prompts and the turns. @throws as `rollout` does.
 */
export async function solve(options: {
  readonly kind: string;
  readonly subject: Readonly<Record<string, unknown>>;
  readonly agent: Agent;
  readonly openSession: OpenSession;
  readonly dataset: Dataset;
  readonly prompts: readonly Prompt[];
  readonly assignment: Assignment;
  /** The file that the task asks for, taken out at the end. */
  readonly submission?: SubmissionRule | undefined;
  /** Why an answer cannot be read (`RolloutOptions`). Whatever it depends on belongs into `subject`. */
  readonly acceptAnswer?: ((answer: string) => string | null) | undefined;
  readonly sample: number;
  readonly signal: AbortSignal;
}): Promise<Trajectory> {
  const { agent, assignment, dataset, submission, acceptAnswer, sample, signal } = options;
  const id = contentId(options.kind, {
    ...options.subject,
    model: agent.model.identity,
    scaffold: [agent.scaffold.name, agent.scaffold.version],
    prompts: options.prompts.map((prompt) => prompt.hash),
    maxTurns: agent.maxTurns,
    // It decides when observations give way.
    ...(agent.model.contextTokens === null || agent.model.contextTokens === undefined
      ? {}
      : { contextTokens: agent.model.contextTokens }),
  });
  await using session = options.openSession({
    dataset,
    attempt: id,
    agent: { name: agent.scaffold.name, model: String(agent.model.identity.model) },
    signal,
  });
  return await rollout({ id, assignment, ...agent, session, submission, acceptAnswer, sample, signal });
}

/** The files of a dataset as the agent is told about them, one `- /data/name` a line. */
export function fileList(dataset: Dataset): string {
  return dataset.files.map((file) => `- /data/${file.name}`).join("\n");
}
