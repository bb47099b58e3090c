// Together AI's fine-tuning API: prices and jobs.
import type {
  Tuner,
  TunerOptions,
  TuningEstimate,
  TuningEvent,
  TuningFiles,
  TuningJob,
  TuningService,
  TuningSettings,
} from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { again, ask, type HttpOptions, inWords, ServiceError, whenThereIsRoom } from "./http.ts";
import { listOf, numberOf, numbersOf, objectOf, textOf } from "./read.ts";
import { ownProblems, rangeProblems } from "./settings.ts";
import { togetherUpload } from "./together-upload.ts";

/** TG-R14's 40 characters, less those by which a job is found again. */
const longestSuffix = 24;
/** Above this a file goes up in parts; bytes. */
const singleUploadBytes = 5 * 1000 ** 3;
const service = "together";
/** What a price is asked for with; it knows no other fields of a job. */
const pricedFields = [
  "training_file",
  "validation_file",
  "model",
  "n_epochs",
  "n_evals",
  "training_method",
  "training_type",
  "from_checkpoint",
];

export function togetherTuner(): Tuner {
  return {
    name: service,
    about: "Together AI fine-tuning (LoRA): upload, price, job, checkpoints",
    targets: { sft: "together", dpo: "together-preference" },
    keyVariable: "TOGETHER_API_KEY",
    baseUrl: "https://api.together.xyz/v1",
    options: ["single-upload-bytes"],
    problems: (settings) => [
      ...rangeProblems(settings, {
        epochs: { least: 1, whole: true },
        batchSize: { least: 1, whole: true },
        learningRate: { above: 0 },
        loraRank: { least: 1, whole: true },
      }),
      ...(settings.suffix === undefined || (settings.suffix.length >= 1 && settings.suffix.length <= longestSuffix)
        ? []
        : [`suffix: expected 1 to ${longestSuffix} characters, got ${settings.suffix.length} (TG-R14)`]),
      ...ownProblems(settings.extra, ["suffix", "training_file", "validation_file"]),
    ],
    // One evaluation over the validation file where no other number is set. Unpacked, each row is as long as the longest that is allowed.
    billedTokens({ rows, tokens, longest, validationTokens }, { epochs = 1, extra }) {
      const inEpoch = extra.packing === false ? rows * (numberOf(extra.max_seq_length) ?? longest) : tokens;
      return { tokens: inEpoch * epochs + validationTokens * (numberOf(extra.n_evals) ?? 1), epochs };
    },
    open: openService,
  };
}

function openService({ baseUrl, key, keyVariable, pollMs, options, cut }: TunerOptions): TuningService {
  const http: HttpOptions = { baseUrl, headers: { authorization: `Bearer ${key}` }, cut };
  const words = (what: string) => ({ what, service, keyVariable });
  const limit = Number(options["single-upload-bytes"] ?? singleUploadBytes);
  const retried = async <T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    try {
      return await again(work, { signal, waitMs: pollMs });
    } catch (error) {
      throw inWords(error, words(what));
    }
  };
  const read = (path: string, signal: AbortSignal, what: string) =>
    retried(what, signal, async () => (await ask(http, path, { signal })).json() as Promise<unknown>);

  /** What was measured, each step an event; none where the service has no such list. */
  async function metricsOf(id: string, signal: AbortSignal): Promise<TuningEvent[]> {
    const told = await read(`/fine-tunes/${id}/metrics`, signal, "read metrics").catch((error: unknown) => {
      if (error instanceof UsageError && (error.cause as ServiceError | undefined)?.status === 404) return {};
      throw error;
    });
    return listOf(objectOf(told).metrics).map((metrics, index) => ({
      ...{ id: `metrics ${String(metrics.step ?? index)}`, at: null, level: "info", message: "measured" },
      metrics: numbersOf(metrics),
    }));
  }

  return {
    upload: togetherUpload(http, { pollMs, limit, retried }),
    async estimate(files, settings, signal) {
      try {
        const asked = Object.entries(requestOf(files, settings, "")).filter(([name]) => pricedFields.includes(name));
        const body = Object.fromEntries(asked);
        const path = "/fine-tunes/estimate-price";
        const price = () => ask(http, path, { method: "POST", body, signal });
        return estimateOf(objectOf(await (await again(price, { signal, waitMs: pollMs })).json()));
      } catch (error) {
        // A price is a courtesy: a service that gives none is no reason not to go on.
        if (error instanceof ServiceError && error.status < 500 && error.status !== 401)
          return { usd: null, why: `Together AI gives no price: it answered ${error.status}, ${error.message}` };
        throw inWords(error, words("ask for the price"));
      }
    },
    async create(files, settings, { key: name, signal }) {
      try {
        const body = requestOf(files, settings, name);
        const made = await whenThereIsRoom(() => ask(http, "/fine-tunes", { method: "POST", body, signal }), {
          signal,
          waitMs: pollMs,
        });
        return jobOf(await made.json());
      } catch (error) {
        throw inWords(error, words("create the job"));
      }
    },
    async find(files, settings, { key: name, signal }) {
      const jobs = listOf(objectOf(await read("/fine-tunes", signal, "list jobs")).data);
      const suffix = suffixOf(settings.suffix, name);
      const mine = jobs.find((job) => job.training_file === files.training && job.suffix === suffix);
      return mine === undefined ? null : jobOf(mine);
    },
    job: async (id, signal) => jobOf(await read(`/fine-tunes/${id}`, signal, "look at the job")),
    async events(id, { signal }) {
      const found = listOf(objectOf(await read(`/fine-tunes/${id}/events`, signal, "read events")).data);
      return [...found.map(eventOf), ...(await metricsOf(id, signal))];
    },
    async checkpoints(id, signal) {
      const found = listOf(objectOf(await read(`/fine-tunes/${id}/checkpoints`, signal, "read checkpoints")).data);
      return found.map((checkpoint) => ({
        id: textOf(checkpoint.path) ?? textOf(checkpoint.id) ?? `step ${String(checkpoint.step ?? "")}`,
        step: numberOf(checkpoint.step),
        model: textOf(checkpoint.path),
        metrics: numbersOf(objectOf(checkpoint.metrics)),
      }));
    },
    async cancel(id, signal) {
      try {
        return jobOf(await (await ask(http, `/fine-tunes/${id}/cancel`, { method: "POST", signal })).json());
      } catch (error) {
        throw inWords(error, words("cancel the job"));
      }
    },
  };
}

/** The suffix of a job: by it the job is found again. */
function suffixOf(suffix: string | undefined, name: string): string {
  return `${suffix ?? "tm"}-${name}`;
}

function requestOf(
  files: TuningFiles,
  { model, method, epochs, learningRate, batchSize, loraRank = 8, seed, suffix, extra }: TuningSettings,
  name: string,
): Record<string, unknown> {
  return {
    model,
    training_file: files.training,
    ...(files.validation === null ? {} : { validation_file: files.validation, n_evals: 1 }),
    n_epochs: epochs ?? 1,
    batch_size: batchSize ?? "max",
    ...(learningRate === undefined ? {} : { learning_rate: learningRate }),
    training_type: { type: "Lora", lora_r: loraRank, lora_alpha: loraRank * 2, lora_trainable_modules: "all-linear" },
    training_method: method === "dpo" ? { method: "dpo" } : { method: "sft", train_on_inputs: "auto" },
    ...(seed === undefined ? {} : { random_seed: seed }),
    suffix: suffixOf(suffix, name),
    ...extra,
  };
}

function estimateOf(told: Record<string, unknown>): TuningEstimate {
  if (told.estimation_available !== true)
    return { usd: null, why: `Together AI gives no price: ${textOf(told.unavailable_reason) ?? "no reason given"}` };
  const usd = numberOf(told.estimated_total_price);
  if (told.allowed_to_proceed === false) {
    const limit = numberOf(told.user_limit);
    throw new UsageError(
      `Together AI does not let this account start the job: it would cost ${usd === null ? "more" : `$${usd}`}${limit === null ? "" : ` and the account's limit is $${limit}`}. Raise the limit there, or train on less; no job was made`,
    );
  }
  return { usd, why: "Together AI's own estimate" };
}

const states: Readonly<Record<string, TuningJob["state"]>> = {
  pending: "waiting",
  queued: "waiting",
  running: "running",
  compressing: "running",
  uploading: "running",
  cancel_requested: "running",
  cancelled: "cancelled",
  completed: "succeeded",
  error: "failed",
  user_error: "failed",
};

function jobOf(value: unknown): TuningJob {
  const job = objectOf(value);
  const status = textOf(job.status) ?? "unknown";
  const state = states[status] ?? "running";
  return {
    id: textOf(job.id) ?? "",
    status,
    state,
    error:
      state === "failed"
        ? (listOf(job.events)
            .map(({ message }) => textOf(message))
            .at(-1) ?? status)
        : null,
    tunedModel: state === "succeeded" ? (textOf(job.model_output_name) ?? textOf(job.output_name)) : null,
    trainedTokens: numberOf(job.token_count),
  };
}

function eventOf(event: Record<string, unknown>, index: number): TuningEvent {
  return {
    // Events have no id of their own; their time and words are what they are.
    id:
      textOf(event.hash) ??
      `${textOf(event.created_at) ?? index} ${textOf(event.type) ?? ""} ${textOf(event.message) ?? ""}`,
    at: textOf(event.created_at),
    level: textOf(event.level) ?? "info",
    message: textOf(event.message) ?? textOf(event.type) ?? "",
  };
}
