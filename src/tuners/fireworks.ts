// Fireworks' fine-tuning over REST; there is no client for Node.
import type { Tuner, TunerOptions, TuningJob, TuningService, TuningSettings } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { fireworksUpload } from "./fireworks-upload.ts";
import { again, ask, type HttpOptions, inWords, ServiceError, whenThereIsRoom } from "./http.ts";
import { objectOf, textOf } from "./read.ts";
import { ownProblems, rangeProblems } from "./settings.ts";

const service = "fireworks";
/** Above this a file goes to a signed address; bytes. */
const directUploadBytes = 150 * 1000 ** 2;
const mostRowPasses = 3_000_000;
/** Fields of a preference job that are not of its `trainingConfig`. */
const besideTraining = ["displayName", "lossConfig", "wandbConfig", "awsS3Config"];

export function fireworksTuner(): Tuner {
  return {
    name: service,
    about: "Fireworks fine-tuning (LoRA): --option account=<id>",
    targets: { sft: "fireworks", dpo: "fireworks-dpo" },
    keyVariable: "FIREWORKS_API_KEY",
    baseUrl: "https://api.fireworks.ai/v1",
    options: ["account", "direct-upload-bytes"],
    problems: (settings, { rows, validated = false }) => [
      ...rangeProblems(settings, { epochs: { above: 0 }, learningRate: { above: 0 } }),
      ...(rows * (settings.epochs ?? 1) <= mostRowPasses
        ? []
        : [
            `epochs: expected at most ${mostRowPasses} rows times epochs, got ${rows} times ${settings.epochs ?? 1} (FW-R1)`,
          ]),
      ...(settings.loraRank === undefined || [1, 2, 4, 8, 16, 32].includes(settings.loraRank)
        ? []
        : [`lora-rank: expected a power of two up to 32, got ${settings.loraRank} (FW-R7)`]),
      ...(settings.suffix === undefined || /^[a-z][a-z0-9-]{0,62}$/.test(settings.suffix)
        ? []
        : [
            `suffix: expected a letter, then up to 62 lower-case letters, digits and dashes, got \`${settings.suffix}\` (FW-R8)`,
          ]),
      ...(settings.batchSize === undefined ? [] : ["batch-size: the service no longer takes one; leave it out"]),
      ...(settings.seed === undefined ? [] : ["seed: the service takes none; leave it out"]),
      ...(validated && settings.method === "dpo"
        ? ["validation: the service takes none with preferences; leave it out"]
        : []),
      ...ownProblems(settings.extra, ["dataset", "evaluationDataset", "baseModel", "outputModel"]),
    ],
    // Each message with thinking becomes an example with all that stands before it.
    billedTokens({ expandedTokens }, { epochs = 1 }) {
      return { tokens: Math.ceil(expandedTokens * epochs), epochs };
    },
    open: openService,
  };
}

function openService({ baseUrl, key, keyVariable, pollMs, options, cut }: TunerOptions): TuningService {
  const { account } = options;
  if (account === undefined)
    throw new UsageError("Expected `--option account=<id>` for Fireworks, got none: its addresses name the account");
  const http: HttpOptions = {
    baseUrl: `${baseUrl.replace(/\/+$/, "")}/accounts/${account}`,
    headers: { authorization: `Bearer ${key}` },
    cut,
  };
  const words = (what: string) => ({ what, service, keyVariable });
  const limit = Number(options["direct-upload-bytes"] ?? directUploadBytes);
  const retried = async <T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    try {
      return await again(work, { signal, waitMs: pollMs });
    } catch (error) {
      throw inWords(error, words(what));
    }
  };
  const read = async (path: string, signal: AbortSignal, what: string) =>
    objectOf(await retried(what, signal, async () => (await ask(http, path, { signal })).json()));

  return {
    upload: fireworksUpload(http, { pollMs, limit, retried, read }),
    async create(files, settings, { key: name, signal }) {
      const kind = kindOf(settings);
      const id = `tm-${name}`;
      try {
        const query = `?${kind}Id=${id}`;
        const body = requestOf(account, { files, settings, id });
        const made = await whenThereIsRoom(() => ask(http, `/${kind}s${query}`, { method: "POST", body, signal }), {
          signal,
          waitMs: pollMs,
        });
        return jobOf(await made.json(), kind);
      } catch (error) {
        // Named by what was asked for: the one that has the name is this job, made from another record.
        if (error instanceof ServiceError && error.status === 409)
          return jobOf(await read(`/${kind}s/${id}`, signal, "look at the job that has this name"), kind);
        throw inWords(error, words("create the job"));
      }
    },
    async find(_files, settings, { key: name, signal }) {
      const kind = kindOf(settings);
      try {
        return jobOf(await (await ask(http, `/${kind}s/tm-${name}`, { signal })).json(), kind);
      } catch (error) {
        if (error instanceof ServiceError && error.status === 404) return null;
        throw inWords(error, words("look for the job"));
      }
    },
    async job(id, signal) {
      try {
        return jobOf(
          await (await again(() => ask(http, `/${id}`, { signal }), { signal, waitMs: pollMs })).json(),
          kindOfId(id),
        );
      } catch (error) {
        // It was there once: somebody has deleted it, which is how such a job is cancelled.
        if (error instanceof ServiceError && error.status === 404) return deleted(id);
        throw inWords(error, words("look at the job"));
      }
    },
    // The service has no list of events: its state is all it tells.
    events: async () => [],
    checkpoints: async () => [],
    async cancel(id, signal) {
      try {
        // A job of this kind is deleted, not cancelled.
        await ask(http, `/${id}`, { method: "DELETE", signal });
        return deleted(id);
      } catch (error) {
        throw inWords(error, words("delete the job"));
      }
    },
  };
}

function deleted(id: string): TuningJob {
  return { id, status: "deleted", state: "cancelled", error: null, tunedModel: null, trainedTokens: null };
}

function kindOf({ method }: Pick<TuningSettings, "method">): string {
  return method === "dpo" ? "dpoJob" : "supervisedFineTuningJob";
}

function kindOfId(id: string): string {
  return id.slice(0, id.indexOf("/")).replace(/s$/, "");
}

function requestOf(
  account: string,
  {
    files,
    settings: { model, method, epochs, learningRate, loraRank, suffix, extra },
    id,
  }: {
    readonly files: { readonly training: string; readonly validation: string | null };
    readonly settings: TuningSettings;
    readonly id: string;
  },
): Record<string, unknown> {
  const dataset = (name: string) => `accounts/${account}/datasets/${name}`;
  const training = {
    baseModel: model,
    outputModel: `accounts/${account}/models/${suffix ?? id}`,
    epochs: epochs ?? 1,
    ...(learningRate === undefined ? {} : { learningRate }),
    loraRank: loraRank ?? 8,
  };
  if (method === "dpo") {
    // Such a job keeps all that is about the training in an object of its own.
    const beside = Object.entries(extra).filter(([name]) => besideTraining.includes(name));
    const within = Object.entries(extra).filter(([name]) => !besideTraining.includes(name));
    return {
      dataset: dataset(files.training),
      trainingConfig: { ...training, ...Object.fromEntries(within) },
      ...Object.fromEntries(beside),
    };
  }
  return {
    dataset: dataset(files.training),
    ...(files.validation === null ? {} : { evaluationDataset: dataset(files.validation) }),
    ...training,
    // The split is ours: by source dataset.
    evalAutoCarveout: false,
    ...extra,
  };
}

const states: Readonly<Record<string, TuningJob["state"]>> = {
  CREATING: "waiting",
  VALIDATING: "waiting",
  PENDING: "waiting",
  PAUSED: "waiting",
  RE_QUEUEING: "waiting",
  RUNNING: "running",
  WRITING_RESULTS: "running",
  CANCELLING: "running",
  COMPLETED: "succeeded",
  EARLY_STOPPED: "succeeded",
  FAILED: "failed",
  EXPIRED: "failed",
  CANCELLED: "cancelled",
};

function jobOf(value: unknown, kind: string): TuningJob {
  const job = objectOf(value);
  const status = (textOf(job.state) ?? "JOB_STATE_UNSPECIFIED").replace("JOB_STATE_", "");
  const state = states[status] ?? "running";
  const name = textOf(job.name) ?? "";
  return {
    // Below the account: the service's own name without it.
    id: `${kind}s/${name.slice(name.lastIndexOf("/") + 1)}`,
    status: status.toLowerCase(),
    state,
    error: state === "failed" ? (textOf(objectOf(job.status).message) ?? status.toLowerCase()) : null,
    tunedModel:
      state === "succeeded" ? (textOf(job.outputModel) ?? textOf(objectOf(job.trainingConfig).outputModel)) : null,
    trainedTokens: null,
  };
}
