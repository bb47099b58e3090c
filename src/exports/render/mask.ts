// Which characters of a rendered conversation carry loss. Two ways: the template marks what the model generates, or it is compared with its own beginnings.
import type { Passage } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import type { Conversation } from "../../domain/example.ts";

/** A chat template that is ready: renders a conversation, or its beginning up to where the model goes on. */
export interface ReadyTemplate {
  /** It has `{% generation %}` blocks. */
  readonly marks: boolean;
  readonly render: (
    conversation: Conversation,
    options?: { readonly prompt?: boolean; readonly marks?: readonly [string, string] },
  ) => string;
}

/** How to tell what closes a turn: the tokenizer's special tokens. */
export interface MaskOptions {
  readonly specialTokens: readonly string[];
}

/** The conversation as the template writes it, cut where loss begins and ends. @throws {UsageError} where the template does not let that be told. */
export function maskedPassages(
  template: ReadyTemplate,
  conversation: Conversation,
  options: MaskOptions,
): readonly Passage[] {
  return template.marks ? markedPassages(template, conversation) : comparedPassages(template, conversation, options);
}

const firstPrivate = 0xe000;
const lastPrivate = 0xf8ff;

/** Two characters of the private use area that stand nowhere in the text. */
function freeMarks(text: string): readonly [string, string] {
  const free: string[] = [];
  for (let code = firstPrivate; code <= lastPrivate && free.length < 2; code++) {
    const mark = String.fromCharCode(code);
    if (!text.includes(mark)) free.push(mark);
  }
  const [open, close] = free;
  if (open === undefined || close === undefined)
    throw new UsageError("Expected two private-use characters that the conversation does not use, got none");
  return [open, close];
}

function markedPassages(template: ReadyTemplate, conversation: Conversation): Passage[] {
  const plain = template.render(conversation);
  const [open, close] = freeMarks(plain);
  const marked = template.render(conversation, { marks: [open, close] });
  const said = conversation.messages.flatMap(({ role }, index) => (role === "assistant" ? [index] : []));
  const passages: Passage[] = [];
  const add = (text: string, message: number | null, trained: boolean) => {
    if (text !== "") passages.push({ text, message, trained });
  };
  let rest = marked;
  for (const message of said) {
    const from = rest.indexOf(open);
    const to = rest.indexOf(close, from);
    if (from === -1 || to === -1) throw unmarked(said.length);
    add(rest.slice(0, from), null, false);
    add(rest.slice(from + 1, to), message, conversation.messages[message]?.train === true);
    rest = rest.slice(to + 1);
  }
  if (rest.includes(open)) throw unmarked(said.length);
  add(rest, null, false);
  // White space around a mark may have been trimmed otherwise than around nothing.
  if (passages.map(({ text }) => text).join("") !== plain)
    throw new UsageError(
      "Expected the template to write the same text with its `{% generation %}` blocks marked, got another; mend the blocks' trim marks",
    );
  return passages;
}

function unmarked(messages: number): UsageError {
  return new UsageError(
    `Expected one \`{% generation %}\` block for each of the ${messages} assistant messages, got another number; use a training template of the model`,
  );
}

function comparedPassages(
  template: ReadyTemplate,
  conversation: Conversation,
  { specialTokens }: MaskOptions,
): Passage[] {
  const whole = template.render(conversation);
  const passages: Passage[] = [];
  let at = 0;
  const add = (to: number, message: number | null, trained: boolean) => {
    if (to > at) passages.push({ text: whole.slice(at, to), message, trained });
    at = Math.max(at, to);
  };
  for (const [index, message] of conversation.messages.entries()) {
    if (!message.train) continue;
    const before = template.render(upTo(conversation, index), { prompt: true });
    const through = template.render(upTo(conversation, index + 1));
    if (!whole.startsWith(before)) throw rewritten(index);
    const end = whole.startsWith(through)
      ? endOfTurn(through, specialTokens)
      : endWithoutLead(whole, { before, through, specialTokens, reasoning: message.reasoning });
    if (end === null || end < before.length) throw rewritten(index);
    add(before.length, null, false);
    add(end, index, true);
  }
  add(whole.length, null, false);
  return passages;
}

/**
 * Where a message ends that the template opens otherwise once more follows: Qwen3's puts an empty thinking block before an answer that is the
 * last, and none before the same answer later on. What stands in `whole`, from where the message begins through the one token that closes it, has
 * to be the end of what the template writes of the message when it is the last; null where it is not, and where thinking is what is gone.
 */
function endWithoutLead(
  whole: string,
  asked: MaskOptions & { readonly before: string; readonly through: string; readonly reasoning: string | undefined },
): number | null {
  const { before, through, specialTokens, reasoning } = asked;
  if (!through.startsWith(before)) return null;
  const said = through.slice(before.length, endOfTurn(through, specialTokens));
  const closing = specialTokens.find((token) => said.endsWith(token));
  if (closing === undefined || said.indexOf(closing) + closing.length !== said.length) return null;
  const at = whole.indexOf(closing, before.length);
  const kept = whole.slice(before.length, at + closing.length);
  if (at === -1 || !said.endsWith(kept) || (reasoning !== undefined && !kept.includes(reasoning.trim()))) return null;
  return at + closing.length;
}

function upTo({ messages, tools }: Conversation, end: number): Conversation {
  return { messages: messages.slice(0, end), ...(tools === undefined ? {} : { tools }) };
}

function rewritten(message: number): UsageError {
  return new UsageError(
    `Expected the template to keep what it wrote of messages[${message}] when more follows, got other text (it drops earlier thinking, or opens an answer otherwise than it is asked for): ` +
      "loss cannot be placed exactly. Use a training template with `{% generation %}`, or one row a step (`export.perStep: true`)",
  );
}

/** Where a turn ends for the loss: behind its closing token; a new line that only parts it from the next is left out. */
function endOfTurn(text: string, specialTokens: readonly string[]): number {
  const trimmed = text.trimEnd();
  return specialTokens.some((token) => trimmed.endsWith(token)) ? trimmed.length : text.length;
}

/**
 * The first message whose rendering changes once more follows: at each k from the first user message on, what was written of `messages[:k]` has
 * to begin what is written of `messages[:k+1]`. Null where the template is stable (NM-R5, VE-R3).
 */
export function unstableMessage(template: ReadyTemplate, conversation: Conversation): number | null {
  const first = conversation.messages.findIndex(({ role }) => role === "user");
  let before = "";
  for (let end = first + 1; end <= conversation.messages.length; end++) {
    const text = template.render(upTo(conversation, end));
    if (!text.startsWith(before)) return end - 1;
    before = text;
  }
  return null;
}
