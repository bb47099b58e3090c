// What a finished run knows of its tries: every product is read from it. Ids and keys are held, about 300 bytes a try; bodies are read one task at a time.
import type { ZodType } from "zod";
import { becameOf } from "../audit/funnel.ts";
import { addParents } from "../audit/lineage.ts";
import { UsageError } from "../domain/errors.ts";
import { type Example, example } from "../domain/example.ts";
import type { EndedCandidate, RejectionReason } from "../domain/products.ts";
import type { RunEvent } from "../domain/run.ts";
import { candidate } from "../domain/trajectory.ts";
import { readEvents } from "../engine/events.ts";
import { exists, type RunFolder, readManifest } from "./run-folder.ts";
import { openStoredBodies } from "./stored-bodies.ts";

/** The examples and the ended tries of one run. */
export interface RunLedger extends AsyncDisposable {
  /** The examples that left the line, in the run's order; one that a later stage dropped is none. */
  readonly exampleIds: readonly string[];
  /** One of them, or another item of the run that is an example. @throws {UsageError} where its body is gone from the store. */
  example(id: string): Example;
  /** Every task with a try that ended, in the order of the first of these. */
  readonly taskIds: readonly string[];
  /** A task's ended tries; those that are owed or pending are none. @throws as `example`. */
  triesOf(taskId: string): readonly EndedCandidate[];
}

interface Ended {
  readonly key: string;
  readonly task: string;
  accepted: boolean;
  reason: RejectionReason | null;
  ended: boolean;
}

/** Opens the ledger of a run, finished or stopped. @throws {UsageError} where it wrote no events. */
export async function openRunLedger(folder: RunFolder): Promise<RunLedger> {
  if (!(await exists(folder.eventsPath)))
    throw new UsageError(
      `Expected \`${folder.eventsPath}\` to hold the run's events, got no file: name another run, or run it again`,
    );
  const last = (await readManifest(folder))?.stages?.at(-1);
  const parents = new Map<string, string>();
  const keys = new Map<string, string>();
  const exampleIds: string[] = [];
  const tries = new Map<string, Ended>();
  for await (const event of readEvents(folder.eventsPath)) {
    if (event.type !== "item") continue;
    addParents(parents, event);
    for (const [id, key] of Object.entries(event.bodies ?? {})) {
      if (id.startsWith("trajectory_")) {
        const task = nearest(parents, id, "task_");
        // A later body of the same try has more measured.
        if (task !== null) tries.set(id, { accepted: false, reason: null, ended: false, ...tries.get(id), key, task });
      } else if (id.startsWith("example_") || event.stage === last) keys.set(id, key);
    }
    const left = leftLine(event, last);
    for (const id of left) exampleIds.push(id);
    const tried = tries.get(nearest(parents, event.id, "trajectory_") ?? "");
    if (tried === undefined) continue;
    if (left.length > 0) Object.assign(tried, { ended: true, accepted: true, reason: null });
    else if (event.outcome === "rejected" && !tried.accepted) {
      const { stage, code = "rejected", message = "" } = event;
      Object.assign(tried, { ended: true, reason: { stage, code, message } });
    }
  }
  const byTask = new Map<string, string[]>();
  for (const [id, { task, ended }] of tries) {
    if (!ended) continue;
    const ids = byTask.get(task);
    if (ids === undefined) byTask.set(task, [id]);
    else ids.push(id);
  }
  const bodies = await openStoredBodies(folder);
  const read = <T>(id: string, key: string | undefined, schema: ZodType<T>): T => {
    const body = key === undefined ? undefined : bodies.get(key);
    if (body === undefined)
      throw new UsageError(
        `Expected the body of ${id} in the store \`${folder.storePath}\`, got none: it was pruned, or the run folder was moved without its store. Run the same config again: what was paid for is remembered`,
      );
    return schema.parse(body);
  };
  return {
    exampleIds,
    example: (id) => read(id, keys.get(id), example),
    taskIds: [...byTask.keys()],
    triesOf: (taskId) =>
      (byTask.get(taskId) ?? []).map((id): EndedCandidate => {
        const { key, accepted, reason } = tries.get(id) as Ended;
        const body = read(id, key, candidate);
        const { id: task, queryId, dataset } = body.attempt.task;
        return {
          ...{ id, group: dataset.id, dataset: dataset.name, taskId: task, queryId },
          ...{ candidate: body, accepted, reason },
        };
      }),
    [Symbol.asyncDispose]: () => bodies[Symbol.asyncDispose](),
  };
}

/** What an item became where that left the line: what the last stage let pass. Where no manifest names the stages, every example. */
function leftLine(event: Extract<RunEvent, { type: "item" }>, last: string | undefined): readonly string[] {
  if (event.outcome !== "passed") return [];
  if (last === undefined) return becameOf(event).filter((id) => id.startsWith("example_"));
  return event.stage === last ? becameOf(event) : [];
}

/** An item itself, or the nearest that it came from, of this kind. */
function nearest(parents: ReadonlyMap<string, string>, id: string, kind: string): string | null {
  for (let at: string | undefined = id; at !== undefined; at = parents.get(at)) if (at.startsWith(kind)) return at;
  return null;
}
