// What a training file holds, counted before anything is sent.
import type { Renderer, TuningFile, TuningTokens } from "../contracts.ts";
import { measureFile } from "../datasets/keep.ts";
import type { Conversation } from "../domain/example.ts";
import { isObject, type JsonObject } from "../exports/chat-line.ts";
import { readChat } from "../exports/hosted/chat-rows.ts";
import { readJsonl } from "../exports/jsonl-check.ts";

/** A training file with its size, hash, rows and what its rows hold, and its tokens by this renderer; one row is held at a time. */
export async function measureTrainingFile(
  path: string,
  renderer: Renderer,
): Promise<{ readonly file: TuningFile; readonly tokens: Omit<TuningTokens, "validationTokens"> }> {
  let rows = 0;
  let tokens = 0;
  let expandedTokens = 0;
  let longest = 0;
  const has = { tools: false, reasoning: false, weights: false };
  for await (const line of readJsonl(path)) {
    rows += 1;
    const conversation = line === null ? null : conversationOf(line);
    if (line === null || conversation === null) continue;
    has.tools ||= conversation.tools !== undefined;
    has.reasoning ||= conversation.messages.some(({ reasoning }) => reasoning !== undefined);
    has.weights ||=
      Array.isArray(line.messages) && (line.messages as unknown[]).some((one) => isObject(one) && "weight" in one);
    const count = renderer.count(conversation);
    tokens += count;
    longest = Math.max(longest, count);
    expandedTokens += expanded(conversation, renderer) ?? count;
  }
  return {
    file: { path, ...(await measureFile(path)), rows, ...has },
    tokens: { rows, tokens, expandedTokens, longest },
  };
}

/** A line as one conversation; of a preference line all that is in it. */
function conversationOf(line: JsonObject): Conversation | null {
  const { input, preferred_output: better, non_preferred_output: worse } = line;
  if (!isObject(input)) return readChat(line);
  const lists = [input.messages, better, worse].map((list) => (Array.isArray(list) ? (list as unknown[]) : []));
  return readChat({ messages: lists.flat(), ...(input.tools === undefined ? {} : { tools: input.tools }) });
}

/** Tokens where each message with thinking becomes an example of its own, without the thinking before it; null where there are not several. */
function expanded(conversation: Conversation, renderer: Renderer): number | null {
  const thinking = conversation.messages.flatMap(({ reasoning }, index) => (reasoning === undefined ? [] : [index]));
  if (thinking.length < 2) return null;
  return thinking.reduce((sum, last) => {
    const messages = conversation.messages
      .slice(0, last + 1)
      .map(({ reasoning, ...message }, index) =>
        index === last && reasoning !== undefined ? { ...message, reasoning } : message,
      );
    return sum + renderer.count({ ...conversation, messages });
  }, 0);
}
