// The second engine. It stores wrong values without a word where types do not fit, so nothing reaches it unchecked.
import { Writable } from "node:stream";
import type { ExportedFile, WriteOptions } from "../../contracts.ts";
import type { Example, ExampleMessage } from "../../domain/example.ts";
import { openAtomicFile } from "../atomic-file.ts";
import { jsonOf, wireCalls, wireTools } from "../chat-line.ts";
import { refusingBroken } from "../problems.ts";
import { type BatchLimits, charactersOf, inBatches, type Traits, traitsOf, weightOf } from "./batches.ts";

// What its string statistics do to a file with one long text is worse than having none, and their order misleads readers.
const utf8 = { type: "UTF8", statistics: false, compression: "SNAPPY", optional: true } as const;

function fieldsOf({ calls, reasoning }: Traits) {
  return {
    id: utf8,
    messages: {
      repeated: true,
      fields: {
        role: utf8,
        content: utf8,
        weight: { type: "INT32", statistics: false, compression: "SNAPPY", optional: true },
        ...(calls ? { tool_calls: utf8, tool_call_id: utf8 } : {}),
        ...(reasoning ? { reasoning_content: utf8 } : {}),
      },
    },
    group: utf8,
    task_id: utf8,
    query_id: utf8,
    trajectory_id: utf8,
    transforms: { type: "UTF8", statistics: false, compression: "SNAPPY", repeated: true },
    ...(calls ? { tools: utf8 } : {}),
  };
}

/** Writes the struct profile with parquetjs-lite: the same columns, lists as repeated groups. Every value is checked before; nulls are left out, as it wants them. */
export async function writeWithParquetjs(
  examples: AsyncIterable<Example>,
  path: string,
  { limits, placed }: { readonly limits: BatchLimits } & WriteOptions<Example>,
): Promise<ExportedFile> {
  const { ParquetSchema, ParquetWriter } = await import("parquetjs-lite");
  await using file = await openAtomicFile(path);
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      file.write(chunk).then(() => done(), done);
    },
  });
  let traits: Traits | null = null;
  let writer: Awaited<ReturnType<typeof ParquetWriter.openStream>> | null = null;
  const open = (decided: Traits) =>
    ParquetWriter.openStream(new ParquetSchema(fieldsOf(decided)), sink, { rowGroupSize: limits.rows });
  let rows = 0;
  for await (const batch of inBatches(refusingBroken(examples), limits, charactersOf)) {
    traits = traitsOf(batch, traits);
    writer ??= await open(traits);
    for (const example of batch) {
      // A row that is not awaited is written many times over.
      await writer.appendRow(rowOf(example, traits));
      placed?.(example, 1);
      rows += 1;
    }
  }
  writer ??= await open({ calls: false, reasoning: false });
  await writer.close();
  return await file.commit(rows);
}

function rowOf(example: Example, traits: Traits): object {
  const { id, messages, group, taskId, queryId, trajectoryId, transforms } = example;
  const tools = traits.calls ? jsonOf(wireTools(example)) : null;
  return {
    ...texts({ id, group, task_id: taskId, query_id: queryId, trajectory_id: trajectoryId }),
    messages: messages.map((message) => messageRow(message, traits)),
    transforms: transforms.map((name) => textOf("transforms", name)),
    ...(tools === null ? {} : texts({ tools })),
  };
}

function messageRow(message: ExampleMessage, { calls, reasoning }: Traits): object {
  const weight = weightOf(message);
  if (weight !== null && !Number.isInteger(weight))
    throw new Error(`Expected the weight 0 or 1, got ${String(weight)}`);
  const called = calls ? jsonOf(wireCalls(message)) : null;
  return {
    ...texts({ role: message.role, content: message.content }),
    ...(weight === null ? {} : { weight }),
    ...(called === null ? {} : texts({ tool_calls: called })),
    ...(calls && message.toolCallId !== undefined ? texts({ tool_call_id: message.toolCallId }) : {}),
    ...(reasoning && message.reasoning !== undefined ? texts({ reasoning_content: message.reasoning }) : {}),
  };
}

function texts(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, textOf(name, value)]));
}

function textOf(name: string, value: unknown): string {
  if (typeof value !== "string") throw new Error(`Expected text in the column ${name}, got ${typeof value}`);
  return value;
}
