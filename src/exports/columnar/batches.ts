import { UsageError } from "../../domain/errors.ts";
import type { Example, ExampleMessage } from "../../domain/example.ts";

/** Bounds of what a columnar format holds in memory at once. `characters` counts message text in UTF-16 units. */
export interface BatchLimits {
  readonly rows: number;
  readonly characters: number;
}

/** 1,000 rows or 16 Mi characters, whichever comes first: at most 48 MiB of UTF-8, well under the 100 MB a reader expects of a row group. */
export const batchLimits: BatchLimits = { rows: 1_000, characters: 16 * 1024 * 1024 };

/** Cuts a stream into batches of at least one row; a batch passes `characters` by at most its last example. */
export async function* inBatches(
  examples: AsyncIterable<Example>,
  limits: BatchLimits,
): AsyncGenerator<readonly Example[], void, undefined> {
  let batch: Example[] = [];
  let characters = 0;
  for await (const example of examples) {
    batch.push(example);
    for (const { content, toolCalls = [] } of example.messages)
      characters += toolCalls.reduce((sum, call) => sum + call.arguments.length, content.length);
    if (batch.length < limits.rows && characters < limits.characters) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

/**
 * Whether a columnar file has the columns of calls: they are there only where its first batch has any, since a null in every message of plain
 * examples makes some chat templates take each of them for a call. @throws {UsageError} for calls in a later batch of a file without them.
 */
export function withCalls(batch: readonly Example[], decided: boolean | null): boolean {
  const has = batch.some(
    ({ tools, messages }) =>
      tools !== undefined ||
      messages.some(({ toolCalls, toolCallId }) => toolCalls !== undefined || toolCallId !== undefined),
  );
  if (decided === false && has) {
    throw new UsageError(
      "Expected examples with native calls from the first batch on, or none at all, in a Parquet or Arrow file, got some behind plain ones: " +
        "write `export.formats: [chat-jsonl]`, or run the scaffolds apart",
    );
  }
  return decided ?? has;
}

/** The loss weight every format carries: 1 or 0 on assistant messages, null on the others. */
export function weightOf(message: ExampleMessage): 0 | 1 | null {
  if (message.role !== "assistant") return null;
  return message.train ? 1 : 0;
}
