import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { exitCodes } from "../archive/run-end.ts";
import { suggestion } from "../config/explain.ts";
import type { Renderer, Tuner, TuningSettings } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { encodingRenderer } from "../exports/render/encoding.ts";
import { expectConsent } from "../run/consent.ts";
import { readTuningPrices } from "../run/read-prices.ts";
import { tuneByCommand } from "../run/tune-command.ts";
import { tuneHosted } from "../run/tune-hosted.ts";
import { tuneLocally } from "../run/tune-local.ts";
import { openRecord, type TuneRecord, tuneIdOf } from "../run/tune-record.ts";
import { measureTrainingFile } from "../run/tune-tokens.ts";
import { processSecrets } from "../telemetry/run-secrets.ts";
import { tuners } from "../tuners/index.ts";
import { localTrainers } from "../tuners/local/index.ts";
import { type RendererArguments, rendererOf, rendererOptions } from "./renderer-options.ts";
import { actOn, type Doing, pollMsOf, verbs } from "./tune-verbs.ts";

interface TuneArguments extends RendererArguments {
  readonly what: string;
  readonly id?: string | undefined;
  readonly output: string;
  readonly target?: string | undefined;
  readonly validation?: string | undefined;
  readonly model?: string | undefined;
  readonly method: "sft" | "dpo";
  readonly epochs?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly batchSize?: number | undefined;
  readonly loraRank?: number | undefined;
  readonly seed?: number | undefined;
  readonly suffix?: string | undefined;
  readonly set: readonly string[];
  readonly option: readonly string[];
  readonly baseUrl?: string | undefined;
  readonly apiKeyEnv?: string | undefined;
  readonly prices?: string | undefined;
  readonly command?: string | undefined;
  readonly to?: string | undefined;
  readonly launch?: "here" | "ssh" | "container" | undefined;
  readonly host?: string | undefined;
  readonly image?: string | undefined;
  readonly yes: boolean;
  readonly detach: boolean;
  readonly again: boolean;
  readonly pollSeconds: number;
  readonly json: boolean;
}

const commandTarget = "command";
const targetNames = () => [...tuners.map(({ name }) => name), commandTarget, ...localTrainers.map(({ name }) => name)];

export function builder(argv: Argv): Argv {
  return rendererOptions(
    argv
      .positional("what", {
        type: "string",
        demandOption: true,
        describe: "A training file; or list, status, events, cancel, resume",
      })
      .positional("id", {
        type: "string",
        describe: "With status, events, cancel, resume: a job's id; the newest otherwise",
      })
      .option("target", { type: "string", requiresArg: true, describe: `Where to tune: ${targetNames().join(", ")}` })
      .option("validation", { type: "string", requiresArg: true, describe: "A validation file of the same format" })
      .option("model", { type: "string", requiresArg: true, describe: "The model to tune, in the service's words" })
      .option("method", {
        choices: ["sft", "dpo"] as const,
        default: "sft" as const,
        describe: "Supervised, or preferences",
      })
      .option("epochs", { type: "number", requiresArg: true, describe: "Passes over the file" })
      .option("learning-rate", { type: "number", requiresArg: true, describe: "Learning rate" })
      .option("batch-size", { type: "number", requiresArg: true, describe: "Examples a step" })
      .option("lora-rank", { type: "number", requiresArg: true, describe: "Rank of the LoRA adapter" })
      .option("seed", { type: "number", requiresArg: true, describe: "Seed of the training" })
      .option("suffix", { type: "string", requiresArg: true, describe: "Part of the tuned model's name" })
      .option("set", {
        type: "string",
        array: true,
        nargs: 1,
        default: [] as string[],
        describe: "Any other field of the service's request, or of a trainer's config: --set key=value (repeatable)",
      })
      .option("option", {
        type: "string",
        array: true,
        nargs: 1,
        default: [] as string[],
        describe: "What a service needs besides: account=<id> (fireworks), api-version=…, training-type=… (azure)",
      })
      .option("base-url", {
        type: "string",
        requiresArg: true,
        describe: "The service's address, where it is not the usual one",
      })
      .option("api-key-env", { type: "string", requiresArg: true, describe: "The variable that holds the key" })
      .option("prices", {
        type: "string",
        requiresArg: true,
        describe: "A file of prices with `tuning:` (docs/tuning.md)",
      })
      .option("command", { type: "string", requiresArg: true, describe: "With --target command: what to run" })
      .option("to", { type: "string", requiresArg: true, describe: "With a trainer: the folder to write" })
      .option("launch", { choices: ["here", "ssh", "container"] as const, describe: "With a trainer: run the folder" })
      .option("host", { type: "string", requiresArg: true, describe: "With --launch ssh: user@machine" })
      .option("image", {
        type: "string",
        requiresArg: true,
        describe: "With --launch container: the image that has the trainer",
      })
      .option("yes", { type: "boolean", default: false, describe: "Do not ask before money is spent" })
      .option("detach", { type: "boolean", default: false, describe: "Do not wait for the job's end" })
      .option("again", { type: "boolean", default: false, describe: "Make another job where the last one failed" })
      .option("poll-seconds", { type: "number", default: 10, describe: "How often to look at the job" })
      .option("json", { type: "boolean", default: false, describe: "With list, status, events: print JSON" }),
  );
}

export async function handler(args: ArgumentsCamelCase<TuneArguments>): Promise<void> {
  const abort = new AbortController();
  let watching: string | null = null;
  const stop = () => abort.abort(new Error("interrupted"));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const tell = (line: string) => {
    watching = /^job {7}(\S+)/.exec(line)?.[1] ?? watching;
    process.stdout.write(`${processSecrets().cut(line)}\n`);
  };
  try {
    process.exitCode = await tune(args, { tell, signal: abort.signal });
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    tell(
      watching === null
        ? "Stopped. The same command goes on from here."
        : `Stopped watching; the job ${watching} goes on at the service. The same command, or \`npx tracemill tune resume\`, watches it again; \`npx tracemill tune cancel\` ends it.`,
    );
    process.exitCode = exitCodes.interrupted;
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

async function tune(args: TuneArguments, doing: Doing): Promise<number> {
  const verb = verbs.find((one) => one === args.what);
  const isFile = await stat(args.what).then(
    () => true,
    () => false,
  );
  if (verb !== undefined && !isFile) return actOn(verb, args, doing);
  if (!isFile) {
    const near = suggestion(args.what, [...verbs], "");
    throw new UsageError(
      `Expected a training file, or one of ${verbs.join(", ")}, got \`${args.what}\`${near === "" ? ": there is no such file" : near}`,
    );
  }
  const { target } = args;
  const names = targetNames();
  if (target === undefined || !names.includes(target))
    throw new UsageError(
      `Expected --target to say where to tune, got \`${target ?? "nothing"}\`${target === undefined ? `: one of ${names.join(", ")}` : suggestion(target, names, `: one of ${names.join(", ")}`)}`,
    );
  const tuner = tuners.find(({ name }) => name === target);
  if (tuner !== undefined) return startHosted(tuner, args, doing);
  return target === commandTarget ? startCommand(args, doing) : startLocal(target, args, doing);
}

function settingsOf(args: TuneArguments, model: string): TuningSettings {
  const { method, epochs, learningRate, batchSize, loraRank, seed, suffix } = args;
  const given = { epochs, learningRate, batchSize, loraRank, seed, suffix };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { model, method, ...set, extra: pairs(args.set, "--set", parse) };
}

/** `key=value` texts as an object. */
function pairs<T>(texts: readonly string[], option: string, read: (text: string) => T): Record<string, T> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new UsageError(`Expected ${option} key=value, got \`${text}\``);
      return [text.slice(0, at), read(text.slice(at + 1))];
    }),
  );
}

const ofTrainers = ["to", "launch", "host", "image"] as const;

/** @throws {UsageError} for an option that means nothing at this target: nothing is left unheard. */
function expectNone(args: TuneArguments, target: string, names: readonly (keyof TuneArguments)[]): void {
  for (const name of names) {
    const value = args[name];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(
      `Expected no --${option} with --target ${target}, got \`${String(value)}\`: it means nothing there, leave it out`,
    );
  }
}

async function rendererFor(args: TuneArguments): Promise<Renderer> {
  return (await rendererOf(args)) ?? encodingRenderer("o200k_base");
}

async function startHosted(tuner: Tuner, args: TuneArguments, { tell, signal }: Doing): Promise<number> {
  expectNone(args, tuner.name, ["command", ...ofTrainers]);
  const { model, baseUrl = tuner.baseUrl } = args;
  if (model === undefined) throw new UsageError(`Expected --model, the model that ${tuner.name} shall tune, got none`);
  if (baseUrl === null) throw new UsageError(`Expected --base-url for ${tuner.name}, got none: ${tuner.about}`);
  if (!URL.canParse(baseUrl)) throw new UsageError(`Expected --base-url to be an address, got \`${baseUrl}\``);
  return tuneHosted({
    ...{ tuner, baseUrl, tell, signal, yes: args.yes, detach: args.detach, again: args.again },
    file: args.what,
    validation: args.validation ?? null,
    settings: settingsOf(args, model),
    keyVariable: args.apiKeyEnv ?? tuner.keyVariable,
    options: pairs(args.option, "--option", String),
    output: resolve(args.output),
    pollMs: pollMsOf(args),
    prices: await readTuningPrices(args.prices),
    renderer: await rendererFor(args),
  });
}

async function startCommand(args: TuneArguments, { tell, signal }: Doing): Promise<number> {
  expectNone(args, commandTarget, ["option", "baseUrl", "apiKeyEnv", "prices", ...ofTrainers]);
  const { command, model = "" } = args;
  if (command === undefined)
    throw new UsageError(
      'Expected --command with --target command, got none: --command "python train.py" (docs/tuning.md says what it is told)',
    );
  const renderer = await rendererFor(args);
  const { file } = await measureTrainingFile(args.what, renderer);
  const validation = args.validation === undefined ? null : (await measureTrainingFile(args.validation, renderer)).file;
  const settings = { ...settingsOf(args, model), extra: { ...pairs(args.set, "--set", parse), command } };
  const asked = { target: commandTarget, baseUrl: "", options: {}, settings };
  const id = tuneIdOf({ ...asked, file: file.sha256, validation: validation?.sha256 ?? null });
  await using opened = await openRecord(
    resolve(args.output),
    id,
    (): TuneRecord => ({
      ...{
        ...asked,
        version: 1,
        id,
        keyVariable: "",
        file,
        validation,
        fileId: null,
        validationFileId: null,
        attempt: 1,
        earlierJobIds: [],
      },
      ...{ asked: false, jobId: null, status: null, state: null, error: null, tunedModel: null, trainedTokens: null },
      ...{ estimateUsd: null, startedAt: new Date().toISOString(), endedAt: null },
    }),
  );
  const { state } = opened.record;
  if (state === "succeeded" && !args.again) {
    tell(
      `tune ${id}: this command has trained before; what it made is in ${join(opened.folder, "out")}. --again trains again`,
    );
    return 0;
  }
  if (state === "failed" && !args.again) {
    tell(`failed    ${opened.record.error ?? "it failed"}. The same command with --again runs it again (tune ${id})`);
    return 3;
  }
  const confirm = () => expectConsent(args, `Run \`${command}\`?`);
  return tuneByCommand(opened, { command, file, validation, settings, signal, tell, confirm });
}

async function startLocal(trainer: string, args: TuneArguments, { tell, signal }: Doing): Promise<number> {
  return tuneLocally({
    ...{
      trainer,
      file: args.what,
      validation: args.validation ?? null,
      model: args.model ?? null,
      to: args.to ?? null,
    },
    ...{ launch: args.launch ?? null, host: args.host ?? null, image: args.image ?? null },
    settings: settingsOf(args, args.model ?? ""),
    renderer: await rendererOf(args),
    ...{ output: resolve(args.output), maxTokens: args.maxTokens ?? null, tell, signal },
  });
}
