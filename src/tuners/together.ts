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
import { again, ask, type HttpOptions, inWords, ServiceError } from "./http.ts";
import { listOf, numbersOf, objectOf, textOf } from "./read.ts";
import { ownProblems, rangeProblems } from "./settings.ts";
import { togetherUpload } from "./together-upload.ts";

/** TG-R14's 40 characters, less those by which a job is found again. */
const longestSuffix = 24;
/** Above this a file goes up in parts; bytes. */
const singleUploadBytes = 5 * 1000 ** 3;
const service = "together";

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
      ...(settings.suffix === undefined || settings.suffix.length <= longestSuffix
        ? []
        : [`suffix: expected at most ${longestSuffix} characters, got ${settings.suffix.length} (TG-R14)`]),
      ...ownProblems(settings.extra, ["suffix", "training_file", "validation_file"]),
    ],
    // One evaluation over the validation file, as it is asked for.
    billedTokens({ tokens, validationTokens }, { epochs = 1 }) {
      return { tokens: tokens * epochs + validationTokens, epochs };
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
        const body = { ...requestOf(files, settings, ""), from_checkpoint: undefined, suffix: undefined };
        const told = objectOf(
          await (await ask(http, "/fine-tunes/estimate-price", { method: "POST", body, signal })).json(),
        );
        return estimateOf(told);
      } catch (error) {
        // A price is a courtesy: a service that gives none is no reason not to go on.
        if (error instanceof ServiceError && error.status < 500 && error.status !== 401) return null;
        throw inWords(error, words("ask for the price"));
      }
    },
    async create(files, settings, { key: name, signal }) {
      try {
        const body = requestOf(files, settings, name);
        return jobOf(await (await ask(http, "/fine-tunes", { method: "POST", body, signal })).json());
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
    async events(id, signal) {
      const found = listOf(objectOf(await read(`/fine-tunes/${id}/events`, signal, "read events")).data);
      return [...found.map(eventOf), ...(await metricsOf(id, signal))];
    },
    async checkpoints(id, signal) {
      const found = listOf(objectOf(await read(`/fine-tunes/${id}/checkpoints`, signal, "read checkpoints")).data);
      return found.map((checkpoint) => ({
        id: textOf(checkpoint.path) ?? textOf(checkpoint.id) ?? `step ${String(checkpoint.step ?? "")}`,
        step: typeof checkpoint.step === "number" ? checkpoint.step : null,
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
  const usd = typeof told.estimated_total_price === "number" ? told.estimated_total_price : null;
  const limit =
    told.allowed_to_proceed === false
      ? `; it says that the account's limit${typeof told.user_limit === "number" ? ` of $${told.user_limit}` : ""} does not hold it`
      : "";
  return { usd, why: `Together AI's own estimate${limit}` };
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
    trainedTokens: typeof job.token_count === "number" ? job.token_count : null,
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
