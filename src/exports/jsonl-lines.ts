import { createReadStream } from "node:fs";

/** One line of a file without its LF. `bytes` is null when it is longer than the limit; `ended` is false when the file stops before an LF. */
export interface FileLine {
  readonly number: number;
  readonly bytes: Buffer | null;
  readonly ended: boolean;
}

/** Reads a file line by line as bytes, holding at most one line and one chunk. Lines count from 1. */
export async function* fileLines(
  path: string,
  options: { readonly maxLineBytes: number },
): AsyncGenerator<FileLine, void, undefined> {
  let parts: Buffer[] = [];
  let bytes = 0;
  let number = 1;
  const take = (part: Buffer) => {
    bytes += part.byteLength;
    if (bytes > options.maxLineBytes) parts = [];
    else parts.push(part);
  };
  const line = (ended: boolean): FileLine => {
    const content = bytes > options.maxLineBytes ? null : Buffer.concat(parts);
    const made = { number, bytes: content, ended };
    parts = [];
    bytes = 0;
    number += 1;
    return made;
  };
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      take(chunk.subarray(start, end));
      yield line(true);
      start = end + 1;
    }
    if (start < chunk.byteLength) take(chunk.subarray(start));
  }
  if (bytes > 0) yield line(false);
}
