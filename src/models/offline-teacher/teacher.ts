// The offline teacher: a program, not an LLM, that plays three roles. Which one is read off the structure of the messages.
import type { Reply, TeacherRequest } from "./conversation.ts";
import { opening } from "./conversation.ts";
import { isRecord, review } from "./judge.ts";
import { askedCount, propose } from "./proposer.ts";
import { readTask, solve } from "./solver.ts";

/** The name it goes by as a model. */
export const teacherModel = "offline-teacher";

/** Bumped by hand when the same request would get another answer. */
export const teacherVersion = 2;

/** The next message of whichever role the messages call for; null when they call for none. A function of the request alone. */
export function reply(request: TeacherRequest): Reply | null {
  const message = opening(request.messages);
  if (isRecord(message)) return review(request);
  if (askedCount(message) !== null) return propose(request);
  const task = readTask(message);
  return task && task.answerFormat !== "" ? solve(request, task) : null;
}
