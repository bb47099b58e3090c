// Together AI's fine-tuning API. Its upload is our own: the official client's does not work on Node.
import { openAsBlob } from "node:fs";
import { open } from "node:fs/promises";
import { basename, extname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  Tuner,
  TunerOptions,
  TuningEstimate,
  TuningEvent,
  TuningFile,
  TuningFiles,
  TuningJob,
  TuningService,
  TuningSettings,
} from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { again, ask, type HttpOptions, inWords, ServiceError } from "./http.ts";
import { listOf, numbersOf, objectOf, textOf } from "./read.ts";
import { rangeProblems } from "./settings.ts";
import { reportProblems } from "./together-report.ts";

const longestSuffix = 40;
/** Above this a file goes up in parts; bytes. */
const singleUploadBytes = 5 * 1000 ** 3;
const partBytes = 250 * 1000 ** 2;
const service = "together";
const keyVariable = "TOGETHER_API_KEY";

export function togetherTuner(): Tuner {
  return {
    name: service,
    about: "Together AI fine-tuning (LoRA): upload, price, job, checkpoints",
    targets: { sft: "together", dpo: "together-preference" },
    keyVariable,
    baseUrl: "https://api.together.xyz/v1",
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
    ],
    billedTokens({ tokens }, { epochs = 1 }) {
      return { tokens: tokens * epochs, epochs };
    },
    open: openService,
  };
}

function openService({ baseUrl, key, pollMs, options, cut }: TunerOptions): TuningService {
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

  /** Where the bytes go, by the service's redirect; the signed address gets no key. */
  async function place(file: TuningFile, signal: AbortSignal): Promise<{ url: string; id: string }> {
    const query = new URLSearchParams({
      file_name: basename(file.path),
      file_type: extname(file.path).slice(1),
      purpose: "fine-tune",
    });
    const response = await ask(http, `/files?${query}`, {
      method: "POST",
      body: query,
      redirect: "manual",
      signal,
    });
    const [url, id] = [response.headers.get("location"), response.headers.get("x-together-file-id")];
    if (response.status !== 302 || url === null || id === null)
      throw new ServiceError(502, `expected a redirect with an address and a file id, got ${response.status}`);
    return { url, id };
  }

  async function put(file: TuningFile, signal: AbortSignal): Promise<string> {
    // Each try asks for an address anew: a signed one may be used up. A blob has a length, which such addresses want.
    return retried("upload the file", signal, async () => {
      const { url, id } = await place(file, signal);
      await ask({ ...http, headers: {} }, url, {
        method: "PUT",
        body: await openAsBlob(file.path),
        headers: { "content-type": "application/octet-stream" },
        signal,
      });
      return id;
    });
  }

  async function putParts(
    file: TuningFile,
    { signal, tell }: { signal: AbortSignal; tell: (line: string) => void },
  ): Promise<string> {
    const count = Math.ceil(file.bytes / Math.min(partBytes, limit));
    const begun = objectOf(
      await retried("begin the upload", signal, async () =>
        (
          await ask(http, "/files/multipart/initiate", {
            method: "POST",
            body: {
              file_name: basename(file.path),
              file_size: file.bytes,
              num_parts: count,
              purpose: "fine-tune",
              file_type: extname(file.path).slice(1),
            },
            signal,
          })
        ).json(),
      ),
    );
    const [id, upload] = [textOf(begun.file_id) ?? "", textOf(begun.upload_id) ?? ""];
    const done: { part_number: number; etag: string }[] = [];
    const size = Math.ceil(file.bytes / count);
    await using handle = await open(file.path);
    for (const [index, part] of listOf(begun.parts).entries()) {
      const bytes = Buffer.alloc(Math.min(size, file.bytes - index * size));
      await handle.read(bytes, 0, bytes.byteLength, index * size);
      const url = textOf(part.URL) ?? textOf(part.url) ?? "";
      const response = await retried(`upload part ${index + 1} of ${count}`, signal, () =>
        ask({ ...http, headers: {} }, url, {
          method: "PUT",
          body: bytes,
          headers: { "content-type": "application/octet-stream" },
          signal,
        }),
      );
      done.push({ part_number: index + 1, etag: response.headers.get("etag") ?? "" });
      tell(`part ${index + 1} of ${count} is up`);
    }
    await retried("end the upload", signal, () =>
      ask(http, "/files/multipart/complete", {
        method: "POST",
        body: { file_id: id, upload_id: upload, parts: done },
        signal,
      }),
    );
    return id;
  }

  return {
    async upload(file, { signal, tell }) {
      const id = file.bytes > limit ? await putParts(file, { signal, tell }) : await put(file, signal);
      // Older servers want to be told that the bytes are there, newer ones do not know the word.
      await ask(http, `/files/${id}/preprocess`, { method: "POST", signal }).catch((error: unknown) => {
        if (!(error instanceof ServiceError) || error.status >= 500)
          throw inWords(error, words("have the file looked at"));
      });
      let said = "";
      for (;;) {
        const found = objectOf(await read(`/files/${id}`, signal, "look at the file"));
        const status = textOf(found.processing_status) ?? textOf(found.processingStatus) ?? "COMPLETED";
        const problems = reportProblems(objectOf(found.validation_report), file);
        if (status === "FAILED" || status === "INVALID_FORMAT" || (status === "COMPLETED" && problems.length > 0))
          throw new UsageError(
            `Together AI refuses the file ${basename(file.path)} (${id}, ${status}): ${problems.join("; ") || "no reason given"}`,
          );
        if (status === "COMPLETED") return id;
        if (status !== said) tell(`${id} ${status.toLowerCase()}`);
        said = status;
        await sleep(pollMs, undefined, { signal });
      }
    },
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
      const suffix = settings.suffix ?? suffixOf(name);
      const mine = jobs.find((job) => job.training_file === files.training && job.suffix === suffix);
      return mine === undefined ? null : jobOf(mine);
    },
    job: async (id, signal) => jobOf(await read(`/fine-tunes/${id}`, signal, "look at the job")),
    async events(id, signal) {
      const found = listOf(objectOf(await read(`/fine-tunes/${id}/events`, signal, "read events")).data);
      return found.map(eventOf);
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

/** The suffix of a job without one of the user's: by it the job is found again. */
function suffixOf(name: string): string {
  return `tm-${name}`.slice(0, longestSuffix);
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
    suffix: suffix ?? suffixOf(name),
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
  const metrics = numbersOf({ step: event.step, loss: event.training_loss ?? event.loss, eval_loss: event.eval_loss });
  return {
    // Events have no id of their own; their time and words are what they are.
    id:
      textOf(event.hash) ??
      `${textOf(event.created_at) ?? index} ${textOf(event.type) ?? ""} ${textOf(event.message) ?? ""}`,
    at: textOf(event.created_at),
    level: textOf(event.level) ?? "info",
    message: textOf(event.message) ?? textOf(event.type) ?? "",
    ...("step" in metrics && Object.keys(metrics).length > 1 ? { metrics } : {}),
  };
}
