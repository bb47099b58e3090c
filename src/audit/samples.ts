import type { RunEvent } from "../domain/run.ts";
import { addParents, chainTo, type ItemEvent, type OpenEvents } from "./lineage.ts";
import { answerOf, portraitOf, questionOf, readBodies, referenceOf } from "./portrait.ts";

/** One item as an auditor wants to see it at a glance. Text members are whole; whoever prints them bounds them. */
export interface Sample {
  stage: string;
  id: string;
  outcome: ItemEvent["outcome"];
  code: string | null;
  message: string | null;
  evidence: unknown;
  question: string | null;
  reference: string | null;
  /** Absent before a rollout; null when nothing was submitted. */
  answer?: string | null;
}

export interface SampleOptions {
  /** Items for each stage and reason, and finished items. */
  samples: number;
  stage?: string | undefined;
  reason?: string | undefined;
  /** Reads a body by store key; undefined when it is not there. */
  get: (key: string) => unknown;
}

/**
 * Picks items for every stage and reason, and some that passed the last stage (or `stage`). Ids are hashes, so the smallest ids are
 * a fair sample that is the same each time it is asked.
 */
export async function pickSamples(
  open: OpenEvents,
  lastStage: string | null,
  options: SampleOptions,
): Promise<Sample[]> {
  if (options.samples === 0) return [];
  const { picked, parents } = await pickEvents(open(), lastStage, options);
  const chains = new Map(picked.map((event) => [event.id, [...chainTo(parents, event.id), event.id]]));
  const bodyKeys = await findBodyKeys(open(), new Set([...chains.values()].flat()));
  return picked.map((event) => {
    const portrait = portraitOf(readBodies(chains.get(event.id) ?? [], bodyKeys, options.get).found);
    const answer = answerOf(portrait);
    return {
      stage: event.stage,
      id: event.id,
      outcome: event.outcome,
      code: event.code ?? null,
      message: event.message ?? null,
      evidence: event.evidence ?? null,
      question: questionOf(portrait),
      reference: referenceOf(portrait),
      ...(answer === undefined ? {} : { answer }),
    };
  });
}

async function pickEvents(
  events: AsyncIterable<RunEvent>,
  lastStage: string | null,
  options: SampleOptions,
): Promise<{ picked: ItemEvent[]; parents: Map<string, string> }> {
  const groups = new Map<string, ItemEvent[]>();
  const parents = new Map<string, string>();
  for await (const event of events) {
    if (event.type !== "item") continue;
    addParents(parents, event);
    if (options.stage !== undefined && event.stage !== options.stage) continue;
    if (event.outcome === "passed") {
      if (options.reason !== undefined || event.stage !== (options.stage ?? lastStage)) continue;
    } else if (options.reason !== undefined && (event.code ?? event.outcome) !== options.reason) continue;
    const name = JSON.stringify([event.stage, event.outcome, event.code ?? ""]);
    const group = groups.get(name) ?? [];
    if (!groups.has(name)) groups.set(name, group);
    const place = group.findIndex((other) => event.id < other.id);
    if (place === -1) group.push(event);
    else group.splice(place, 0, event);
    if (group.length > options.samples) group.pop();
  }
  return { picked: [...groups.values()].flat(), parents };
}

async function findBodyKeys(events: AsyncIterable<RunEvent>, ids: ReadonlySet<string>): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  for await (const event of events) {
    if (event.type !== "item") continue;
    for (const [id, key] of Object.entries(event.bodies ?? {})) if (ids.has(id)) keys.set(id, key);
  }
  return keys;
}
