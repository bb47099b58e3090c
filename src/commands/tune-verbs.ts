// list, status, events, cancel and resume: what is done with a tuning job that was begun.
import { join, resolve } from "node:path";
import { count, dollars, harmless, table } from "../audit/text.ts";
import type { TuningSettings } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { cancelJob, goOn, serviceOf } from "../run/tune-hosted.ts";
import { findRecord, linesOf, listRecords, openRecord, type TuneRecord } from "../run/tune-record.ts";
import { tuners } from "../tuners/index.ts";

export const verbs = ["list", "status", "events", "cancel", "resume"] as const;

export interface VerbArguments {
  readonly id?: string | undefined;
  readonly output: string;
  readonly detach: boolean;
  readonly pollSeconds: number;
  readonly json: boolean;
}

/** How a command says what it does, and when it has to end. */
export interface Doing {
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
}

/** @throws {UsageError} for what is no number of seconds above 0. */
export function pollMsOf({ pollSeconds }: Pick<VerbArguments, "pollSeconds">): number {
  if (!(pollSeconds > 0))
    throw new UsageError(`Expected --poll-seconds to be a number above 0, got \`${pollSeconds}\``);
  return pollSeconds * 1000;
}

/** Does what a verb asks for. Returns the exit code. */
export async function actOn(
  verb: (typeof verbs)[number],
  args: VerbArguments,
  { tell, signal }: Doing,
): Promise<number> {
  const output = resolve(args.output);
  if (verb === "list") {
    const records = await listRecords(output);
    process.stdout.write(args.json ? `${JSON.stringify(records, null, 2)}\n` : `${listPage(records)}\n`);
    return 0;
  }
  const record = await findRecord(output, args.id);
  const folder = join(output, "tunes", record.id);
  if (verb === "events") {
    const events = (await linesOf(join(folder, "events.jsonl"))) as { at?: string; level?: string; message?: string }[];
    const page = events.map(({ at, level, message }) => `${at ?? ""}  ${level ?? ""}  ${harmless(message ?? "")}`);
    process.stdout.write(
      args.json ? `${JSON.stringify(events, null, 2)}\n` : `${page.join("\n") || "No events yet."}\n`,
    );
    return 0;
  }
  const tuner = tuners.find(({ name }) => name === record.target);
  if (tuner === undefined) {
    if (verb === "status") {
      process.stdout.write(args.json ? `${JSON.stringify(record, null, 2)}\n` : `${statusPage(record, folder)}\n`);
      return 0;
    }
    throw new UsageError(
      `Expected a job at a service, got one of \`--target ${record.target}\`, which ends with its command: run that again`,
    );
  }
  const service = serviceOf(record, tuner, pollMsOf(args));
  if (verb === "status") {
    const job = record.jobId === null ? null : await service.job(record.jobId, signal);
    const shown: TuneRecord = job === null ? record : { ...record, ...job, id: record.id, jobId: job.id };
    process.stdout.write(args.json ? `${JSON.stringify(shown, null, 2)}\n` : `${statusPage(shown, folder)}\n`);
    return 0;
  }
  if (verb === "cancel") {
    const { id, status } = await cancelJob(record, { service, output, signal });
    tell(`job       ${id} ${status}`);
    return 0;
  }
  await using opened = await openRecord(output, record.id);
  if (!record.asked)
    throw new UsageError(
      `Expected a job that was begun, got ${record.id}, which was only prepared: run its command again`,
    );
  return goOn(opened, {
    asked: {
      tuner,
      settings: record.settings as TuningSettings,
      tell,
      signal,
      detach: args.detach,
      pollMs: pollMsOf(args),
    },
    service,
  });
}

function listPage(records: readonly TuneRecord[]): string {
  if (records.length === 0) return "No tuning jobs yet: `npx tracemill tune <file> --target …` starts one.";
  return table(
    records.map(({ id, target, settings, status, state, startedAt, jobId, tunedModel }) => [
      id,
      target,
      settings.model,
      status ?? state ?? "prepared",
      startedAt.slice(0, 16).replace("T", " "),
      tunedModel ?? jobId ?? "",
    ]),
  );
}

function statusPage(record: TuneRecord, folder: string): string {
  const { id, target, settings, file, jobId, status, error, tunedModel, trainedTokens, estimateUsd } = record;
  const rows: [string, string][] = [
    ["tune", id],
    ["service", `${target}, ${settings.model}`],
    ["file", `${file.path} (${count(file.rows)} rows)`],
    ["job", jobId ?? "none yet"],
    ["status", status ?? "prepared"],
    ...(error === null ? [] : [["error", harmless(error)] as [string, string]]),
    ...(tunedModel === null ? [] : [["model", tunedModel] as [string, string]]),
    ...(trainedTokens === null ? [] : [["trained", `${count(trainedTokens)} tokens`] as [string, string]]),
    ...(estimateUsd === null ? [] : [["estimate", dollars(estimateUsd)] as [string, string]]),
    ["record", folder],
  ];
  return table(rows);
}
