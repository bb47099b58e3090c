// What is written down of a tuning job, so that the same command finds it again: below `<output>/tunes/<id>/`.
import { appendFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { TuningCheckpoint, TuningEvent, TuningJob, TuningSettings } from "../contracts.ts";
import { StoreError, UsageError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";
import { parseJson } from "../domain/reply-json.ts";
import { writeTextFile } from "../exports/atomic-file.ts";
import { takeLock, type Unlock } from "./tune-lock.ts";

const file = z.object({ path: z.string(), bytes: z.number(), sha256: z.string(), rows: z.number() });

/** A job's record. `jobId` is null until the service answered; `asked` is true once it may have a job. */
export const tuneRecord = z.object({
  version: z.literal(1),
  id: z.string(),
  target: z.string(),
  baseUrl: z.string(),
  keyVariable: z.string(),
  options: z.record(z.string(), z.string()),
  settings: z.looseObject({
    model: z.string(),
    method: z.enum(["sft", "dpo"]),
    extra: z.record(z.string(), z.unknown()),
  }),
  file,
  validation: file.nullable(),
  fileId: z.string().nullable(),
  validationFileId: z.string().nullable(),
  asked: z.boolean(),
  /** Counts from 1; another after a job that failed or was cancelled. */
  attempt: z.number().int(),
  jobId: z.string().nullable(),
  /** Jobs of earlier attempts. */
  earlierJobIds: z.array(z.string()).default([]),
  status: z.string().nullable(),
  state: z.enum(["waiting", "running", "succeeded", "failed", "cancelled"]).nullable(),
  error: z.string().nullable(),
  tunedModel: z.string().nullable(),
  trainedTokens: z.number().nullable(),
  estimateUsd: z.number().nullable(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
});
export type TuneRecord = z.infer<typeof tuneRecord>;

/** The id of what is asked for: the same files, target and settings give the same. */
export function tuneIdOf(asked: {
  readonly target: string;
  readonly baseUrl: string;
  readonly options: Readonly<Record<string, string>>;
  readonly settings: TuningSettings;
  readonly file: string;
  readonly validation: string | null;
}): string {
  return hashOf(asked).slice(0, 12);
}

/** A record that is open for writing by this process alone. */
export interface OpenRecord extends AsyncDisposable {
  readonly folder: string;
  readonly record: TuneRecord;
  /** Changes the record, on disk before it returns. */
  set(change: Partial<TuneRecord>): Promise<void>;
  /** Takes in how the job stands. */
  saw(job: TuningJob, now: string): Promise<void>;
  /** Whether an event of this id was written. */
  knows(eventId: string): boolean;
  /** Writes events that were not written before, and their metrics; gives those back. */
  add(events: readonly TuningEvent[]): Promise<readonly TuningEvent[]>;
  keep(checkpoints: readonly TuningCheckpoint[]): Promise<void>;
}

function tunesFolder(output: string): string {
  return join(output, "tunes");
}

/** Opens the record of an id, making it from `first` where there is none. @throws {UsageError} while another process has it open. */
export async function openRecord(output: string, id: string, first?: () => TuneRecord): Promise<OpenRecord> {
  const folder = join(tunesFolder(output), id);
  await mkdir(folder, { recursive: true });
  const taken = await takeLock(folder);
  if (!("pid" in taken)) return opened(folder, { id, first, unlock: taken });
  throw new UsageError(
    `Another process (pid ${taken.pid}) watches the tuning job ${id}: \`npx tracemill tune status ${id}\` shows how it stands`,
  );
}

/** Opens the record of an id; null while another process has it open. */
export async function openRecordIfFree(output: string, id: string): Promise<OpenRecord | null> {
  const folder = join(tunesFolder(output), id);
  const taken = await takeLock(folder);
  return "pid" in taken ? null : opened(folder, { id, first: undefined, unlock: taken });
}

async function opened(
  folder: string,
  {
    id,
    first,
    unlock,
  }: { readonly id: string; readonly first: (() => TuneRecord) | undefined; readonly unlock: Unlock },
): Promise<OpenRecord> {
  const path = join(folder, "job.json");
  try {
    const known = await readRecord(path);
    let written = known !== null;
    let record = known ?? (first === undefined ? null : first());
    if (record === null) throw unknownTune(id);
    const eventsPath = join(folder, "events.jsonl");
    const metricsPath = join(folder, "metrics.jsonl");
    const seen = await idsIn(eventsPath);
    const measured = await idsIn(metricsPath);
    const write = async (change: Partial<TuneRecord>) => {
      const before = JSON.stringify(record);
      record = { ...(record as TuneRecord), ...change };
      // Flushed to disk, so only what is new: a job is looked at for hours.
      if (JSON.stringify(record) === before && written) return;
      await writeTextFile(path, `${JSON.stringify(record, null, 2)}\n`);
      written = true;
    };
    return {
      folder,
      get record() {
        return record as TuneRecord;
      },
      set: write,
      saw: ({ status, state, error, tunedModel, trainedTokens, id: jobId }, now) =>
        write({
          ...{ jobId, status, state, error, tunedModel, trainedTokens, asked: true },
          ...(["succeeded", "failed", "cancelled"].includes(state) ? { endedAt: record?.endedAt ?? now } : {}),
        }),
      knows: (eventId) => seen.has(eventId),
      async add(events) {
        const fresh = unknownTo(seen, events);
        await appendLines(eventsPath, fresh);
        const numbers = unknownTo(
          measured,
          events.filter(({ metrics }) => metrics !== undefined),
        );
        await appendLines(
          metricsPath,
          numbers.map(({ id: event, at, metrics }) => ({ id: event, at, ...metrics })),
        );
        return fresh;
      },
      keep: (checkpoints) =>
        writeTextFile(join(folder, "checkpoints.json"), `${JSON.stringify(checkpoints, null, 2)}\n`),
      [Symbol.asyncDispose]: unlock,
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** All records, newest first. */
export async function listRecords(output: string): Promise<TuneRecord[]> {
  const ids = await readdir(tunesFolder(output)).catch(() => []);
  const records = await Promise.all(ids.map((id) => readRecord(join(tunesFolder(output), id, "job.json"))));
  return records.filter((record) => record !== null).sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
}

/** The one record whose id begins like this. @throws {UsageError} where none or several do. */
export async function findRecord(output: string, wanted: string | undefined): Promise<TuneRecord> {
  const records = await listRecords(output);
  const [newest] = records;
  if (newest === undefined)
    throw new UsageError(
      `Expected a tuning job in \`${tunesFolder(output)}\`, got none: \`npx tracemill tune <file> --target …\` starts one`,
    );
  if (wanted === undefined || wanted === "latest") return newest;
  const found = records.filter(({ id, jobId }) => id.startsWith(wanted) || jobId === wanted);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  if (found.length > 1)
    throw new UsageError(
      `Expected the id of one tuning job, got \`${wanted}\`, which begins ${found.length}: ${found.map(({ id }) => id).join(", ")}`,
    );
  throw unknownTune(wanted);
}

function unknownTune(id: string): UsageError {
  return new UsageError(`Expected the id of a tuning job, got \`${id}\`: \`npx tracemill tune list\` shows them`);
}

/** The lines of a record's events or metrics. */
export async function linesOf(path: string): Promise<unknown[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  // The last line may be half a one, of a process that was killed.
  return text
    .split("\n")
    .map((line) => parseJson(line))
    .filter((line) => line !== undefined);
}

/** The ids of a file's lines. What was half written when a process was killed is ended, so that the next line is one of its own. */
async function idsIn(path: string): Promise<Set<string>> {
  const text = await readFile(path, "utf8").catch(() => "");
  if (text !== "" && !text.endsWith("\n")) await onDisk(path, () => appendFile(path, "\n"));
  return new Set((await linesOf(path)).map((line) => String((line as { id?: unknown }).id)));
}

/** Those that are not among the known, which they then are. */
function unknownTo(known: Set<string>, events: readonly TuningEvent[]): TuningEvent[] {
  return events.filter(({ id }) => {
    const isNew = !known.has(id);
    known.add(id);
    return isNew;
  });
}

async function appendLines(path: string, values: readonly unknown[]): Promise<void> {
  if (values.length === 0) return;
  await onDisk(path, () => appendFile(path, values.map((value) => `${JSON.stringify(value)}\n`).join("")));
}

async function readRecord(path: string): Promise<TuneRecord | null> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw error;
  });
  if (text === null) return null;
  const read = tuneRecord.safeParse(parseJson(text));
  if (!read.success)
    throw new UsageError(
      `Expected \`${path}\` to be a tuning job's record, got another file: put it back, or remove its folder`,
    );
  return read.data;
}

async function onDisk(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new StoreError(
      `Cannot write ${path}: ${(cause as Error).message}. Free some space, then run the same command again.`,
      { cause },
    );
  }
}
