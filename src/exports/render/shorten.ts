import type { Renderer } from "../../contracts.ts";
import { clip } from "../../domain/clip.ts";
import type { Example, ExampleMessage } from "../../domain/example.ts";
import { contentId } from "../../domain/hash.ts";
import { leftOutForRoom } from "../../domain/left-out.ts";

/** Characters that are left of an observation, round by round. */
const keptCharacters = [8_000, 2_400, 1_200, 300] as const;

/**
 * The example with its longest observations shortened, head and tail with the agent's own marker between them, until it has at most `maxTokens`;
 * null where that is not enough, or leaves nothing to train on. A later message that uses a word of what was left out, or a number, and got it from
 * nothing that is left before it loses its loss, whether it thinks it, says it or hands it to a function: imitated, it would be invention.
 */
export function shortened(
  example: Example,
  { renderer, maxTokens }: { readonly renderer: Renderer; readonly maxTokens: number },
): Example | null {
  const messages = [...example.messages];
  const first = messages.findIndex(({ role }) => role === "user");
  for (const kept of keptCharacters) {
    for (const index of longestFirst(messages, first, kept)) {
      const message = messages[index] as ExampleMessage;
      messages[index] = { ...message, content: clip(message.content, kept, leftOutForRoom) };
      if (renderer.count({ ...example, messages }) > maxTokens) continue;
      const masked = withoutInventions(example.messages, messages);
      if (!masked.some(({ train }) => train)) return null;
      return {
        ...example,
        id: contentId("example", { trajectory: example.trajectoryId, messages: masked }),
        messages: masked,
        transforms: [...new Set([...example.transforms, "shorten_observations"])],
      };
    }
  }
  return null;
}

/** The observations that are longer than this with their marker, longest first. */
function longestFirst(messages: readonly ExampleMessage[], first: number, kept: number): number[] {
  return messages
    .map(({ role, content }, index) => ({ role, index, length: content.length }))
    .filter(({ role, index, length }) => role !== "assistant" && index > first && length > kept * 1.2 + 200)
    .sort((a, b) => b.length - a.length || a.index - b.index)
    .map(({ index }) => index);
}

function withoutInventions(before: readonly ExampleMessage[], after: readonly ExampleMessage[]): ExampleMessage[] {
  const seen = new Set<string>();
  const gone = new Set<string>();
  return after.map((message, index) => {
    const whole = before[index] as ExampleMessage;
    if (message.role === "assistant") {
      const own = wordsOf(said(message));
      const invents =
        gone.size > 0 && own.some((word) => !seen.has(word) && (gone.has(word) || isNewNumber(word, seen)));
      for (const word of own) seen.add(word);
      return invents ? { ...message, train: false } : message;
    }
    for (const word of wordsOf(message.content)) seen.add(word);
    if (whole.content !== message.content) for (const word of wordsOf(whole.content)) gone.add(word);
    return message;
  });
}

/** A number that rounds none that was seen: read off what is gone, or reckoned from it. */
function isNewNumber(word: string, seen: ReadonlySet<string>): boolean {
  if (!number.test(word)) return false;
  const decimals = word.split(".")[1]?.length ?? 0;
  return ![...seen].some((other) => number.test(other) && Number(other).toFixed(decimals) === word);
}

function said({ content, reasoning = "", toolCalls = [] }: ExampleMessage): string {
  return [reasoning, content, ...toolCalls.map((call) => call.arguments)].join("\n");
}

const number = /^\d+(?:\.\d+)?$/;

/** Words, and numbers without the commas that part their thousands. */
function wordsOf(text: string): string[] {
  const words = text.match(/\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)?|[\p{L}_][\p{L}\p{N}_]{2,}/gu) ?? [];
  return words.map((word) => (/^\d/.test(word) ? word.replaceAll(",", "") : word));
}
