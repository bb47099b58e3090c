import { UsageError } from "../../domain/errors.ts";
import type { Example, ExampleMessage } from "../../domain/example.ts";
import type { Message } from "../../domain/trajectory.ts";

/** Bounds of what a columnar format holds in memory at once. `characters` counts message text in UTF-16 units. */
export interface BatchLimits {
  readonly rows: number;
  readonly characters: number;
}

/** 1,000 rows or 16 Mi characters, whichever comes first: at most 48 MiB of UTF-8, well under the 100 MB a reader expects of a row group. */
export const batchLimits: BatchLimits = { rows: 1_000, characters: 16 * 1024 * 1024 };

/** Cuts a stream into batches of at least one item; a batch passes `characters` (what `weigh` counts) by at most its last item. */
export async function* inBatches<Item>(
  items: AsyncIterable<Item>,
  limits: BatchLimits,
  weigh: (item: Item) => number,
): AsyncGenerator<readonly Item[], void, undefined> {
  let batch: Item[] = [];
  let characters = 0;
  for await (const item of items) {
    batch.push(item);
    characters += weigh(item);
    if (batch.length < limits.rows && characters < limits.characters) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Characters of the text, thinking and arguments of messages. */
export function charactersOf(messages: readonly Message[]): number {
  let characters = 0;
  for (const { content, reasoning = "", toolCalls = [] } of messages)
    characters += toolCalls.reduce((sum, call) => sum + call.arguments.length, content.length + reasoning.length);
  return characters;
}

/** Which optional columns a file of examples has. */
export interface Parts {
  /** Calls, their answers and the functions that were offered. */
  readonly calls: boolean;
  /** What an endpoint showed apart from the text. */
  readonly reasoning: boolean;
}

/**
 * Which optional columns a columnar file has: they are there only where its first batch has any, since a null in every message of plain
 * examples makes some chat templates take each of them for a call. @throws {UsageError} for calls or reasoning in a later batch of a file without them.
 */
export function partsOf(batch: readonly Example[], decided: Parts | null): Parts {
  const calls = batch.some(
    ({ tools, messages }) =>
      tools !== undefined ||
      messages.some(({ toolCalls, toolCallId }) => toolCalls !== undefined || toolCallId !== undefined),
  );
  const reasoning = batch.some(({ messages }) => messages.some((message) => message.reasoning !== undefined));
  const late = (what: string, rest: string) =>
    new UsageError(
      `Expected examples with ${what} from the first batch on, or none at all, in a Parquet or Arrow file, got some behind plain ones: ${rest}`,
    );
  if (decided?.calls === false && calls)
    throw late("native calls", "write `export.formats: [chat-jsonl]`, or run the scaffolds apart");
  if (decided?.reasoning === false && reasoning)
    throw late("reasoning", "write `export.formats: [parquet-json]`, or run models with and without it apart");
  return decided ?? { calls, reasoning };
}

/** The loss weight every format carries: 1 or 0 on assistant messages, null on the others. */
export function weightOf(message: ExampleMessage): 0 | 1 | null {
  if (message.role !== "assistant") return null;
  return message.train ? 1 : 0;
}
