// Blobs as lines of an exported store: pieces in order, each blob whole before the next begins.
import { z } from "zod";
import { sha256 } from "../domain/hash.ts";

const pieceBytes = 3 * 1024 * 1024;

/** One piece of a blob: its place and the blob's size in bytes, the bytes as base64. */
export const blobLine = z.strictObject({
  blob: z.string().regex(/^[0-9a-f]{64}$/),
  at: z.number().int().min(0),
  of: z.number().int().min(0),
  data: z.base64(),
});
type BlobLine = z.infer<typeof blobLine>;

/** The lines of one blob. */
export function* linesOfBlob(hash: string, bytes: Uint8Array): Generator<string> {
  let at = 0;
  do {
    const data = Buffer.from(bytes.subarray(at, at + pieceBytes)).toString("base64");
    yield `${JSON.stringify({ blob: hash, at, of: bytes.byteLength, data } satisfies BlobLine)}\n`;
    at += pieceBytes;
  } while (at < bytes.byteLength);
}

/** Puts pieces together, one blob at a time. `add` returns the blob's bytes with its last piece, null before. @throws {Error} on other pieces. */
export function blobAssembler() {
  let parts: Buffer[] = [];
  let held = 0;
  let hash: string | null = null;
  return {
    add({ blob, at, of, data }: BlobLine): Uint8Array | null {
      if (at !== held || (hash !== null && hash !== blob)) throw new Error("its pieces are not in order");
      hash = blob;
      const part = Buffer.from(data, "base64");
      parts.push(part);
      held += part.length;
      if (held < of && part.length > 0) return null;
      const bytes = Buffer.concat(parts, held);
      [parts, held, hash] = [[], 0, null];
      if (bytes.length !== of || sha256(bytes) !== blob) throw new Error("its bytes are not those it is named after");
      return bytes;
    },
    /** Whether a blob has begun that has not ended. */
    isOpen: () => hash !== null,
  };
}
