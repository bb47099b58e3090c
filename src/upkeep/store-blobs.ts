// The blobs beside a store: what lies there, which values mention it, and whether it is whole.
import type { Dirent } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { measureFile } from "../datasets/keep.ts";
import { UsageError } from "../domain/errors.ts";
import { kindOfKey } from "./store-values.ts";

/** One file below `blobs/`. `sha256` is null where it is none of ours, or what a killed process left half-written. */
export interface BlobFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string | null;
}

const hashName = /^[0-9a-f]{64}$/;
const hashIn = /[0-9a-f]{64}/g;

/** Every file below a blobs folder, in the order of their names; none where there is no folder. */
export async function listBlobs(folder: string): Promise<BlobFile[]> {
  const found: Dirent[] = await readdir(folder, { withFileTypes: true, recursive: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    },
  );
  const blobs: BlobFile[] = [];
  for (const entry of found) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const size = (await stat(path).catch(() => null))?.size; // a file under way that got its name meanwhile
    if (size !== undefined) blobs.push({ path, bytes: size, sha256: hashName.test(entry.name) ? entry.name : null });
  }
  return blobs.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Which of `blobs` values mention: `see` is handed each value's text. Any 64 hex digits count, so that a value of a kind or version this
 * program does not know keeps its blobs too.
 */
export function mentionsOf(blobs: readonly BlobFile[]) {
  const there = new Set(blobs.flatMap(({ sha256 }) => (sha256 === null ? [] : [sha256])));
  const mentioned = new Set<string>();
  return {
    see(text: string): void {
      if (there.size === mentioned.size) return;
      for (const [hash] of text.matchAll(hashIn)) if (there.has(hash)) mentioned.add(hash);
    },
    has: (sha256: string | null): boolean => sha256 !== null && mentioned.has(sha256),
  };
}

/** The blobs without which a value is not whole: a file taken out, pictures that a step showed. */
export function blobsOfValue(key: string, text: string): string[] {
  if (!["collect", "sandbox-step"].includes(kindOfKey(key))) return [];
  // In a text that code printed the quotes would be escaped.
  return [...text.matchAll(/"sha256":"([0-9a-f]{64})"/g)].map(([, hash]) => hash as string);
}

/** Whether a blob's bytes are those it is named after; what goes away while it is looked at is not. */
export async function isWhole({ path, sha256 }: BlobFile): Promise<boolean> {
  try {
    return (await measureFile(path)).sha256 === sha256;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

/** Removes files of a blobs folder. Only while nobody works on the store. */
export async function removeBlobs(blobs: readonly BlobFile[]): Promise<void> {
  for (const { path } of blobs) await rm(path, { force: true });
}
