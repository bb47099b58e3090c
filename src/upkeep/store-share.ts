// What was paid for as one file that another store can take: JSON lines in gzip, counted and hashed at the end.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline, promises as streams } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import { z } from "zod";
import { count } from "../audit/text.ts";
import type { Blobs, Store } from "../contracts.ts";
import { StoreError, UsageError } from "../domain/errors.ts";
import { parseJson } from "../domain/reply-json.ts";
import { openBlobs } from "../engine/blobs.ts";
import { linesOf } from "../engine/events.ts";
import { scanStore } from "../engine/store-scan.ts";
import { openAtomicFile } from "../exports/atomic-file.ts";
import { packageVersion } from "../package.ts";
import { blobAssembler, blobLine, linesOfBlob } from "./share-blobs.ts";
import { blobsOfValue, listBlobs } from "./store-blobs.ts";
import { type StorePlaces, workTicker } from "./store-folder.ts";
import { kindOfKey, problemOfValue, rememberedKinds } from "./store-values.ts";

const format = "tracemill-store";
const sharedKinds: readonly string[] = [...rememberedKinds, "waiver"];
const header = z.looseObject({ format: z.literal(format), version: z.literal([1, 2]) });
const trailer = z.strictObject({ entries: z.number().int(), sha256: z.string() });
const entry = z.strictObject({ key: z.string(), value: z.unknown() });

export interface Shared {
  readonly path: string;
  readonly entries: number;
  readonly blobs: number;
  readonly bytes: number;
}

/** Writes every completion, sandbox step, file taken out, profile and waiver of a store, with the blobs they need, to `path`, which appears whole or not at all. @throws {StoreError} */
export async function exportStore(places: StorePlaces, path: string, now: Date): Promise<Shared> {
  const tick = workTicker();
  await using store = scanStore(places.values);
  await using file = await openAtomicFile(path);
  const blobs = openBlobs(places.blobs);
  const written = new Set<string>();
  let entries = 0;

  async function* lines(): AsyncGenerator<string> {
    const digest = createHash("sha256");
    const hashed = (line: string) => {
      digest.update(line);
      return line;
    };
    // Files without blobs stay readable for versions that knew of none.
    const version = (await listBlobs(places.blobs)).length === 0 ? 1 : 2;
    const from = { format, version, tracemill: packageVersion(), at: now.toISOString() };
    yield hashed(`${JSON.stringify(from)}\n`);
    for (const kind of sharedKinds) {
      for (const { key, text } of store.entries(`${kind}/`)) {
        // A damaged value is not handed on.
        if (problemOfValue(key, text) !== null) continue;
        const missing = new Set(blobsOfValue(key, text).filter((hash) => !written.has(hash)));
        const needed = new Map<string, Uint8Array>();
        for (const hash of missing) {
          const bytes = await wholeOrNone(blobs, hash);
          if (bytes === undefined) break;
          needed.set(hash, bytes);
        }
        if (needed.size < missing.size) continue;
        for (const [hash, bytes] of needed) {
          for (const line of linesOfBlob(hash, bytes)) yield hashed(line);
          written.add(hash);
        }
        entries += 1;
        if (entries % 1000 === 0) tick(`wrote ${count(entries)} values`);
        yield hashed(`{"key":${JSON.stringify(key)},"value":${text}}\n`);
      }
    }
    yield `${JSON.stringify({ entries, sha256: digest.digest("hex") })}\n`;
  }

  await streams.pipeline(lines(), createGzip(), async (packed: AsyncIterable<Uint8Array>) => {
    for await (const chunk of packed) await file.write(chunk);
  });
  const { bytes } = await file.commit(entries);
  return { path, entries, blobs: written.size, bytes };
}

/** A blob's bytes; undefined where they are missing or damaged. */
async function wholeOrNone(blobs: Blobs, hash: string): Promise<Uint8Array | undefined> {
  try {
    return await blobs.get(hash);
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

export interface Imported {
  readonly added: number;
  readonly there: number;
}

// So many values share a commit and are held at once.
const batchEntries = 1_000;

/**
 * Adds to `store` what it lacks of an exported file, and to `blobs` what those values need; what is there stays as it is. The file is checked whole before anything is
 * written. @throws {UsageError} when it is not one, or damaged.
 */
export async function importStore(store: Store, blobs: Blobs, path: string, signal: AbortSignal): Promise<Imported> {
  const tick = workTicker();
  const entries = await checkFile(path);
  const total = { added: 0, there: 0 };
  let batch: Promise<boolean>[] = [];
  const settle = async () => {
    for (const isNew of await Promise.all(batch)) total[isNew ? "added" : "there"] += 1;
    batch = [];
    tick(`took ${count(total.added + total.there)} of ${count(entries)} values`);
  };
  const assembler = blobAssembler();
  for await (const line of contentOf(path)) {
    if ("blob" in line) {
      // Before the values that need it: a kill in between leaves no value without its bytes.
      const bytes = assembler.add(line);
      if (bytes !== null) await blobs.put(bytes);
      continue;
    }
    batch.push(addValue(store, line.key, line.value, signal));
    if (batch.length >= batchEntries) await settle();
  }
  await settle();
  return total;
}

async function addValue(store: Store, key: string, value: unknown, signal: AbortSignal): Promise<boolean> {
  if (store.get(key) !== undefined) return false;
  // Under its lease, or a run that computes it at this moment could have its value replaced.
  await using _lease = await store.lease(key, signal);
  if (store.get(key) !== undefined) return false;
  await store.put(key, value);
  return true;
}

async function* textLines(path: string): AsyncGenerator<string> {
  try {
    // Unlike `pipe`, it hands an error of the file on to whoever reads the text.
    const text = pipeline(createReadStream(path), createGunzip(), () => {});
    yield* linesOf(text.setEncoding("utf8"));
  } catch (cause) {
    throw new UsageError(
      `Expected \`${path}\` to be a file of \`tracemill store export\`, got: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

async function* contentOf(path: string): AsyncGenerator<z.infer<typeof entry> | z.infer<typeof blobLine>> {
  let number = 0;
  for await (const line of textLines(path)) {
    number += 1;
    if (number > 1 && line.startsWith('{"key":')) yield entry.parse(JSON.parse(line));
    if (number > 1 && line.startsWith('{"blob":')) yield blobLine.parse(JSON.parse(line));
  }
}

/** Reads the file once. Returns how many values it holds. @throws {UsageError} */
async function checkFile(path: string): Promise<number> {
  const refuse = (got: string): never => {
    throw new UsageError(
      `Expected \`${path}\` to be a whole file of \`tracemill store export\`, got ${got}: nothing was taken. Export it again.`,
    );
  };
  const digest = createHash("sha256");
  const assembler = blobAssembler();
  let number = 0;
  let entries = 0;
  let end: z.infer<typeof trailer> | undefined;
  for await (const line of textLines(path)) {
    number += 1;
    if (end !== undefined) refuse(`more lines after its last`);
    const value = parseJson(line) ?? refuse(`a line ${number} that is not JSON`);
    if (number === 1 && !header.safeParse(value).success) refuse("another first line");
    const last = trailer.safeParse(value);
    if (last.success) {
      end = last.data;
      continue;
    }
    digest.update(`${line}\n`);
    if (number === 1) continue;
    const piece = blobLine.safeParse(value);
    if (piece.success) {
      try {
        assembler.add(piece.data);
      } catch (error) {
        refuse(`a blob on line ${number} that is damaged: ${(error as Error).message}`);
      }
      continue;
    }
    if (assembler.isOpen()) refuse(`a blob before line ${number} that is cut short`);
    const read = entry.safeParse(value).data ?? refuse(`a line ${number} that is no value`);
    const isShared = sharedKinds.includes(kindOfKey(read.key));
    const problem = isShared
      ? problemOfValue(read.key, JSON.stringify(read.value))
      : "it is of a kind that is not shared";
    if (problem !== null) refuse(`\`${read.key}\` on line ${number}: ${problem}`);
    entries += 1;
  }
  if (end === undefined) return refuse("no last line: it was cut short");
  if (end.entries !== entries || end.sha256 !== digest.digest("hex")) refuse("values that do not match its checksum");
  return entries;
}
