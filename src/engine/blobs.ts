// Bytes under their own hash, one file each, beside the store.
import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Blobs } from "../contracts.ts";
import { fullDisk, StoreError } from "../domain/errors.ts";

/** Where a blob below `folder` lies. */
export function blobPath(folder: string, sha256: string): string {
  return join(folder, sha256.slice(0, 2), sha256);
}

/** Blobs below `folder` as `<first two digits>/<sha256>`; nothing is made before the first `put`. */
export function openBlobs(folder: string): Blobs {
  const pathOf = (sha256: string) => blobPath(folder, sha256);
  return {
    async put(bytes) {
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const path = pathOf(sha256);
      if ((await sizeOf(path)) === bytes.byteLength) return sha256;
      const partial = `${path}.${randomUUID()}.partial`;
      try {
        await mkdir(dirname(path), { recursive: true });
        const file = await open(partial, "wx");
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(partial, path); // whole or not at all; two writers of the same bytes agree
      } catch (cause) {
        await rm(partial, { force: true }).catch(() => undefined); // the first error is the one to hear
        const { code, message } = cause as NodeJS.ErrnoException;
        throw new StoreError(`Cannot write ${path}: ${fullDisk(code) ?? message}.`, { cause });
      }
      return sha256;
    },
    async get(sha256) {
      const path = pathOf(sha256);
      const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === "ENOENT") return undefined;
        throw new StoreError(`Cannot read ${path}: ${cause.message}.`, { cause });
      });
      if (bytes !== undefined && createHash("sha256").update(bytes).digest("hex") !== sha256)
        throw new StoreError(
          `Expected ${path} to hold the bytes it is named after, it is damaged: \`npx tracemill store verify --fix\` removes it.`,
        );
      return bytes;
    },
  };
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch {
    return null; // it is written anew, and what is wrong is said then
  }
}
