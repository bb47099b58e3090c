// Pictures that a step showed: checked, kept under their hash, told of.
import type { Blobs } from "../contracts.ts";
import type { Picture } from "../domain/trajectory.ts";
import { readPng } from "./png.ts";

/** Most pictures of a step, and most bytes of one. The inside holds to it too (runner/_inside/plots.py). */
const mostPictures = 8;
const pictureBytes = 1024 * 1024;

/**
 * Keeps the PNGs of a step, given in base64, in `blobs`; what is no sound PNG is left out, and `refused` says why. @throws {StoreError}
 * when the disk refuses.
 */
export async function keepPictures(
  pictures: readonly string[],
  blobs: Blobs | undefined,
): Promise<{ kept: Picture[]; refused: string | undefined }> {
  const kept: Picture[] = [];
  const reasons: string[] = [];
  if (blobs === undefined) return { kept, refused: undefined };
  if (pictures.length > mostPictures)
    reasons.push(`${pictures.length - mostPictures} above the ${mostPictures} of a step`);
  for (const [index, text] of pictures.slice(0, mostPictures).entries()) {
    const given = Buffer.from(text, "base64");
    const png = given.length > pictureBytes ? new Error("it is too large") : await readPng(given).catch(asError);
    if (png instanceof Error) {
      reasons.push(`number ${index + 1}: ${png.message}`);
      continue;
    }
    const { bytes, width, height } = png;
    kept.push({ sha256: await blobs.put(bytes), bytes: bytes.length, width, height });
  }
  return { kept, refused: reasons.length === 0 ? undefined : `pictures were refused (${reasons.join("; ")})` };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
