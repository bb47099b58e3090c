import { type Example, example } from "../domain/example.ts";
import { attempt, type Query, query, type Task, task } from "../domain/task.ts";
import { type Candidate, candidate } from "../domain/trajectory.ts";

/** What is known of an item from the bodies of its line: each part is there once the item got that far. */
export interface Portrait {
  query?: Query;
  task?: Task;
  candidate?: Candidate;
  example?: Example;
}

/** Puts bodies (oldest ancestor first) together; a body of a kind the audit does not know adds nothing. */
export function portraitOf(bodies: Iterable<unknown>): Portrait {
  const portrait: Portrait = {};
  for (const body of bodies) addBody(portrait, body);
  return portrait;
}

function addBody(portrait: Portrait, body: unknown): void {
  const asCandidate = candidate.safeParse(body);
  if (asCandidate.success) {
    portrait.candidate = asCandidate.data;
    portrait.task = asCandidate.data.attempt.task;
    return;
  }
  const asAttempt = attempt.safeParse(body);
  if (asAttempt.success) {
    portrait.task = asAttempt.data.task;
    return;
  }
  const asTask = task.safeParse(body);
  if (asTask.success) {
    portrait.task = asTask.data;
    return;
  }
  const asQuery = query.safeParse(body);
  if (asQuery.success) {
    portrait.query = asQuery.data;
    return;
  }
  const asExample = example.safeParse(body);
  if (asExample.success) portrait.example = asExample.data;
}

/** The question asked, from whichever body has it. */
export function questionOf(portrait: Portrait): string | null {
  return portrait.task?.question ?? portrait.query?.question ?? null;
}

/** The answer it is checked against. */
export function referenceOf(portrait: Portrait): string | null {
  return portrait.task?.reference.answer ?? portrait.query?.referenceAnswer ?? null;
}

/** What the agent submitted; undefined before a rollout, null when it submitted nothing. */
export function answerOf(portrait: Portrait): string | null | undefined {
  return portrait.candidate?.trajectory.submission;
}
