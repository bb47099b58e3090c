// Room in a model's context: when a conversation comes near its end, the oldest observations give way, visibly.
import type { Model } from "../contracts.ts";
import { clip } from "../domain/clip.ts";
import { leftOutForRoom } from "../domain/left-out.ts";
import type { Message, Usage } from "../domain/trajectory.ts";

/** An observation in a conversation: where it stands, its whole text, and the message that carries a text in its place. */
export interface Observed {
  readonly message: number;
  readonly text: string;
  readonly carry: (text: string) => Message;
}

/** Characters that are left of an observation, by how often it had to give way. */
const keptCharacters = [1_200, 300] as const;
/** The newest observations, which are never shortened. */
const untouched = 2;
/** What an answer may need where the config sets no limit: this share of the context. */
const answerShare = 1 / 8;
// A token is seldom less than two bytes, also of digits; of a conversation's text it is about three to four.
const bytesOfToken = { added: 2, conversation: 3, removed: 4 };

/** Keeps one conversation within a model's context. */
export interface Room {
  /** An observation was added, as the last message. */
  observed(observation: Observed): void;
  /** What the last completion counted, when `messages` had this many entries. */
  counted(usage: Usage, messages: number): void;
  /** Shortens the oldest observations in `messages` where the next request would leave no room for its answer. Returns their indices. */
  prepare(messages: Message[]): number[];
  /** After the endpoint said that it is too long: shortens more, at the second try all that may. Returns the indices, none when nothing gives way. */
  giveWay(messages: Message[], secondTry: boolean): number[];
}

/**
 * The room of a model's context. Where its size is known, requests that would not leave room for the answer are made smaller before they are
 * sent, in one go to about half of the context, so that prefix caches are broken rarely. The system prompt, the task, the agent's own
 * messages and the last two observations are never touched.
 */
export function roomOf({ contextTokens, tokenLimit }: Pick<Model, "contextTokens" | "tokenLimit">): Room {
  const observations: Observed[] = [];
  const levels = new Map<number, number>();
  let last: { usage: Usage; messages: number } | null = null;

  /** The tokens of a request with these messages: a bound, from what the last completion counted. */
  function estimate(messages: readonly Message[]): number {
    if (last === null || last.usage.estimated) return Math.ceil(bytesOf(messages) / bytesOfToken.conversation);
    // Thinking is not sent back, or not in full.
    const said = Math.max(0, last.usage.outputTokens - last.usage.reasoningTokens);
    return last.usage.inputTokens + said + Math.ceil(bytesOf(messages.slice(last.messages)) / bytesOfToken.added);
  }

  /** Shortens from the oldest on until `tokens` are saved; each once a level. */
  function shorten(messages: Message[], tokens: number, level: number): number[] {
    const shortened: number[] = [];
    let saved = 0;
    for (const { message, text, carry } of observations.slice(0, -untouched)) {
      if (saved >= tokens) break;
      const kept = keptCharacters[level] ?? 0;
      // A marker in the place of a little more than itself would save nothing.
      if ((levels.get(message) ?? -1) >= level || text.length < kept * 1.2 + 200) continue;
      const smaller = carry(clip(text, kept, leftOutForRoom));
      saved += (bytesOf(messages.slice(message, message + 1)) - bytesOf([smaller])) / bytesOfToken.removed;
      messages[message] = smaller;
      levels.set(message, level);
      shortened.push(message);
    }
    return shortened;
  }

  return {
    observed: (observation) => void observations.push(observation),
    counted: (usage, messages) => {
      last = { usage, messages };
    },
    prepare(messages) {
      if (contextTokens === null || contextTokens === undefined) return [];
      const needed = estimate(messages);
      const most = contextTokens - (tokenLimit?.usual ?? contextTokens * answerShare);
      return needed <= most ? [] : shorten(messages, needed - Math.min(contextTokens / 2, most), 0);
    },
    giveWay(messages, secondTry) {
      const half = secondTry ? [] : shorten(messages, estimate(messages) / 2, 0);
      return half.length > 0 ? half : shorten(messages, Number.POSITIVE_INFINITY, 1);
    },
  };
}

function bytesOf(messages: readonly Message[]): number {
  return messages.reduce(
    (sum, { content, toolCalls = [] }) =>
      sum + Buffer.byteLength(content) + toolCalls.reduce((all, call) => all + Buffer.byteLength(call.arguments), 0),
    0,
  );
}
