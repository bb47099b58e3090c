import { closeSync, createReadStream, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { fullDisk, StoreError } from "../domain/errors.ts";
import { type RunEvent, runEvent } from "../domain/run.ts";

/** Takes what happens in a run, in order. */
export interface EventSink {
  /** @throws {StoreError} when events cannot be written any more. */
  write(event: RunEvent): void;
}

/** The open file behind a run's events. Disposing it writes what is left and closes it. */
export interface EventLog extends EventSink, AsyncDisposable {
  /** Puts every event written so far into the file. @throws {StoreError} */
  flush(): void;
}

const blockChars = 64 * 1024;

/** Opens an append-only events file; an event is in the file `flushMs` after it was written at the latest. */
export async function openEventLog(path: string, { flushMs = 200 }: { flushMs?: number } = {}): Promise<EventLog> {
  const file = attempt(path, () => openSync(path, "a+"));
  attempt(path, () => cutTornLine(file));
  let lines = "";
  let failed: StoreError | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (failed) throw failed;
    const bytes = Buffer.from(lines);
    lines = "";
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    } catch (cause) {
      failed = eventsError(path, cause);
      throw failed;
    }
  }

  return {
    write(event) {
      if (failed) throw failed;
      if (closed) throw new Error(`Expected the events file ${path} to be open, it is closed`);
      lines += `${JSON.stringify(event)}\n`;
      if (lines.length >= blockChars) flush();
      else timer ??= setTimeout(flushInTime, flushMs).unref();
    },
    flush,
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      try {
        flush();
      } finally {
        closeSync(file);
      }
    },
  };

  function flushInTime(): void {
    try {
      flush();
    } catch (error) {
      // Nobody waits for the timer: the next write throws what is kept in `failed`.
      if (error !== failed) throw error;
    }
  }
}

/** The events of a run, one after the other. A last line that a kill cut short is left out. @throws {Error} naming a broken line. */
export async function* readEvents(path: string): AsyncGenerator<RunEvent> {
  let number = 0;
  let torn: { readonly number: number; readonly cause: unknown } | undefined;
  for await (const line of linesOf(createReadStream(path, { encoding: "utf8" }))) {
    if (torn) throw new Error(`Expected an event on line ${torn.number} of ${path}`, { cause: torn.cause });
    number += 1;
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch (cause) {
      torn = { number, cause };
      continue;
    }
    const event = runEvent.safeParse(parsed);
    if (!event.success) throw new Error(`Expected an event on line ${number} of ${path}`, { cause: event.error });
    yield event.data;
  }
}

/** The lines of a text that comes in pieces. Not readline: newer Nodes also split at U+2028, which a JSON string may hold. */
export async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let parts: string[] = [];
  for await (const chunk of chunks) {
    const [first = "", ...lines] = chunk.split("\n");
    parts.push(first);
    for (const line of lines) {
      yield parts.join("");
      parts = [line];
    }
  }
  const last = parts.join("");
  if (last !== "") yield last;
}

function cutTornLine(file: number): void {
  const { size } = fstatSync(file);
  const block = Buffer.alloc(blockChars);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block.length);
    const read = readSync(file, block, 0, end - start, start);
    const newline = block.subarray(0, read).lastIndexOf(0x0a);
    if (newline >= 0) {
      if (start + newline + 1 < size) ftruncateSync(file, start + newline + 1);
      return;
    }
    end = start;
  }
  if (size > 0) ftruncateSync(file, 0);
}

function attempt<R>(path: string, action: () => R): R {
  try {
    return action();
  } catch (cause) {
    throw eventsError(path, cause);
  }
}

function eventsError(path: string, cause: unknown): StoreError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new StoreError(`Cannot write the run's events to ${path}: ${fullDisk(code) ?? message}.`, { cause });
}
