// What the products made of tries share: their messages with loss flags, and which of them can be written at all.
import type { ExampleMessage } from "../../domain/example.ts";
import { trainedMessages } from "../../domain/loss.ts";
import type { EndedCandidate } from "../../domain/products.ts";
import { exampleProblems } from "../problems.ts";

/** Codes of rejections that say nothing of a try's worth: it was not needed, or cannot be written. */
const saysNothing = new Set(["not_best", "over_target", "waived", "not_trainable"]);

/** Whether a try is known to be good (true) or bad (false); null where its end says nothing of that. */
export function labelOf({ accepted, reason }: Pick<EndedCandidate, "accepted" | "reason">): boolean | null {
  if (accepted) return true;
  // A score that could not be measured is the metric's trouble.
  return reason === null || saysNothing.has(reason.code) || reason.code.endsWith("_unscored") ? null : false;
}

/** A try's messages with the loss flags of an example, up to its last assistant message. */
export function messagesOf({ candidate }: EndedCandidate): ExampleMessage[] {
  const { messages, turns } = candidate.trajectory;
  const trained = trainedMessages(turns);
  const end = messages.findLastIndex(({ role }) => role === "assistant") + 1;
  return messages.slice(0, end).map((message, index) => ({ ...message, train: trained.has(index) }));
}

// A try that ended without an answer, or has nothing worth imitating, is a bad example and a good counterexample.
const endsOnly = new Set(["C4", "C5", "C7"]);

/** Whether a try's text can stand in a file at all: the canonical rules, but for those of an example's end. */
export function isWritable(ended: EndedCandidate, messages: readonly ExampleMessage[]): boolean {
  const { tools } = ended.candidate.trajectory;
  const problems = exampleProblems({
    id: ended.id,
    messages: [...messages],
    ...(tools === undefined ? {} : { tools }),
    group: ended.group,
    taskId: ended.taskId,
    queryId: ended.queryId,
    trajectoryId: ended.id,
    transforms: [],
  });
  return problems.every(({ rule, message }) => endsOnly.has(rule) && !message.includes("own id"));
}
