// A data file as a stream of bytes, unpacked and checked: what no reader behind it says well is said here, with the place.
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { UsageError } from "../domain/errors.ts";
import type { FileToRead } from "./table.ts";

/** Text that a gzipped file may hold unpacked; more is taken for a bomb. */
const unpackedLimitBytes = 64 * 1024 ** 3;

/** A file's bytes in order, unpacked where it is gzipped. @throws {UsageError} where the gzip data is cut, damaged or no gzip data. */
export async function* bytesOf({ path, gzip }: Pick<FileToRead, "path" | "gzip">): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  if (!gzip) return yield* file as AsyncIterable<Buffer>;
  const unpacked = createGunzip({ chunkSize: 256 * 1024 });
  file.on("error", (error) => unpacked.destroy(error));
  let bytes = 0;
  try {
    for await (const chunk of file.pipe(unpacked) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > unpackedLimitBytes) {
        throw new UsageError("expected at most 64 GiB of text inside the gzip data, got more: split the file");
      }
      yield chunk;
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (!(cause instanceof Error) || code?.startsWith("Z_") !== true) throw cause;
    const what =
      code === "Z_BUF_ERROR"
        ? `got data that ends after ${bytes.toLocaleString("en")} unpacked bytes: copy or download it again`
        : bytes === 0 && /header/.test(message)
          ? `got something else (${message}): take \`.gz\` off its name if it is not compressed`
          : `got damage after ${bytes.toLocaleString("en")} unpacked bytes (${message}): copy or download it again`;
    throw new UsageError(`expected whole gzip data, ${what}`, { cause });
  } finally {
    file.destroy();
  }
}

/** The first bytes of a file, unpacked, at most `limit`. */
export async function headOf(file: Pick<FileToRead, "path" | "gzip">, limit: number): Promise<Buffer> {
  if (!file.gzip) {
    await using handle = await open(file.path);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(limit), 0, limit, 0);
    return buffer.subarray(0, bytesRead);
  }
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of bytesOf(file)) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= limit) break;
  }
  return Buffer.concat(parts).subarray(0, limit);
}

const marks = [
  { name: "UTF-16 (little endian)", iconv: "UTF-16", bytes: [0xff, 0xfe] },
  { name: "UTF-16 (big endian)", iconv: "UTF-16", bytes: [0xfe, 0xff] },
];

/** Refuses what is no UTF-8 text by its first bytes: UTF-16, with or without a mark, packed and binary files. @throws {UsageError} */
export function refuseOtherThanText(head: Buffer, what: string): void {
  const marked = marks.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte));
  if (marked !== undefined) throw new UsageError(utf16(what, marked.name, marked.iconv));
  if (head[0] === 0x1f && head[1] === 0x8b) {
    throw new UsageError(`expected ${what}, got gzip data: add \`.gz\` to its name, or unpack it with gunzip`);
  }
  if (head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4) {
    throw new UsageError(
      `expected ${what}, got a zip archive: name it \`.xlsx\` if it is an Excel workbook, or unpack it`,
    );
  }
  if (/^\s*<(!doctype\s+html|html|head|body)\b/i.test(head.subarray(0, 1024).toString("latin1"))) {
    throw new UsageError(
      `expected ${what}, got a web page (HTML): download the file itself, not the page that shows it`,
    );
  }
  const zero = head.indexOf(0);
  if (zero < 0) return;
  const sample = head.subarray(0, 4096);
  const zeros = [0, 0];
  for (const [index, byte] of sample.entries()) if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  const most = sample.length * 0.3;
  if (odd > most && even === 0) throw new UsageError(utf16(what, "UTF-16 (little endian, without a mark)", "UTF-16LE"));
  if (even > most && odd === 0) throw new UsageError(utf16(what, "UTF-16 (big endian, without a mark)", "UTF-16BE"));
  throw new UsageError(
    `expected ${what}, got binary content (a zero byte at byte ${zero + 1}): export it as text in UTF-8`,
  );
}

function utf16(what: string, name: string, encoding: string): string {
  return `expected ${what} in UTF-8, got ${name}: convert it, iconv -f ${encoding} -t UTF-8 old > new`;
}

/** Follows a text's chunks and finds the first byte that is no UTF-8. Bytes, lines and columns count from 1. */
export function utf8Watch(what: string): { see(chunk: Buffer): void; end(): void } {
  let before = 0;
  let lines = 1;
  let column = 0;
  let rest: Buffer = Buffer.alloc(0);
  return {
    see(chunk) {
      const text = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const whole = text.length - unfinished(text);
      const ready = text.subarray(0, whole);
      if (!isUtf8(ready)) throw firstBadByte(ready);
      before += whole;
      for (let at = ready.indexOf(10); at >= 0; at = ready.indexOf(10, at + 1)) lines++;
      const last = ready.lastIndexOf(10);
      column = last < 0 ? column + whole : whole - last - 1;
      rest = Buffer.from(text.subarray(whole));
    },
    end() {
      if (rest.length > 0) throw firstBadByte(rest);
    },
  };

  function firstBadByte(text: Buffer): UsageError {
    // Halves the stretch until the shortest prefix that is no UTF-8 is found.
    let good = 0;
    let bad = text.length;
    while (bad - good > 1) {
      const middle = (good + bad) >> 1;
      const part = text.subarray(0, middle);
      if (isUtf8(part.subarray(0, middle - unfinished(part)))) good = middle;
      else bad = middle;
    }
    const at = bad - 1 - unfinished(text.subarray(0, bad - 1));
    const above = text.subarray(0, at);
    const line = lines + above.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0);
    const lastBreak = above.lastIndexOf(10);
    const place = lastBreak < 0 ? column + at + 1 : at - lastBreak;
    const hex = (text[at] ?? 0).toString(16).padStart(2, "0");
    return new UsageError(
      `expected ${what} in UTF-8, got byte 0x${hex} on line ${line}, byte ${place} of the line (byte ${(before + at + 1).toLocaleString("en")} of the text), as Latin-1 and Windows texts hold: convert it, iconv -f WINDOWS-1252 -t UTF-8 old > new`,
    );
  }
}

/** How many bytes at the end begin a character that is not whole yet. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needs > back ? back : 0;
  }
  return 0;
}
