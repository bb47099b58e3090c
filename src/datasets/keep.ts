import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { DataFile } from "../domain/dataset.ts";
import { fullDisk, StoreError, UsageError } from "../domain/errors.ts";

/** A file's size and SHA-256, read as a stream. @throws {UsageError} when it cannot be read. */
export async function measureFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (cause) {
    throw new UsageError(`Expected to be able to read \`${path}\`, got ${(cause as Error).message}: check its rights`, {
      cause,
    });
  }
  return { bytes, sha256: hash.digest("hex") };
}

/**
 * Makes `dir` hold read-only copies of these files and nothing else, all or nothing; does nothing where it already does.
 * @throws {UsageError} when a source changes meanwhile. @throws {StoreError} when the copies cannot be written.
 */
export async function keep(
  dir: string,
  files: readonly DataFile[],
  sources: ReadonlyMap<string, string>,
): Promise<void> {
  if (await holds(dir, files)) return;
  const folder = dirname(dir);
  let staging: string | undefined;
  try {
    await mkdir(folder, { recursive: true });
    staging = await mkdtemp(join(folder, stagingOf(dir)));
    for (const file of files) {
      const copy = join(staging, file.name);
      await copyFile(sources.get(file.name) ?? file.name, copy, constants.COPYFILE_FICLONE);
      await chmod(copy, 0o444);
      if ((await measureFile(copy)).sha256 !== file.sha256) {
        throw new UsageError(
          `Expected \`${sources.get(file.name)}\` to stay as it is while it is loaded, but it changed: run again once it is written`,
        );
      }
    }
    // Sandboxes read it as another user.
    await chmod(staging, 0o755);
    await publish(staging, dir, files);
    await removeLeftOvers(dir);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    // Another process published the same copies, and removed these as left over.
    if (await holds(dir, files)) return;
    throw new StoreError(
      `Could not keep a copy of the dataset ${basename(dir)} in \`${folder}\`: ${fullDisk((cause as NodeJS.ErrnoException).code) ?? (cause as Error).message}.`,
      { cause },
    );
  } finally {
    if (staging !== undefined) await rm(staging, { recursive: true, force: true });
  }
}

async function publish(staging: string, dir: string, files: readonly DataFile[]): Promise<void> {
  try {
    await rename(staging, dir);
  } catch (error) {
    if (!isCode(error, "ENOTEMPTY", "EEXIST")) throw error;
    // Another process was first, or what lies there was damaged.
    if (await holds(dir, files)) return;
    await rm(dir, { recursive: true, force: true });
    await rename(staging, dir);
  }
}

function stagingOf(dir: string): string {
  return `.staging-${basename(dir)}-`;
}

/** Removes what a killed process left of its copies of this dataset. */
async function removeLeftOvers(dir: string): Promise<void> {
  const folder = dirname(dir);
  for (const name of await readdir(folder)) {
    if (name.startsWith(stagingOf(dir))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function holds(dir: string, files: readonly DataFile[]): Promise<boolean> {
  try {
    const names = await readdir(dir);
    if (names.length !== files.length) return false;
    for (const file of files) if ((await stat(join(dir, file.name))).size !== file.bytes) return false;
    return true;
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw error;
  }
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
