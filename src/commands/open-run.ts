// Opens and checks everything a run needs, in the order in which a mistake is cheapest, before anything is spent.
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import type { Model, Remember, SandboxBackend } from "../contracts.ts";
import { datasetLoader } from "../datasets/load.ts";
import { profileDataset, profileVersion } from "../datasets/profile.ts";
import { type Dataset, type FileProfile, fileProfile, type Seed } from "../domain/dataset.ts";
import { contentId } from "../domain/hash.ts";
import { type Admissions, createAdmissions } from "../models/admission.ts";
import type { Meter } from "../models/meter.ts";
import { openModels } from "../models/open.ts";
import { loadPrompt, type Prompt } from "../prompts/load.ts";
import type { RunConfig, RunKit } from "../recipe.ts";
import { openSandboxBackend } from "../sandboxes/index.ts";
import { openSession } from "../sandboxes/session.ts";

export interface OpenedRun extends AsyncDisposable {
  readonly kit: RunKit;
  readonly backend: SandboxBackend;
  readonly models: readonly Model[];
  readonly admissions: Admissions;
  readonly datasets: readonly Dataset[];
  /** Hash of every prompt the recipe asked for, by path; filled while the line is built. */
  readonly prompts: Readonly<Record<string, string>>;
}

/**
 * Opens models, datasets, profiles and sandbox, and checks that each can be used. @throws {UsageError} saying what to mend; the
 * signal's reason. After an error nothing stays open.
 */
export async function openRun(options: {
  readonly config: RunConfig;
  readonly configPath: string;
  readonly storeFolder: string;
  readonly remember: Remember;
  readonly meter: Meter;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}): Promise<OpenedRun> {
  const { config, remember, signal, say } = options;
  const resources: AsyncDisposable[] = [];
  const close = () => closeAll(resources.splice(0).reverse());
  try {
    const admissions = createAdmissions();
    const models = await openModels(config.models, {
      remember,
      meter: options.meter,
      admissions,
      env: options.env,
    });
    resources.push(models);

    const loader = datasetLoader({ folder: join(options.storeFolder, "datasets"), base: dirname(options.configPath) });
    const loaded = await loader.loadAll(config.datasets);
    const folders = new Map(loaded.map(({ dataset, dir }) => [dataset.id, dir]));
    const folderOf = (dataset: Dataset): string => {
      const folder = folders.get(dataset.id);
      if (folder === undefined) throw new Error(`Expected a dataset of this run, got \`${dataset.id}\``);
      return folder;
    };
    const datasets = [...new Map(loaded.map(({ dataset }) => [dataset.id, dataset])).values()];
    say(`datasets  ${datasets.length} (${datasets.map((dataset) => dataset.name).join(", ")})`);
    const profiled: { dataset: Dataset; profile: FileProfile[] }[] = [];
    for (const dataset of datasets) {
      const { value: profile } = await remember(
        { kind: "profile", version: profileVersion, dataset: dataset.id },
        z.array(fileProfile),
        () => profileDataset(dataset, folderOf(dataset)),
        { signal },
      );
      profiled.push({ dataset, profile });
    }

    await Promise.all(models.all.map((model) => model.check(signal)));
    for (const [served, aliases] of byServer(models.all)) say(`models    ${aliases.join(", ")}: ${served}`);

    const backend = await openSandboxBackend({ ...config.sandbox, signal });
    resources.push(backend);
    say(`sandbox   ${backend.name}, environment ${backend.environment.id}`);

    const prompts: Record<string, string> = {};
    const kit: RunKit = {
      seeds: ({ explorations }) =>
        profiled.flatMap(({ dataset, profile }) =>
          Array.from(
            { length: explorations },
            (_, exploration): Seed => ({
              id: contentId("seed", { dataset: dataset.id, profile, exploration, seed: config.seed }),
              dataset,
              profile,
              exploration,
            }),
          ),
        ),
      model: (alias) => sampledFrom(models.get(alias), config.seed * samplesPerSeed),
      async prompt(path): Promise<Prompt> {
        const prompt = await loadPrompt(/^\.\.?\//.test(path) ? resolve(dirname(options.configPath), path) : path);
        prompts[path] = prompt.hash;
        return prompt;
      },
      openSession: ({ dataset, attempt, signal: sessionSignal }) =>
        openSession({
          backend,
          remember,
          dataset: { id: dataset.id, dir: folderOf(dataset) },
          attempt,
          label: attempt,
          signal: sessionSignal,
        }),
    };
    return { kit, backend, models: models.all, admissions, datasets, prompts, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close().catch(() => undefined); // what went wrong first is what the user has to hear
    throw error;
  }
}

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
  return {
    ...model,
    complete: (request, options) => model.complete(request, { ...options, sample: first + options.sample }),
  };
}

/** What serves the models, with the aliases of each. */
function byServer(models: readonly Model[]): Map<string, string[]> {
  const servers = new Map<string, string[]>();
  for (const { name, identity } of models) {
    const server = `${String(identity.model)} at ${String(identity.endpoint)}`;
    servers.set(server, [...(servers.get(server) ?? []), name]);
  }
  return servers;
}
