import { UsageError } from "../../domain/errors.ts";
import type { Example, ExampleMessage } from "../../domain/example.ts";

/** Bounds of what a columnar format holds in memory at once. `characters` counts text in UTF-16 units. */
export interface BatchLimits {
  readonly rows: number;
  readonly characters: number;
}

/** 1,000 rows or 16 Mi characters, whichever comes first: at most 48 MiB of UTF-8, well under the 100 MB a reader expects of a row group. */
export const batchLimits: BatchLimits = { rows: 1_000, characters: 16 * 1024 * 1024 };

/** Cuts a stream into batches of at least one item; a batch passes `characters` by at most its last item. */
export async function* inBatches<Item>(
  items: AsyncIterable<Item>,
  limits: BatchLimits,
  charactersOf: (item: Item) => number,
): AsyncGenerator<readonly Item[], void, undefined> {
  let batch: Item[] = [];
  let characters = 0;
  for await (const item of items) {
    batch.push(item);
    characters += charactersOf(item);
    if (batch.length < limits.rows && characters < limits.characters) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

/** The characters of messages, their thinking and arguments. */
export function charactersOf({ messages }: Pick<Example, "messages">): number {
  return messages.reduce(
    (sum, { content, reasoning = "", toolCalls = [] }) =>
      sum + content.length + reasoning.length + toolCalls.reduce((all, call) => all + call.arguments.length, 0),
    0,
  );
}

/** Which columns a file of examples has beside those of plain ones. */
export interface Traits {
  readonly calls: boolean;
  readonly reasoning: boolean;
}

const names = { calls: "native calls", reasoning: "thinking" } as const;

/**
 * Whether a columnar file has the columns of calls and of thinking: they are there only where its first batch has any, since a null in every
 * message of plain examples makes some chat templates take each of them for a call. @throws {UsageError} for either in a later batch of a file without.
 */
export function traitsOf(batch: readonly Example[], decided: Traits | null): Traits {
  const has: Traits = {
    calls: batch.some(
      ({ tools, messages }) =>
        tools !== undefined ||
        messages.some(({ toolCalls, toolCallId }) => toolCalls !== undefined || toolCallId !== undefined),
    ),
    reasoning: batch.some(({ messages }) => messages.some(({ reasoning }) => reasoning !== undefined)),
  };
  if (decided === null) return has;
  for (const trait of ["calls", "reasoning"] as const)
    if (has[trait] && !decided[trait])
      throw new UsageError(
        `Expected examples with ${names[trait]} from the first batch on, or none at all, in a Parquet or Arrow file, got some behind plain ones: ` +
          "write `export.formats: [chat-jsonl]`, or run the scaffolds apart",
      );
  return decided;
}

/** The loss weight every format carries: 1 or 0 on assistant messages, null on the others. */
export function weightOf(message: ExampleMessage): 0 | 1 | null {
  if (message.role !== "assistant") return null;
  return message.train ? 1 : 0;
}
