// OpenAI's fine-tuning API, and Azure's form of it.
import { openAsBlob } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  Tuner,
  TunerOptions,
  TuningCheckpoint,
  TuningEvent,
  TuningFiles,
  TuningJob,
  TuningService,
  TuningSettings,
} from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { again, ask, type HttpOptions, inWords, ServiceError, whenThereIsRoom } from "./http.ts";
import { listOf, numbersOf, objectOf, textOf } from "./read.ts";
import { ownProblems, rangeProblems } from "./settings.ts";

const closed =
  "OpenAI has closed self-serve fine-tuning: since 2026-05-07 organisations that never tuned cannot create jobs, since 2026-07-02 neither can those without recent use of a tuned model, " +
  "and after 2027-01-06 nobody can. The same lines go to `--target azure` (export the format `azure`), `--target together`, `--target fireworks`, or a trainer of your own (`--target trl`)";

/** OpenAI's epochs where none are set: about three passes, more over few lines and fewer over many (the cookbook's rule). */
export function automaticEpochs(rows: number): number {
  if (rows * 3 < 100) return Math.min(25, Math.floor(100 / rows));
  if (rows * 3 > 25_000) return Math.max(1, Math.floor(25_000 / rows));
  return 3;
}

interface Flavour {
  readonly name: "openai" | "azure";
  readonly about: string;
  readonly targets: Tuner["targets"];
  readonly keyVariable: string;
  readonly baseUrl: string | null;
  readonly suffix: number;
  readonly options: readonly string[];
  readonly headers: (key: string) => Readonly<Record<string, string>>;
}

export function openaiTuner(): Tuner {
  return tuner({
    name: "openai",
    about: "OpenAI fine-tuning (closed to most organisations since 2026)",
    targets: { sft: "openai", dpo: "openai-dpo" },
    keyVariable: "OPENAI_API_KEY",
    baseUrl: "https://api.openai.com/v1",
    suffix: 64,
    options: ["api-version"],
    headers: (key) => ({ authorization: `Bearer ${key}` }),
  });
}

export function azureTuner(): Tuner {
  return tuner({
    name: "azure",
    about: "Azure OpenAI fine-tuning: --base-url https://<resource>.openai.azure.com/openai/v1",
    targets: { sft: "azure", dpo: "azure-dpo" },
    keyVariable: "AZURE_OPENAI_API_KEY",
    baseUrl: null,
    suffix: 18,
    options: ["api-version", "training-type"],
    headers: (key) => ({ "api-key": key }),
  });
}

function tuner(flavour: Flavour): Tuner {
  const { name, about, targets, keyVariable, baseUrl, suffix } = flavour;
  return {
    ...{ name, about, targets, keyVariable, baseUrl, options: flavour.options },
    problems: (settings) => [
      ...rangeProblems(settings, {
        epochs: { least: 1, most: 50, whole: true },
        batchSize: { least: 1, most: 256, whole: true },
        learningRate: { above: 0, called: "multiplier" },
        seed: { least: 0, most: 2_147_483_647, whole: true },
      }),
      ...(settings.suffix === undefined || (settings.suffix.length >= 1 && settings.suffix.length <= suffix)
        ? []
        : [
            `suffix: expected 1 to ${suffix} characters, got ${settings.suffix.length}${name === "azure" ? " (AZ-R4)" : ""}`,
          ]),
      ...(settings.loraRank === undefined ? [] : ["lora-rank: the service chooses it; leave it out"]),
      ...ownProblems(settings.extra, ["metadata", "training_file", "validation_file"]),
    ],
    billedTokens({ tokens, rows }, { epochs }) {
      const passes = epochs ?? automaticEpochs(rows);
      return { tokens: tokens * passes, epochs: passes };
    },
    open: (options) => openService(flavour, options),
  };
}

function openService(
  flavour: Flavour,
  { baseUrl, key, keyVariable, pollMs, options, cut }: TunerOptions,
): TuningService {
  const version = options["api-version"];
  const http: HttpOptions = { baseUrl, headers: flavour.headers(key), cut };
  const query = version === undefined ? "" : `?api-version=${encodeURIComponent(version)}`;
  const path = (text: string) => `${text}${query === "" ? "" : text.includes("?") ? query.replace("?", "&") : query}`;
  const words = (what: string) => ({ what, service: flavour.name, keyVariable });
  const read = async (text: string, signal: AbortSignal, what: string) => {
    try {
      return objectOf(
        await again(async () => (await ask(http, path(text), { signal })).json(), { signal, waitMs: pollMs }),
      );
    } catch (error) {
      throw inWords(error, words(what));
    }
  };

  return {
    async upload(file, { signal, tell }) {
      const form = new FormData();
      form.append("purpose", "fine-tune");
      form.append("file", await openAsBlob(file.path, { type: "application/jsonl" }), basename(file.path));
      let sent: Record<string, unknown>;
      try {
        // A file that arrived twice costs nothing and is only one too many.
        sent = objectOf(
          await again(async () => (await ask(http, path("/files"), { method: "POST", body: form, signal })).json(), {
            signal,
            waitMs: pollMs,
          }),
        );
      } catch (error) {
        throw inWords(error, words("upload the file"));
      }
      const id = textOf(sent.id) ?? "";
      for (;;) {
        const status = textOf((await read(`/files/${id}`, signal, "look at the file")).status);
        if (status === "error")
          throw new UsageError(
            `${flavour.name} refuses the file ${basename(file.path)} (${id}): it was read and found broken`,
          );
        if (status !== "uploaded" && status !== "pending" && status !== "running") return id;
        tell(`${id} ${status}`);
        await sleep(pollMs, undefined, { signal });
      }
    },
    async create(files, settings, { key: name, signal }) {
      try {
        const body = requestOf(files, settings, { name, options });
        const made = await whenThereIsRoom(
          () => ask(http, path("/fine_tuning/jobs"), { method: "POST", body, signal }),
          { signal, waitMs: pollMs },
        );
        return jobOf(await made.json());
      } catch (error) {
        if (flavour.name === "openai" && error instanceof ServiceError && error.status === 403)
          throw new UsageError(`${closed}. The service said: ${error.message}`, { cause: error });
        throw inWords(error, words("create the job"));
      }
    },
    async find(files, _settings, { key: name, earlier, signal }) {
      let after = "";
      for (;;) {
        const page = await read(`/fine_tuning/jobs?limit=100${after}`, signal, "list jobs");
        const jobs = listOf(page.data);
        // Older versions of Azure's API keep no metadata: the file, which is uploaded for each record anew, tells there.
        const mine = jobs.find(
          ({ id, metadata, training_file: file }) =>
            objectOf(metadata).tracemill === name ||
            (flavour.name === "azure" &&
              objectOf(metadata).tracemill === undefined &&
              file === files.training &&
              !earlier.includes(String(id))),
        );
        if (mine !== undefined) return jobOf(mine);
        const last = textOf(jobs.at(-1)?.id);
        if (page.has_more !== true || last === null) return null;
        after = `&after=${encodeURIComponent(last)}`;
      }
    },
    job: async (id, signal) => jobOf(await read(`/fine_tuning/jobs/${id}`, signal, "look at the job")),
    async events(id, { signal, isKnown }) {
      const found: TuningEvent[] = [];
      let after = "";
      for (;;) {
        const page = await read(`/fine_tuning/jobs/${id}/events?limit=100${after}`, signal, "read events");
        const events = listOf(page.data);
        found.push(...events.map(eventOf));
        const last = textOf(events.at(-1)?.id);
        // The newest come first: behind one that is known all are.
        if (page.has_more !== true || last === null || isKnown(last)) return found.reverse();
        after = `&after=${encodeURIComponent(last)}`;
      }
    },
    checkpoints: async (id, signal) =>
      listOf((await read(`/fine_tuning/jobs/${id}/checkpoints?limit=100`, signal, "read checkpoints")).data)
        .map(checkpointOf)
        .reverse(),
    async cancel(id, signal) {
      try {
        return jobOf(
          await (await ask(http, path(`/fine_tuning/jobs/${id}/cancel`), { method: "POST", signal })).json(),
        );
      } catch (error) {
        throw inWords(error, words("cancel the job"));
      }
    },
  };
}

function requestOf(
  files: TuningFiles,
  { model, method, epochs, learningRate, batchSize, seed, suffix, extra }: TuningSettings,
  { name, options }: { readonly name: string; readonly options: TunerOptions["options"] },
): Record<string, unknown> {
  const hyperparameters = {
    n_epochs: epochs ?? "auto",
    batch_size: batchSize ?? "auto",
    learning_rate_multiplier: learningRate ?? "auto",
  };
  const type = method === "dpo" ? "dpo" : "supervised";
  return {
    model,
    training_file: files.training,
    ...(files.validation === null ? {} : { validation_file: files.validation }),
    ...(suffix === undefined ? {} : { suffix }),
    ...(seed === undefined ? {} : { seed }),
    ...(options["training-type"] === undefined ? {} : { trainingType: options["training-type"] }),
    metadata: { tracemill: name },
    method: { type, [type]: { hyperparameters } },
    ...extra,
  };
}

const states: Readonly<Record<string, TuningJob["state"]>> = {
  validating_files: "waiting",
  queued: "waiting",
  paused: "waiting",
  running: "running",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
};

function jobOf(value: unknown): TuningJob {
  const job = objectOf(value);
  const error = objectOf(job.error);
  const status = textOf(job.status) ?? "unknown";
  return {
    id: textOf(job.id) ?? "",
    status,
    // A word that is new to us is none of the ends.
    state: states[status] ?? "running",
    // Healthy jobs say `{}`.
    error: textOf(error.message) ?? textOf(error.code),
    tunedModel: textOf(job.fine_tuned_model),
    trainedTokens: typeof job.trained_tokens === "number" ? job.trained_tokens : null,
  };
}

function eventOf(event: Record<string, unknown>): TuningEvent {
  const metrics = event.type === "metrics" ? numbersOf(objectOf(event.data)) : {};
  return {
    id: textOf(event.id) ?? "",
    at: typeof event.created_at === "number" ? new Date(event.created_at * 1000).toISOString() : null,
    level: textOf(event.level) ?? "info",
    message: textOf(event.message) ?? "",
    ...(Object.keys(metrics).length === 0 ? {} : { metrics }),
  };
}

function checkpointOf(checkpoint: Record<string, unknown>): TuningCheckpoint {
  return {
    id: textOf(checkpoint.id) ?? "",
    step: typeof checkpoint.step_number === "number" ? checkpoint.step_number : null,
    model: textOf(checkpoint.fine_tuned_model_checkpoint),
    metrics: numbersOf(objectOf(checkpoint.metrics)),
  };
}
