import type { ExampleMessage } from "../../domain/example.ts";
import { canonicalJson, contentId } from "../../domain/hash.ts";
import type { EndedCandidate, PreferencePair } from "../../domain/products.ts";
import { isWritable, labelOf, messagesOf } from "./tries.ts";

/**
 * Preference pairs of one task's tries: accepted against rejected for a reason of quality, at most `most`, the tries taken in turn by their ids.
 * No pair of tries that differ first in what the environment answered: chance, not the agent, told them apart.
 */
export function preferencePairs(
  tries: readonly EndedCandidate[],
  { most }: { readonly most: number },
): PreferencePair[] {
  const byId = tries.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const good = byId.filter((one) => labelOf(one) === true);
  const bad = byId.filter((one) => labelOf(one) === false);
  const pairs: PreferencePair[] = [];
  // Every rejected try once before any twice, and the accepted ones dealt out.
  for (let round = 0; round < good.length && pairs.length < most; round++) {
    for (const [index, rejected] of bad.entries()) {
      const chosen = good[(index + round) % good.length];
      if (chosen === undefined || pairs.length >= most) break;
      const pair = pairOf(chosen, rejected);
      if (pair !== null) pairs.push(pair);
    }
  }
  return pairs;
}

function pairOf(better: EndedCandidate, worse: EndedCandidate): PreferencePair | null {
  if (worse.reason === null) return null;
  const [chosen, rejected] = [messagesOf(better), messagesOf(worse)];
  if (!isWritable(better, chosen) || !isWritable(worse, rejected)) return null;
  const at = sharedLength(chosen, rejected);
  if (at === 0 || chosen[at]?.role !== "assistant" || rejected[at]?.role !== "assistant") return null;
  const { tools } = better.candidate.trajectory;
  return {
    id: contentId("pair", { chosen: better.id, rejected: worse.id }),
    group: better.group,
    dataset: better.dataset,
    taskId: better.taskId,
    queryId: better.queryId,
    prompt: chosen.slice(0, at).map((message) => ({ ...message, train: false })),
    chosen: chosen.slice(at),
    rejected: rejected.slice(at),
    ...(tools === undefined ? {} : { tools }),
    chosenTrajectoryId: better.id,
    rejectedTrajectoryId: worse.id,
    reason: worse.reason,
  };
}

function sharedLength(a: readonly ExampleMessage[], b: readonly ExampleMessage[]): number {
  let length = 0;
  while (length < a.length && length < b.length && said(a[length]) === said(b[length])) length += 1;
  return length;
}

// Loss flags are no words, and thinking is no part of the conversation that followed it.
function said(message: ExampleMessage | undefined): string {
  if (message === undefined) return "";
  const { train: _, reasoning: __, ...words } = message;
  return canonicalJson(words);
}
