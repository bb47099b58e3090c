import { worthOfTurns } from "../../domain/loss.ts";
import type { EndedCandidate, LabelledSteps, LabelledTry } from "../../domain/products.ts";
import { isWritable, labelOf, messagesOf } from "./tries.ts";

/** A try with its label, for KTO; null where its end says nothing of its worth, or its text can stand in no file. */
export function labelledTry(ended: EndedCandidate): LabelledTry | null {
  const label = labelOf(ended);
  const messages = messagesOf(ended);
  if (label === null || messages.length === 0 || !isWritable(ended, messages)) return null;
  return { ...originOf(ended), messages, label, reason: ended.reason };
}

/**
 * A try with a label for each step; null as for `labelledTry`. A step that failed, was invalid or repeated is wrong in any try; one that ran is
 * right in an accepted one; an answer is what became of its try. Of the steps of a rejected try that ran nothing is known.
 */
export function labelledSteps(ended: EndedCandidate): LabelledSteps | null {
  const label = labelOf(ended);
  const messages = messagesOf(ended);
  if (label === null || !isWritable(ended, messages)) return null;
  const { turns } = ended.candidate.trajectory;
  const worth = worthOfTurns(turns);
  const steps = turns
    .map(({ message }, index): LabelledSteps["steps"][number] => {
      const how = worth[index] ?? "invalid";
      if (how === "failed" || how === "invalid" || how === "repeated") return { message, label: false, why: how };
      if (how === "saw_more") return { message, label: null, why: "unknown" };
      if (how === "answered") return { message, label, why: label ? "accepted_answer" : "rejected_answer" };
      return { message, label: label ? true : null, why: label ? "ran" : "unknown" };
    })
    .filter(({ message }) => message < messages.length);
  return { ...originOf(ended), messages, steps, accepted: ended.accepted, reason: ended.reason };
}

function originOf({ id, group, dataset, taskId, queryId, candidate }: EndedCandidate) {
  const { tools } = candidate.trajectory;
  return { id, group, dataset, taskId, queryId, trajectoryId: id, ...(tools === undefined ? {} : { tools }) };
}
