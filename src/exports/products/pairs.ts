import type { ExampleMessage } from "../../domain/example.ts";
import { canonicalJson, contentId } from "../../domain/hash.ts";
import type { EndedCandidate, PreferencePair } from "../../domain/products.ts";
import { isWritable, labelOf, messagesOf } from "./tries.ts";

/**
 * Preference pairs of one task's tries: accepted against rejected for a reason of quality, at most `most`, the tries taken in turn by their ids.
 * No pair of tries that differ first in what the environment answered: chance, not the agent, told them apart. Nor do ids of calls tell tries apart.
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
  // The prompt has the accepted try's ids; a later call of the rejected one that has one of them would be answered twice.
  const taken = new Set(callIds(chosen.slice(0, at)));
  if (callIds(rejected.slice(at)).some((id) => taken.has(id))) return null;
  const { tools } = better.candidate.trajectory;
  return {
    id: contentId("pair", { chosen: better.id, rejected: worse.id }),
    group: better.group,
    dataset: better.dataset,
    taskId: better.taskId,
    queryId: better.queryId,
    prompt: chosen.slice(0, at).map((message, index) => asPrompt(message, rejected[index])),
    chosen: chosen.slice(at),
    rejected: rejected.slice(at),
    ...(tools === undefined ? {} : { tools }),
    chosenTrajectoryId: better.id,
    rejectedTrajectoryId: worse.id,
    reason: worse.reason,
  };
}

function sharedLength(a: readonly ExampleMessage[], b: readonly ExampleMessage[]): number {
  const [ours, theirs] = [saidIn(a), saidIn(b)];
  let length = 0;
  while (length < ours.length && length < theirs.length && ours[length] === theirs[length]) length += 1;
  return length;
}

/**
 * What each message says: without loss flags, without thinking (no part of the conversation that followed it), and with calls named by their place,
 * for the endpoint draws their ids anew each time: tries that differ in these alone do not differ.
 */
function saidIn(messages: readonly ExampleMessage[]): string[] {
  const places = new Map<string, number>();
  for (const id of callIds(messages)) places.set(id, places.size);
  return messages.map(({ train: _, reasoning: __, toolCalls, toolCallId, ...words }) =>
    canonicalJson({
      ...words,
      ...(toolCalls === undefined
        ? {}
        : { toolCalls: toolCalls.map((call) => ({ ...call, id: places.get(call.id) })) }),
      ...(toolCallId === undefined ? {} : { toolCallId: places.get(toolCallId) }),
    }),
  );
}

function callIds(messages: readonly ExampleMessage[]): string[] {
  return messages.flatMap(({ toolCalls = [] }) => toolCalls.map(({ id }) => id));
}

/** A message of the prompt: no loss, and thinking only where both tries thought the same. */
function asPrompt(message: ExampleMessage, other: ExampleMessage | undefined): ExampleMessage {
  if (message.reasoning === other?.reasoning) return { ...message, train: false };
  const { reasoning: _, ...words } = message;
  return { ...words, train: false };
}
