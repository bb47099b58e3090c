// Opens and checks everything a run needs, in the order in which a mistake is cheapest, before anything is spent.
import { dirname, join, resolve } from "node:path";
import { bytesText, modelAt } from "../audit/text.ts";
import type { Model, Recall, Remember, SandboxBackend, Store } from "../contracts.ts";
import { datasetLoader, type LoadedDataset } from "../datasets/load.ts";
import { profileDataset } from "../datasets/profile.ts";
import type { Dataset, FileProfile, Seed } from "../domain/dataset.ts";
import type { Example } from "../domain/example.ts";
import { contentId } from "../domain/hash.ts";
import type { Secrets } from "../domain/secrets.ts";
import { openBlobs } from "../engine/blobs.ts";
import type { Line } from "../engine/line.ts";
import { type Admissions, createAdmissions } from "../models/admission.ts";
import type { Budget } from "../models/budget.ts";
import { checkBudget } from "../models/budget-config.ts";
import type { Meter } from "../models/meter.ts";
import { type OpenedModels, openModels } from "../models/open.ts";
import { priceLines } from "../models/prices.ts";
import { loadPrompt, type Prompt } from "../prompts/load.ts";
import type { RunConfig, RunKit } from "../recipe.ts";
import { openSandboxBackend } from "../sandboxes/index.ts";
import { openSession } from "../sandboxes/session.ts";
import type { Survey } from "../tasks/survey.ts";
import type { Watch } from "../telemetry/watch.ts";
import { nameOfFiles, openQuestions, taskFiles } from "./open-questions.ts";
import { readPrices } from "./read-prices.ts";
import { spread } from "./spread.ts";

export interface OpenedRun extends AsyncDisposable {
  readonly line: Line<Example>;
  readonly backend: SandboxBackend;
  readonly models: readonly Model[];
  /** Every endpoint's model, fallbacks among them under names of their own. */
  readonly served: OpenedModels["served"];
  readonly admissions: Admissions;
  readonly datasets: readonly Dataset[];
  readonly profiles: ReadonlyMap<string, readonly FileProfile[]>;
  /** What the user's own questions are; null where the line does not start from any. */
  readonly survey: Survey | null;
  /** Seeds or questions that the config has, however few of them are started. */
  readonly startsInAll: number;
  /** Hash of every prompt the recipe asked for, by path. */
  readonly prompts: Readonly<Record<string, string>>;
}

/**
 * Opens models, datasets, profiles and sandbox, builds the line, and checks that each can be used. @throws {UsageError} saying what to mend; the
 * signal's reason. After an error nothing stays open.
 */
export async function openRun(options: {
  readonly config: RunConfig;
  readonly configPath: string;
  readonly storeFolder: string;
  readonly remember: Remember;
  readonly recall: Recall;
  /** Keeps two processes from asking different endpoints for one completion; a run that asks nobody needs none. */
  readonly lease?: Store["lease"];
  readonly meter: Meter;
  /** None where the config sets none, or nothing is sent. */
  readonly budget?: Budget | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly secrets: Secrets;
  readonly watch: Pick<Watch, "say" | "tell" | "log" | "requests" | "model" | "backend" | "openSession">;
  /** Builds the line: it reads prompts and questions, and opens no session yet. */
  readonly build: (kit: RunKit) => Promise<Line<Example>> | Line<Example>;
  /** Start only so many seeds or questions, spread over the datasets. */
  readonly limit?: number | undefined;
}): Promise<OpenedRun> {
  const { config, remember, signal, watch, limit } = options;
  const { say } = watch;
  const resources: AsyncDisposable[] = [];
  const close = () => closeAll(resources.splice(0).reverse());
  try {
    const { prices, path: pricesPath } = await readPrices(config.prices, options.configPath);
    const admissions = createAdmissions();
    const models = await openModels(config.models, {
      remember,
      recall: options.recall,
      ...(options.lease === undefined ? {} : { lease: options.lease }),
      say: watch.tell,
      meter: options.meter,
      prices,
      ...(options.budget ? { budget: options.budget } : {}),
      admissions,
      env: options.env,
      secrets: options.secrets,
      watch: watch.requests,
    });
    resources.push(models);

    const base = dirname(options.configPath);
    const copies = join(options.storeFolder, "datasets");
    const blobs = openBlobs(join(options.storeFolder, "blobs"));
    const folders = new Map<string, string>();
    const folderOf = (dataset: Dataset): string => {
      const folder = folders.get(dataset.id);
      if (folder === undefined) throw new Error(`Expected a dataset of this run, got \`${dataset.id}\``);
      return folder;
    };
    const datasets: Dataset[] = [];
    const profiles = new Map<string, FileProfile[]>();
    const add = async ({ dataset, dir }: LoadedDataset): Promise<void> => {
      if (folders.has(dataset.id)) return;
      folders.set(dataset.id, dir);
      datasets.push(dataset);
      const profile = await profileDataset(dataset, dir, {
        remember,
        signal,
        onFile: ({ name, bytes }) => {
          if (bytes > longBytes) say(`reading   ${name} (${bytesText(bytes)})`);
        },
      });
      profiles.set(dataset.id, profile);
    };
    const loaded = await datasetLoader({ folder: copies, base }).loadAll(config.datasets);
    const named = loaded.map(({ dataset }) => dataset);
    if (named.length > 0) say(`datasets  ${named.length} (${named.map((dataset) => dataset.name).join(", ")})`);
    for (const one of loaded) await add(one);

    const prompts: Record<string, string> = {};
    let survey: Survey | null = null;
    let startsInAll = 0;
    let backend: SandboxBackend | undefined;
    const kit: RunKit = {
      seeds({ explorations }) {
        const seeds = named.flatMap((dataset) =>
          Array.from({ length: explorations }, (_, exploration): Seed => {
            const profile = profiles.get(dataset.id) ?? [];
            const id = contentId("seed", { dataset: dataset.id, profile, exploration, seed: config.seed });
            return { id, dataset, profile, exploration };
          }),
        );
        startsInAll += seeds.length;
        if (limit === undefined) return seeds;
        return spread(seeds, { limit, seed: config.seed, groupOf: (seed) => seed.dataset.id });
      },
      async questions(files) {
        const opened = await openQuestions({
          files: taskFiles(files, base),
          datasets: named,
          async load(paths, folder) {
            const loader = datasetLoader({ folder: copies, base: folder });
            const [one] = await loader.loadAll([{ name: nameOfFiles(paths), files: [...paths] }]);
            if (one === undefined) throw new Error("Expected a dataset of the files named, got none");
            await add(one);
            return one.dataset;
          },
          blobs,
          limit,
          seed: config.seed,
        });
        survey = opened.survey;
        startsInAll += survey.questions - survey.repeats;
        say(`tasks     ${opened.count} questions, ${survey.withoutReference} without a reference answer`);
        return opened.questions;
      },
      model: (alias) => sampledFrom(watch.model(models.get(alias)), config.seed * samplesPerSeed),
      async prompt(path): Promise<Prompt> {
        const prompt = await loadPrompt(/^\.\.?\//.test(path) ? resolve(dirname(options.configPath), path) : path);
        prompts[path] = prompt.hash;
        return prompt;
      },
      remember,
      blobs,
      openSession: watch.openSession(({ dataset, attempt, signal: sessionSignal }) => {
        if (backend === undefined)
          throw new Error("Expected a session to be opened by a stage, got one while the line is built");
        const data = { id: dataset.id, dir: folderOf(dataset) };
        return openSession({ backend, remember, blobs, dataset: data, attempt, label: attempt, signal: sessionSignal });
      }),
    };
    const line = await options.build(kit);
    checkBudget(config.budget, { stages: line.stages.map(({ name }) => name), models: models.served });

    // The first that fails in the config's order, not in time's: the same mistake is told in the same words.
    const checked = await Promise.allSettled(models.all.map((model) => model.check(signal)));
    for (const one of checked) if (one.status === "rejected") throw one.reason;
    for (const [served, aliases] of byServer(models.served)) say(`models    ${aliases.join(", ")}: ${served}`);
    for (const line of priceLines(models.served, { file: pricesPath, nowMs: Date.now() })) say(line);

    backend = watch.backend(await openSandboxBackend({ ...config.sandbox, signal, log: watch.log, tell: watch.tell }));
    resources.push(backend);
    say(`sandbox   ${backend.name}, environment ${backend.environment.id}`);

    return {
      line,
      backend,
      models: models.all,
      served: models.served,
      admissions,
      datasets,
      profiles,
      survey,
      startsInAll,
      prompts,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close().catch(() => undefined); // what went wrong first is what the user has to hear
    throw error;
  }
}

/** A file that takes long enough to be told of. */
const longBytes = 32 * 1024 * 1024;

/** Closes one after the other, all of them. @throws the first error met. */
async function closeAll(resources: readonly AsyncDisposable[]): Promise<void> {
  const errors: unknown[] = [];
  for (const resource of resources) {
    try {
      await resource[Symbol.asyncDispose]();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** More samples of one request than a run takes; so runs of different seeds share none. */
const samplesPerSeed = 10_000;

/** The model, with its samples counted from `first`. */
function sampledFrom(model: Model, first: number): Model {
  const { recall } = model;
  return {
    ...model,
    ...(recall === undefined ? {} : { recall: (request, { sample }) => recall(request, { sample: first + sample }) }),
    complete: (request, options) => model.complete(request, { ...options, sample: first + options.sample }),
  };
}

/** What serves the models, with the aliases of each. */
function byServer(models: readonly Model[]): Map<string, string[]> {
  const servers = new Map<string, string[]>();
  for (const { name, identity } of models) {
    const server = modelAt(String(identity.model), String(identity.endpoint));
    servers.set(server, [...(servers.get(server) ?? []), name]);
  }
  return servers;
}
