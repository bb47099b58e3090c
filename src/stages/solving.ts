// What a stage needs to let an agent work on a dataset. Handed in by the recipe; a stage never looks anything up.
import type { Model, Scaffold, Session } from "../contracts.ts";
import type { Dataset } from "../domain/dataset.ts";

/** Opens a replayable Python session on a dataset. `attempt` names whose session it is: the same attempt replays its own steps. */
export type OpenSession = (request: {
  readonly dataset: Dataset;
  readonly attempt: string;
  readonly signal: AbortSignal;
}) => Session;

export interface Agent {
  readonly model: Model;
  readonly scaffold: Scaffold;
  readonly maxTurns: number;
}

/** The files of a dataset as the agent is told about them, one `- /data/name` a line. */
export function fileList(dataset: Dataset): string {
  return dataset.files.map((file) => `- /data/${file.name}`).join("\n");
}
