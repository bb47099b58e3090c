import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Blobs } from "../../src/contracts.ts";
import { sha256 } from "../../src/domain/hash.ts";
import { keepPictures } from "../../src/sandboxes/pictures.ts";
import { readPng } from "../../src/sandboxes/png.ts";

const signature = Buffer.from("89504e470d0a1a0a", "hex");

function crc32(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function chunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

function header(width: number, height: number, ...rest: number[]): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set(rest.length > 0 ? rest : [8, 2, 0, 0, 0], 8);
  return chunk("IHDR", data);
}

const end = chunk("IEND", Buffer.alloc(0));
/** Rows of a width in bytes, each behind its filter byte. */
const rows = (bytes: number, count: number, filter = 0) =>
  Buffer.concat(Array.from({ length: count }, () => Buffer.concat([Buffer.from([filter]), Buffer.alloc(bytes, 7)])));
const pixels = (raw: Buffer) => chunk("IDAT", deflateSync(raw));
const png = (...chunks: Buffer[]) => Buffer.concat([signature, ...chunks]);
const sound = png(header(3, 2), pixels(rows(9, 2)), end);

describe("a PNG out of a sandbox", () => {
  test("is taken whole where it is sound, in every kind that PNG has", async () => {
    expect(await readPng(sound)).toEqual({ bytes: sound, width: 3, height: 2 });
    const palette = png(header(9, 2, 1, 3, 0, 0, 0), chunk("PLTE", Buffer.alloc(6)), pixels(rows(2, 2)), end);
    expect(await readPng(palette)).toMatchObject({ width: 9, height: 2 });
    // 5 x 5 interlaced: the passes' sizes by the standard's own table.
    const passes = [1, 1].map((n) => rows(n, 1));
    passes.push(rows(2, 1), rows(1, 2), rows(3, 1), rows(2, 3), rows(5, 2));
    expect(await readPng(png(header(5, 5, 8, 0, 0, 0, 1), pixels(Buffer.concat(passes)), end))).toMatchObject({
      width: 5,
    });
  });

  test("loses what does not show it: text, profiles and private chunks", async () => {
    const text = chunk("tEXt", Buffer.from("Comment\0<script>"));
    const more = png(
      header(3, 2),
      text,
      chunk("iCCP", Buffer.from("x")),
      pixels(rows(9, 2)),
      chunk("prVt", Buffer.alloc(3)),
      end,
    );
    expect((await readPng(more)).bytes).toEqual(sound);
  });

  const flipped = Buffer.from(sound);
  flipped[45] = (flipped[45] as number) ^ 1;
  test.each([
    ["no PNG", Buffer.from("GIF89a"), "it is no PNG"],
    ["cut", sound.subarray(0, -5), "ends in the middle"],
    ["damaged", flipped, "checksum of its IDAT"],
    ["longer than it says", Buffer.concat([sound, Buffer.from("x")]), "something follows its end"],
    ["without a header", png(pixels(rows(9, 2)), end), "does not begin with a header"],
    ["with two headers", png(header(3, 2), header(3, 2), pixels(rows(9, 2)), end), "two headers"],
    ["huge", png(header(2 ** 31, 2), pixels(rows(9, 2)), end), "at most 8192 a side"],
    ["empty", png(header(0, 2), pixels(rows(9, 2)), end), "at most 8192 a side"],
    [
      "of no known colour",
      png(header(3, 2, 8, 5, 0, 0, 0), pixels(rows(9, 2)), end),
      "kind of picture that does not exist",
    ],
    ["without its palette", png(header(3, 2, 8, 3, 0, 0, 0), pixels(rows(3, 2)), end), "palette"],
    ["without pixels", png(header(3, 2), end), "out of order"],
    [
      "with torn pixels",
      png(header(3, 2), pixels(rows(9, 1)), chunk("tEXt", Buffer.from("a")), pixels(rows(9, 1)), end),
      "out of order",
    ],
    [
      "with a chunk that viewers must know",
      png(header(3, 2), chunk("EVIL", Buffer.alloc(1)), pixels(rows(9, 2)), end),
      "knows EVIL",
    ],
    ["with too few pixels", png(header(3, 2), pixels(rows(9, 1)), end), "fewer pixels"],
    ["with too many", png(header(3, 2), pixels(rows(9, 3)), end), "more than its pixels"],
    ["with a wrong filter", png(header(3, 2), pixels(rows(9, 2, 9)), end), "filter that does not exist"],
    [
      "with pixels that are no zlib stream",
      png(header(3, 2), chunk("IDAT", Buffer.from("nonsense")), end),
      "cannot be read",
    ],
    [
      "that unpacks to more than is held",
      png(header(3, 2), pixels(Buffer.alloc(200 << 20)), end),
      "more than its pixels",
    ],
    ["of too many pixels", png(header(8192, 8192), pixels(rows(9, 2)), end), "bytes of pixels"],
  ] as const)("%s is refused", async (_what, bytes, why) => {
    await expect(readPng(bytes)).rejects.toThrow(why);
  });
});

test("of a step's pictures eight at most are kept, and why another was refused is told", async () => {
  const put: Uint8Array[] = [];
  const blobs: Blobs = {
    put: async (bytes) => {
      put.push(bytes);
      return sha256(Buffer.from(bytes).toString("latin1"));
    },
    get: async () => undefined,
  };
  const text = sound.toString("base64");
  const { kept, refused } = await keepPictures([text, "bm9uZQ==", ...Array(8).fill(text)], blobs);
  expect(kept).toHaveLength(7);
  expect(kept[0]).toMatchObject({ bytes: sound.length, width: 3, height: 2 });
  expect(put[0]).toEqual(sound);
  expect(refused).toBe("pictures were refused (2 above the 8 of a step; number 2: it is no PNG)");
  expect(await keepPictures([text], undefined)).toEqual({ kept: [], refused: undefined });
});
