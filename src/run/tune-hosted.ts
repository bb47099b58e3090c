// A job at a fine-tuning service: checked, priced, confirmed, uploaded, created, watched. Everything it did is in its record, so that it goes on where it stopped.
import { setTimeout as sleep } from "node:timers/promises";
import { count, dollars, duration, harmless, plural } from "../audit/text.ts";
import type { Renderer, Tuner, TuningFile, TuningJob, TuningService, TuningSettings } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import type { TuningPrice } from "../models/prices.ts";
import { processSecrets } from "../telemetry/run-secrets.ts";
import { optionProblems } from "../tuners/settings.ts";
import { expectConsent } from "./consent.ts";
import { expectGoodFiles } from "./tune-check.ts";
import { costOf, outlineOf } from "./tune-cost.ts";
import { type OpenRecord, openRecord, openRecordIfFree, type TuneRecord, tuneIdOf } from "./tune-record.ts";
import { measureTrainingFile } from "./tune-tokens.ts";

export interface HostedTuning {
  readonly tuner: Tuner;
  readonly file: string;
  readonly validation: string | null;
  readonly settings: TuningSettings;
  readonly baseUrl: string;
  readonly keyVariable: string;
  readonly options: Readonly<Record<string, string>>;
  readonly output: string;
  readonly yes: boolean;
  readonly detach: boolean;
  /** Makes another job where the last one of these settings failed or was cancelled. */
  readonly again: boolean;
  readonly pollMs: number;
  readonly prices: readonly TuningPrice[];
  readonly renderer: Renderer;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

/** Starts the job that is asked for, or goes on with it. Returns the exit code: 0 succeeded (or detached), 3 it failed or was cancelled. @throws {UsageError} before anything is sent. */
export async function tuneHosted(asked: HostedTuning): Promise<number> {
  const { tuner, settings, tell, renderer, output, signal } = asked;
  await expectGoodFiles(asked);
  const training = await measureTrainingFile(asked.file, renderer);
  const measured = asked.validation === null ? null : await measureTrainingFile(asked.validation, renderer);
  const validation = measured?.file ?? null;
  const tokens = { ...training.tokens, validationTokens: measured?.tokens.tokens ?? 0 };
  const wrong = [
    ...optionProblems(asked.options, tuner.options),
    ...tuner.problems(settings, { rows: training.file.rows, validated: validation !== null }),
  ];
  if (wrong.length > 0)
    throw new UsageError(
      `Expected settings that ${tuner.name} takes, got:\n${wrong.map((line) => `- --${line}`).join("\n")}`,
    );
  const key = keyOf(asked.keyVariable, tuner);
  const service = openService(asked, key);

  const id = tuneIdOf({
    target: tuner.name,
    ...{ baseUrl: asked.baseUrl, options: asked.options, settings },
    file: training.file.sha256,
    validation: validation?.sha256 ?? null,
  });
  await using opened = await openRecord(output, id, () => firstRecord(asked, { id, file: training.file, validation }));
  const { record } = opened;
  if (record.state !== null && ["failed", "cancelled"].includes(record.state) && asked.again)
    await opened.set({
      ...{ ...unasked, attempt: record.attempt + 1 },
      earlierJobIds: [...record.earlierJobIds, ...(record.jobId === null ? [] : [record.jobId])],
    });
  else if (opened.record.asked) {
    tell(
      `tune ${id}: this command ${record.jobId === null ? "was begun before" : `has made its job before (${record.jobId})`}; going on with it`,
    );
    return await goOn(opened, { asked, service });
  }

  const cost = costOf(asked, tokens);
  for (const line of outlineOf(asked, { file: training.file, validation, tokens, cost })) tell(line);
  await opened.set({ estimateUsd: cost.usd });
  await expectConsent(asked, `Upload ${plural(training.file.rows, "row")} to ${tuner.name} and start the job?`);
  await upload(opened, { service, file: training.file, validation, tell, signal });
  return await create(opened, { asked, service });
}

/** What a record begins with, before anything was sent. */
const unasked = {
  asked: false,
  jobId: null,
  status: null,
  state: null,
  error: null,
  tunedModel: null,
  trainedTokens: null,
  endedAt: null,
} satisfies Partial<TuneRecord>;

function firstRecord(
  { tuner, baseUrl, keyVariable, options, settings }: HostedTuning,
  { id, file, validation }: { readonly id: string; readonly file: TuningFile; readonly validation: TuningFile | null },
): TuneRecord {
  const part = ({ path, bytes, sha256, rows }: TuningFile) => ({ path, bytes, sha256, rows });
  return {
    ...{ version: 1, id, target: tuner.name, baseUrl, keyVariable, options, settings: { ...settings } },
    ...{ file: part(file), validation: validation === null ? null : part(validation) },
    ...{ fileId: null, validationFileId: null, attempt: 1, earlierJobIds: [], estimateUsd: null },
    ...unasked,
    startedAt: new Date().toISOString(),
  };
}

/** The key in a variable. @throws {UsageError} where it holds none. */
export function keyOf(variable: string, { name }: Pick<Tuner, "name">): string {
  const key = process.env[variable]?.trim();
  if (key === undefined || key === "")
    throw new UsageError(
      `Expected the environment variable \`${variable}\` to hold the key for ${name}, got nothing: \`export ${variable}=…\`, or name another with --api-key-env`,
    );
  processSecrets().add(key);
  return key;
}

function openService(
  {
    tuner,
    baseUrl,
    pollMs,
    options,
    keyVariable,
  }: Pick<HostedTuning, "tuner" | "baseUrl" | "pollMs" | "options" | "keyVariable">,
  key: string,
): TuningService {
  return tuner.open({ baseUrl, key, keyVariable, pollMs, options, cut: (text) => processSecrets().cut(text) });
}

async function upload(
  opened: OpenRecord,
  {
    service,
    file,
    validation,
    tell,
    signal,
  }: {
    readonly service: TuningService;
    readonly file: TuningFile;
    readonly validation: TuningFile | null;
    readonly tell: (line: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const send = async (one: TuningFile) => {
    const id = await service.upload(one, { signal, tell: (line) => tell(`upload    ${line}`) });
    tell(`upload    ${one.path} is there as ${id}`);
    return id;
  };
  if (opened.record.fileId === null) await opened.set({ fileId: await send(file) });
  if (validation !== null && opened.record.validationFileId === null)
    await opened.set({ validationFileId: await send(validation) });
}

function filesOf({ fileId, validationFileId }: TuneRecord) {
  if (fileId === null) throw new Error("Expected an uploaded file in the record, got none");
  return { training: fileId, validation: validationFileId };
}

function jobKey({ id, attempt }: TuneRecord): string {
  return attempt === 1 ? id : `${id}-${attempt}`;
}

function lookedFor(record: TuneRecord) {
  return { key: jobKey(record), earlier: record.earlierJobIds };
}

interface Doing {
  readonly asked: Pick<HostedTuning, "tuner" | "detach" | "pollMs" | "signal" | "tell" | "settings"> &
    Partial<Pick<HostedTuning, "yes">>;
  readonly service: TuningService;
}

async function create(opened: OpenRecord, { asked, service }: Doing): Promise<number> {
  const { settings, signal, tell } = asked;
  const { record } = opened;
  const files = filesOf(record);
  const told = await service.estimate?.(files, settings, signal);
  if (told !== undefined && told !== null) {
    tell(`price     ${told.usd === null ? told.why : `${dollars(told.usd)}, ${told.why}`}`);
    // Agreed to was the price that was known by then.
    const isNews = told.usd !== null && told.usd > (record.estimateUsd ?? -1);
    if (told.usd !== null && isNews && asked.yes === false)
      await expectConsent({ yes: false }, `Start the job at ${dollars(told.usd)}?`);
    if (told.usd !== null) await opened.set({ estimateUsd: told.usd });
  }
  // Written before it is asked for: whoever comes after a kill looks for the job first.
  await opened.set({ asked: true });
  const job = await service.create(files, settings, { key: jobKey(record), signal }).catch(async (error: unknown) => {
    // Refused: there is no job to look for.
    if (error instanceof UsageError) await opened.set({ asked: false });
    throw error;
  });
  await opened.saw(job, new Date().toISOString());
  tell(`job       ${job.id} ${job.status}`);
  return watch(opened, { asked, service });
}

/** Goes on with a job that was asked for before. */
export async function goOn(opened: OpenRecord, { asked, service }: Doing): Promise<number> {
  const { record } = opened;
  if (record.jobId === null) {
    const found = await service.find(filesOf(record), asked.settings, { ...lookedFor(record), signal: asked.signal });
    if (found === null) {
      asked.tell("find      no job was made: the command was stopped before the service had it");
      await opened.set({ asked: false });
      return create(opened, { asked, service });
    }
    asked.tell(`job       ${found.id} was made before and is found again`);
    await opened.saw(found, new Date().toISOString());
  } else asked.tell(`job       ${record.jobId} ${record.status ?? ""}`);
  return watch(opened, { asked, service });
}

async function watch(opened: OpenRecord, { asked, service }: Doing): Promise<number> {
  const { signal, tell, detach, pollMs } = asked;
  const id = opened.record.jobId as string;
  let said = opened.record.status;
  for (;;) {
    const job = await service.job(id, signal);
    await opened.saw(job, new Date().toISOString());
    for (const event of await opened.add(await service.events(id, { signal, isKnown: opened.knows })))
      tell(
        `${event.level === "error" ? "error" : "event"}     ${harmless(event.message)}${metricsText(event.metrics)}`,
      );
    if (job.status !== said) tell(`status    ${job.status}`);
    said = job.status;
    if (job.state !== "waiting" && job.state !== "running") {
      await opened.keep(await service.checkpoints(id, signal));
      return ended(opened, job, tell);
    }
    if (detach) {
      tell(`The job goes on at the service: npx tracemill tune resume ${opened.record.id} watches it`);
      return 0;
    }
    await sleep(pollMs, undefined, { signal });
  }
}

function metricsText(metrics: Readonly<Record<string, number>> | undefined): string {
  if (metrics === undefined) return "";
  return ` (${Object.entries(metrics)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(5))}`)
    .join(", ")})`;
}

function ended(
  opened: OpenRecord,
  { state, error, tunedModel, trainedTokens }: TuningJob,
  tell: (line: string) => void,
): number {
  const { startedAt, endedAt, id } = opened.record;
  const took = duration((Date.parse(endedAt ?? startedAt) - Date.parse(startedAt)) / 1000);
  const tokens = trainedTokens === null ? "" : `, ${count(trainedTokens)} tokens trained`;
  if (state === "succeeded") {
    tell(`done      ${tunedModel ?? "the service names no model"} after ${took}${tokens}`);
    tell(`          ${opened.folder} has the job, its events, metrics and checkpoints`);
    return 0;
  }
  tell(
    `${state.padEnd(10)}${error === null ? "the service gives no reason" : harmless(error)}. The same command with --again makes another job (tune ${id})`,
  );
  return 3;
}

/** Opens the service of a record, to ask it again. */
export function serviceOf(record: TuneRecord, tuner: Tuner, pollMs: number): TuningService {
  const { baseUrl, options, keyVariable } = record;
  return openService({ tuner, baseUrl, pollMs, options, keyVariable }, keyOf(keyVariable, tuner));
}

/** Ends a job at its service, also while another process watches it, which then writes that down. @throws {UsageError} where there is no job. */
export async function cancelJob(
  record: TuneRecord,
  {
    service,
    output,
    signal,
  }: { readonly service: TuningService; readonly output: string; readonly signal: AbortSignal },
): Promise<TuningJob> {
  const settings = record.settings as TuningSettings;
  const id =
    record.jobId ??
    (record.asked ? (await service.find(filesOf(record), settings, { ...lookedFor(record), signal }))?.id : null) ??
    null;
  if (id === null) throw new UsageError(`Expected a job to cancel, got ${record.id}, which has none`);
  const job = await service.cancel(id, signal);
  await using opened = await openRecordIfFree(output, record.id);
  await opened?.saw(job, new Date().toISOString());
  return job;
}
