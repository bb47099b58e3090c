// The host's side of taking one file out of a sandbox: asks for it, checks size, order and hash, believes nothing else.
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Blobs, Collected, Sandbox } from "../contracts.ts";
import { namesBelowScratch, refusals, type SubmissionFile } from "../domain/submission.ts";
import type { SupervisorFrame } from "./protocol.ts";

/** Bump when the same file of the same code would be stored differently. */
export const collectVersion = 1;

/** What is remembered of a file taken out: where its bytes are kept, or why it was refused. */
export const storedCollection = z.union([
  z.strictObject({ sha256: z.string(), bytes: z.number().int(), diverged: z.boolean() }),
  z.strictObject({ refused: z.enum(refusals), detail: z.string(), diverged: z.boolean() }),
]);
export type StoredCollection = z.infer<typeof storedCollection>;

/** Longer than the supervisor takes to end everything that runs inside, on a busy machine. */
export const collectLimitMs = 60_000;

/** One question to the supervisor and its answer; `gone` where the code has ended the sandbox. Throws where the sandbox broke. */
type Ask = (frame: {
  readonly type: "collect" | "piece";
  readonly [part: string]: unknown;
}) => Promise<SupervisorFrame | { readonly gone: string }>;

/** Asks for the file at `path` piece by piece. A path that is not below /scratch is refused before anything is asked. */
export async function collectFile(path: string, maxBytes: number, ask: Ask): Promise<Collected> {
  const place = namesBelowScratch(path);
  if ("outside" in place) return { refused: "outside", detail: place.outside };
  const found = await ask({ type: "collect", names: place.names, maxBytes });
  if ("gone" in found) return { refused: "missing", detail: found.gone };
  if (found.type === "refused") return { refused: found.reason, detail: found.detail };
  if (found.type !== "file") return unreadable(`the sandbox answered with a ${found.type} frame`);
  if (found.bytes > maxBytes) return tooLarge(found.bytes, maxBytes);
  const hash = createHash("sha256");
  const parts: Buffer[] = [];
  let read = 0;
  for (;;) {
    const piece = await ask({ type: "piece" });
    if ("gone" in piece) return { refused: "missing", detail: piece.gone };
    if (piece.type !== "piece") return unreadable(`the sandbox answered with a ${piece.type} frame`);
    const data = Buffer.from(piece.data, "base64");
    read += data.length;
    if (read > maxBytes) return tooLarge(read, maxBytes);
    hash.update(data);
    parts.push(data);
    if (piece.sha256 === null && data.length > 0) continue;
    const sha256 = hash.digest("hex");
    if (read !== found.bytes) return unreadable(`${read} of its ${found.bytes} bytes could be read`);
    if (piece.sha256 !== sha256) return unreadable("its bytes arrived with another hash than they left with");
    return { bytes: Buffer.concat(parts, read), sha256 };
  }
}

function unreadable(detail: string): Collected {
  return { refused: "unreadable", detail };
}

function tooLarge(bytes: number, maxBytes: number): Collected {
  return { refused: "too_large", detail: `${bytes} bytes, more than ${maxBytes}` };
}

/** Takes a file out of `sandbox` and keeps its bytes. @throws {StoreError} when the disk refuses. */
export async function collectInto(
  blobs: Blobs,
  sandbox: Sandbox,
  path: string,
  options: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<StoredCollection> {
  const collected = await sandbox.collect(path, options);
  if ("refused" in collected) return { ...collected, diverged: false };
  return { sha256: await blobs.put(collected.bytes), bytes: collected.bytes.byteLength, diverged: false };
}

/** The record of a file asked for at `path`. */
export function submissionFileOf(path: string, stored: StoredCollection): SubmissionFile {
  return { path, ...stored };
}
