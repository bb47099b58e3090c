import type { ZodType } from "zod";
import { seed } from "../domain/dataset.ts";
import { type Example, example } from "../domain/example.ts";
import {
  attempt,
  type OwnQuestion,
  ownQuestion,
  type Proposal,
  proposal,
  type Query,
  query,
  type Task,
  task,
} from "../domain/task.ts";
import { type Candidate, candidate } from "../domain/trajectory.ts";

/** What is known of an item from the bodies of its line: each part is there once the item got that far. */
export interface Portrait {
  proposal?: Proposal;
  query?: Query;
  /** The user's own question, where nobody proposed it. */
  own?: OwnQuestion;
  task?: Task;
  candidate?: Candidate;
  example?: Example;
  /** Ids of bodies of no kind the audit knows: written by another version, say. */
  unread: string[];
}

/** Reads the bodies of `ids` where one was kept; `missing` are those whose body is not in the store any more. */
export function readBodies(
  ids: readonly string[],
  keys: ReadonlyMap<string, string>,
  get: (key: string) => unknown,
): { found: [id: string, body: unknown][]; missing: string[] } {
  const found: [string, unknown][] = [];
  const missing: string[] = [];
  for (const id of ids) {
    const key = keys.get(id);
    if (key === undefined) continue;
    const body = get(key);
    if (body === undefined) missing.push(id);
    else found.push([id, body]);
  }
  return { found, missing };
}

/** Puts bodies (oldest ancestor first, each with its id) together. */
export function portraitOf(bodies: Iterable<readonly [id: string, body: unknown]>): Portrait {
  const portrait: Portrait = { unread: [] };
  for (const [id, body] of bodies) if (!readers.some((read) => read(portrait, body))) portrait.unread.push(id);
  return portrait;
}

/** One for each kind of body: takes a body of its kind into the portrait, and says whether it was one. */
const readers: ((portrait: Portrait, body: unknown) => boolean)[] = [
  reader(candidate, (portrait, read) => {
    portrait.candidate = read;
    portrait.task = read.attempt.task;
  }),
  reader(attempt, (portrait, read) => {
    portrait.task = read.task;
  }),
  reader(task, (portrait, read) => {
    portrait.task = read;
  }),
  reader(query, (portrait, read) => {
    portrait.query = read;
  }),
  reader(ownQuestion, (portrait, read) => {
    portrait.own = read;
  }),
  reader(proposal, (portrait, read) => {
    portrait.proposal = read;
  }),
  reader(example, (portrait, read) => {
    portrait.example = read;
  }),
  reader(seed, () => {}),
];

function reader<T>(schema: ZodType<T>, take: (portrait: Portrait, read: T) => void) {
  return (portrait: Portrait, body: unknown): boolean => {
    const parsed = schema.safeParse(body);
    if (parsed.success) take(portrait, parsed.data);
    return parsed.success;
  };
}

/** The question asked, from whichever body has it. */
export function questionOf(portrait: Portrait): string | null {
  const asked = portrait.task ?? portrait.own ?? portrait.query ?? portrait.proposal?.fields;
  return asked?.question ?? null;
}

/** The answer it is checked against; null where there is none. */
export function referenceOf(portrait: Portrait): string | null {
  const reference = (portrait.task ?? portrait.own)?.reference;
  if (reference?.file !== undefined) return `a file of ${reference.file.bytes} bytes (${reference.file.sha256})`;
  return reference?.answer ?? portrait.query?.referenceAnswer ?? portrait.proposal?.fields?.referenceAnswer ?? null;
}

/** What the agent submitted; undefined before a rollout, null when it submitted nothing. */
export function answerOf(portrait: Portrait): string | null | undefined {
  return portrait.candidate?.trajectory.submission;
}
