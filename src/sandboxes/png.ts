// Whether bytes that came out of a sandbox are a PNG that a viewer can be given, and the parts of it that are kept.
import { createInflate } from "node:zlib";

/** Largest side of a picture, in pixels, and most bytes of it uncompressed. */
const sidePixels = 8192;
const rawBytes = 64 * 1024 * 1024;

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
// What shows the picture; text, profiles, animation and private chunks are left away.
const shownKinds = new Set(["IHDR", "PLTE", "tRNS", "gAMA", "cHRM", "sRGB", "sBIT", "bKGD", "pHYs", "IDAT", "IEND"]);
const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const depthsOf: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
// Start and step of Adam7's passes: column, row.
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** A PNG reduced to the chunks that show it; sizes in pixels. */
export interface Png {
  readonly bytes: Buffer;
  readonly width: number;
  readonly height: number;
}

interface Chunk {
  readonly kind: string;
  readonly data: Buffer;
  readonly whole: Buffer;
}

/** `bytes` as a PNG: chunks, checksums and every row of the picture are checked, in bounded memory. @throws {Error} saying what is wrong. */
export async function readPng(bytes: Buffer): Promise<Png> {
  const chunks = chunksOf(bytes);
  const header = chunks[0]?.data;
  if (chunks[0]?.kind !== "IHDR" || header?.length !== 13) throw new Error("it does not begin with a header");
  if (chunks.slice(1).some(({ kind }) => kind === "IHDR")) throw new Error("it has two headers");
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, colour, compression, filter, interlace] = [...header.subarray(8)] as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (width < 1 || height < 1 || width > sidePixels || height > sidePixels)
    throw new Error(`it is ${width} x ${height} pixels large, at most ${sidePixels} a side are kept`);
  const channels = channelsOf[colour];
  if (
    channels === undefined ||
    !depthsOf[colour]?.includes(depth) ||
    compression !== 0 ||
    filter !== 0 ||
    interlace > 1
  )
    throw new Error("its header names a kind of picture that does not exist");
  const palettes = chunks.filter(({ kind }) => kind === "PLTE");
  if (palettes.length > 1 || (colour === 3 && palettes.length === 0) || (palettes[0]?.data.length ?? 3) % 3 !== 0)
    throw new Error("its palette is missing or broken");
  const first = chunks.findIndex(({ kind }) => kind === "IDAT");
  const last = chunks.findLastIndex(({ kind }) => kind === "IDAT");
  if (
    first < 0 ||
    chunks.slice(first, last + 1).some(({ kind }) => kind !== "IDAT") ||
    palettes.some((one) => chunks.indexOf(one) > first)
  )
    throw new Error("its chunks are out of order");
  const rows = rowsOf(width, height, (channels * depth) / 8, interlace === 1);
  await checkRows(
    chunks.slice(first, last + 1).map(({ data }) => data),
    rows,
  );
  const kept = chunks.filter(({ kind }) => shownKinds.has(kind)).map(({ whole }) => whole);
  return { bytes: Buffer.concat([signature, ...kept]), width, height };
}

function chunksOf(bytes: Buffer): Chunk[] {
  if (!bytes.subarray(0, 8).equals(signature)) throw new Error("it is no PNG");
  const chunks: Chunk[] = [];
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw new Error("it ends in the middle");
    const length = bytes.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > bytes.length) throw new Error("it ends in the middle");
    const kind = bytes.toString("latin1", at + 4, at + 8);
    if (!/^[A-Za-z]{4}$/.test(kind)) throw new Error("it has a chunk without a name");
    if (bytes.readUInt32BE(end - 4) !== crc32(bytes.subarray(at + 4, end - 4)))
      throw new Error(`the checksum of its ${kind} is wrong`);
    if (/^[A-Z]/.test(kind) && !shownKinds.has(kind)) throw new Error(`it needs a viewer that knows ${kind}`);
    chunks.push({ kind, data: bytes.subarray(at + 8, end - 4), whole: bytes.subarray(at, end) });
    at = end;
    if (kind !== "IEND") continue;
    if (length !== 0 || at !== bytes.length) throw new Error("something follows its end");
    return chunks;
  }
}

/** Row lengths in bytes, filter byte included, of each pass: [bytes of a row, how many]. */
function rowsOf(width: number, height: number, pixelBytes: number, interlaced: boolean): (readonly [number, number])[] {
  const parts = interlaced ? passes : ([[0, 0, 1, 1]] as const);
  return parts.flatMap(([x, y, dx, dy]) => {
    const columns = Math.ceil((width - x) / dx);
    const count = Math.ceil((height - y) / dy);
    return columns > 0 && count > 0 ? [[1 + Math.ceil(columns * pixelBytes), count] as const] : [];
  });
}

/** Inflates the picture piece by piece and looks at each row's first byte; nothing of it is held. */
async function checkRows(parts: readonly Buffer[], rows: readonly (readonly [number, number])[]): Promise<void> {
  const expected = rows.reduce((sum, [bytes, count]) => sum + bytes * count, 0);
  if (expected > rawBytes) throw new Error(`it has ${expected} bytes of pixels, at most ${rawBytes} are kept`);
  const inflate = createInflate();
  inflate.end(Buffer.concat(parts));
  const queue = rows.map(([bytes, count]) => ({ bytes, count }));
  let next = 0; // where the next row begins
  let at = 0;
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      for (let pass = queue[0]; pass !== undefined && next < at + chunk.length; pass = queue[0]) {
        if ((chunk[next - at] as number) > 4) throw new Error("a row of it has a filter that does not exist");
        next += pass.bytes;
        if (--pass.count === 0) queue.shift();
      }
      at += chunk.length;
      if (at > expected) throw new Error("it holds more than its pixels");
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw code?.startsWith("Z_") ? new Error("its pixels cannot be read", { cause: error }) : error;
  } finally {
    inflate.destroy();
  }
  if (at !== expected) throw new Error("it holds fewer pixels than its header says");
}

// Of our own, because zlib.crc32 came with Node 20.15.
const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
