// The Arrow stream itself; apart from `arrow.ts` because its library takes 80 ms to load, which a list of formats need not wait for.
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import {
  AsyncByteQueue,
  type Data,
  Field,
  Int32,
  List,
  makeData,
  RecordBatch,
  RecordBatchReader,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Utf8,
  type Vector,
} from "apache-arrow";
import type { ExportedFile, ExportProblem, WriteOptions } from "../../contracts.ts";
import type { Conversation, Example } from "../../domain/example.ts";
import { openAtomicFile } from "../atomic-file.ts";
import { jsonOf, wireCalls, wireTools } from "../chat-line.ts";
import { exportedBytes } from "../exported-bytes.ts";
import { problemList } from "../problem-list.ts";
import { refusingBroken } from "../problems.ts";
import { type BatchLimits, charactersOf, inBatches, type Parts, partsOf, weightOf } from "./batches.ts";
import { conversationOf, rowProblems } from "./columnar-rows.ts";

const messageTypeOf = ({ calls, reasoning }: Parts) =>
  new Struct([
    new Field("role", new Utf8(), false),
    new Field("content", new Utf8(), false),
    new Field("weight", new Int32(), true),
    ...(reasoning ? [new Field("reasoning", new Utf8(), true)] : []),
    ...(calls ? [new Field("tool_calls", new Utf8(), true), new Field("tool_call_id", new Utf8(), true)] : []),
  ]);
const schemaOf = (parts: Parts) =>
  new Schema([
    new Field("id", new Utf8(), false),
    new Field("messages", new List(new Field("item", messageTypeOf(parts), false)), false),
    new Field("group", new Utf8(), false),
    new Field("task_id", new Utf8(), false),
    new Field("query_id", new Utf8(), false),
    new Field("trajectory_id", new Utf8(), false),
    new Field("transforms", new List(new Field("item", new Utf8(), false)), false),
    ...(parts.calls ? [new Field("tools", new Utf8(), true)] : []),
  ]);
const plainParts: Parts = { calls: false, reasoning: false };
const endOfStream = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

/** Writes the stream, one record batch a batch of `limits`. */
export async function writeArrow(
  examples: AsyncIterable<Example>,
  path: string,
  limits: BatchLimits,
  placed: WriteOptions<Example>["placed"],
): Promise<ExportedFile> {
  await using file = await openAtomicFile(path);
  let chunks: Uint8Array[] = [];
  // The library's own queue grows without bound; this one is emptied to disk after every batch.
  const queue = Object.assign(new AsyncByteQueue(), { write: (chunk: Uint8Array) => void chunks.push(chunk) });
  const drain = async () => {
    for (const chunk of chunks) await file.write(chunk);
    chunks = [];
  };
  const stream = new RecordBatchStreamWriter();
  let parts: Parts | null = null;
  let rows = 0;
  for await (const batch of inBatches(refusingBroken(examples), limits, weigh)) {
    const decided = partsOf(batch, parts);
    if (parts === null) stream.reset(queue, schemaOf(decided));
    parts = decided;
    stream.write(recordBatch(batch, parts));
    await drain();
    rows += batch.length;
    for (const example of batch) placed?.(example, 1);
  }
  if (parts === null) stream.reset(queue, schemaOf(plainParts));
  stream.close();
  await drain();
  return await file.commit(rows);
}

const weigh = ({ messages }: Example) => charactersOf(messages);

function recordBatch(batch: readonly Example[], parts: Parts): RecordBatch {
  const { calls, reasoning } = parts;
  const schema = schemaOf(parts);
  const messages = batch.flatMap((example) => example.messages);
  const weights = messages.map(weightOf);
  const columns: Data[] = [
    strings(batch.map((example) => example.id)),
    lists(
      batch.map((example) => example.messages.length),
      makeData({
        type: messageTypeOf(parts),
        length: messages.length,
        nullCount: 0,
        children: [
          strings(messages.map((message) => message.role)),
          strings(messages.map((message) => message.content)),
          makeData({
            type: new Int32(),
            length: weights.length,
            nullCount: weights.filter((weight) => weight === null).length,
            nullBitmap: bitmap(weights.map((weight) => weight !== null)),
            data: Int32Array.from(weights, (weight) => weight ?? 0),
          }),
          ...(reasoning ? [nullable(messages.map((message) => message.reasoning ?? null))] : []),
          ...(calls
            ? [
                nullable(messages.map((message) => jsonOf(wireCalls(message)))),
                nullable(messages.map(({ toolCallId }) => toolCallId ?? null)),
              ]
            : []),
        ],
      }),
    ),
    strings(batch.map((example) => example.group)),
    strings(batch.map((example) => example.taskId)),
    strings(batch.map((example) => example.queryId)),
    strings(batch.map((example) => example.trajectoryId)),
    lists(
      batch.map((example) => example.transforms.length),
      strings(batch.flatMap((example) => example.transforms)),
    ),
    ...(calls ? [nullable(batch.map((example) => jsonOf(wireTools(example))))] : []),
  ];
  const struct = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type: struct, length: batch.length, nullCount: 0, children: columns }));
}

function strings(values: readonly string[]): Data<Utf8> {
  const valueOffsets = new Int32Array(values.length + 1);
  let bytes = 0;
  for (const [index, value] of values.entries()) {
    bytes += Buffer.byteLength(value, "utf8");
    valueOffsets[index + 1] = bytes;
  }
  const data = Buffer.alloc(bytes);
  for (const [index, value] of values.entries()) data.write(value, valueOffsets[index] ?? 0, "utf8");
  return makeData({ type: new Utf8(), length: values.length, nullCount: 0, valueOffsets, data: new Uint8Array(data) });
}

function nullable(values: readonly (string | null)[]): Data<Utf8> {
  const { valueOffsets, values: data } = strings(values.map((value) => value ?? ""));
  const nullCount = values.filter((value) => value === null).length;
  const nullBitmap = bitmap(values.map((value) => value !== null));
  return makeData({ type: new Utf8(), length: values.length, nullCount, nullBitmap, valueOffsets, data });
}

function lists(lengths: readonly number[], child: Data): Data<List> {
  const valueOffsets = new Int32Array(lengths.length + 1);
  for (const [index, length] of lengths.entries()) valueOffsets[index + 1] = (valueOffsets[index] ?? 0) + length;
  const type = new List(new Field("item", child.type, false));
  return makeData({ type, length: lengths.length, nullCount: 0, valueOffsets, child });
}

function bitmap(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [index, bit] of bits.entries()) if (bit) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
  return bytes;
}

const everyParts: readonly Parts[] = [false, true].flatMap((calls) =>
  [false, true].map((reasoning) => ({ calls, reasoning })),
);

/** The conversation of every row, a record batch in memory at a time. */
export async function* arrowConversations(path: string): AsyncGenerator<Conversation | null> {
  const reader = await RecordBatchReader.from(createReadStream(path));
  await reader.open();
  for await (const batch of reader)
    for (let index = 0; index < batch.numRows; index += 1) yield conversationOf(rowAt(reader.schema, batch, index));
}

/** AR-R1 schema, AR-R2 the stream reads to its end mark and every row comes back whole and keeps the canonical rules. */
export async function checkArrow(path: string): Promise<ExportProblem[]> {
  const bytes = await exportedBytes(path);
  const found = problemList();
  const whole = (rule: string, message: string) => found.add({ rule, line: 0, field: "", message });
  if (!(await tail(path, bytes)).equals(endOfStream))
    whole("AR-R2", "Expected an end-of-stream mark, got a file cut short");
  try {
    const reader = await RecordBatchReader.from(createReadStream(path));
    await reader.open();
    const { schema } = reader;
    const shapes = everyParts.map((parts) => String(schemaOf(parts)));
    if (!shapes.includes(String(schema))) {
      whole("AR-R1", `Expected the columns ${shapes[0]} (or with reasoning and calls), got ${schema}; convert it`);
      await reader.cancel();
      return found.all();
    }
    let row = 0;
    for await (const batch of reader)
      for (let index = 0; index < batch.numRows; index += 1) {
        row += 1;
        for (const problem of rowProblems(rowAt(schema, batch, index), "AR-R2")) found.add({ ...problem, line: row });
      }
  } catch (error) {
    // Whatever the reader trips over is the answer to the question this check asks.
    whole(
      "AR-R2",
      `Expected an Arrow stream that reads to its end, got: ${error instanceof Error ? error.message : error}`,
    );
  }
  return found.all();
}

function rowAt(schema: Schema, batch: RecordBatch, index: number): Record<string, unknown> {
  return Object.fromEntries(schema.fields.map(({ name }) => [name, plain(batch.getChild(name)?.get(index))]));
}

function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !(Symbol.iterator in value)) return value;
  return Array.from(value as Vector, (item: unknown) =>
    typeof item === "object" && item !== null && "toJSON" in item ? (item as { toJSON(): unknown }).toJSON() : item,
  );
}

async function tail(path: string, bytes: number): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.alloc(Math.min(bytes, endOfStream.byteLength));
    await handle.read(buffer, 0, buffer.byteLength, bytes - buffer.byteLength);
    return buffer;
  } finally {
    await handle.close();
  }
}
