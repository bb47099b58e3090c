import { createHash } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { ExportedFile } from "../contracts.ts";
import { fullDisk, StoreError } from "../domain/errors.ts";

const bufferBytes = 1 << 20;

/** A file under construction. Disposing it without `commit` leaves nothing behind. */
export interface AtomicFile extends AsyncDisposable {
  /** @throws {StoreError} when the disk refuses. */
  write(chunk: string | Uint8Array): Promise<void>;
  /** Makes the file appear under its name, whole and flushed to disk. @throws {StoreError} when the disk refuses. */
  commit(rows: number): Promise<ExportedFile>;
}

/** Opens `<path>.partial` for writing, making its folder; `path` itself appears only on `commit`. @throws {StoreError} when the disk refuses. */
export async function openAtomicFile(path: string): Promise<AtomicFile> {
  const partial = `${path}.partial`;
  const onDisk = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      const full = fullDisk((cause as NodeJS.ErrnoException).code);
      if (full !== null) throw new StoreError(`Cannot write ${path}: ${full}.`, { cause });
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StoreError(
        `Expected to write ${path}, got: ${reason}. Free space or mend the folder, then run the same command again.`,
        {
          cause,
        },
      );
    }
  };
  const handle = await onDisk(async () => {
    await mkdir(dirname(path), { recursive: true });
    return open(partial, "w");
  });
  const digest = createHash("sha256");
  let bytes = 0;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let state: "open" | "committed" | "closed" = "open";

  const flush = async () => {
    if (pending.length === 0) return;
    const chunk = pending.length === 1 && pending[0] ? pending[0] : Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    await onDisk(() => handle.appendFile(chunk));
  };

  return {
    async write(chunk) {
      const data = typeof chunk === "string" ? Buffer.from(chunk, "utf8") : chunk;
      digest.update(data);
      bytes += data.byteLength;
      // The caller may reuse its bytes after this call, so what is kept is copied.
      if (pendingBytes + data.byteLength < bufferBytes) {
        pending.push(typeof chunk === "string" ? data : data.slice());
        pendingBytes += data.byteLength;
        return;
      }
      await flush();
      await onDisk(() => handle.appendFile(data));
    },
    async commit(rows) {
      await flush();
      await onDisk(async () => {
        await handle.sync();
        await handle.close();
        state = "closed";
        await rename(partial, path);
        state = "committed";
        // The rename itself lives in the folder: without this a power cut can lose the name.
        const folder = await open(dirname(path), "r");
        await folder.sync().finally(() => folder.close());
      });
      return { path, bytes, sha256: digest.digest("hex"), rows };
    },
    async [Symbol.asyncDispose]() {
      if (state === "committed") return;
      if (state === "open") await handle.close();
      state = "closed";
      await rm(partial, { force: true });
    },
  };
}

/** Writes a small text file whole, or not at all. @throws {StoreError} when the disk refuses. */
export async function writeTextFile(path: string, text: string): Promise<void> {
  await using file = await openAtomicFile(path);
  await file.write(text);
  await file.commit(0);
}
