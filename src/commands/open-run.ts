// Opens and checks everything a run needs, in the order in which a mistake is cheapest, before anything is spent.
import { join } from "node:path";
import type { Model, Remember, SandboxBackend } from "../contracts.ts";
import { datasetLoader } from "../datasets/load.ts";
import { profileDataset, profileVersion } from "../datasets/profile.ts";
import { type Dataset, fileProfile, type Seed } from "../domain/dataset.ts";
import { contentId } from "../domain/hash.ts";
import { z } from "zod";
import { createAdmissions } from "../models/admission.ts";
import { type ModelConfig, providerOf } from "../models/index.ts";
import type { Meter } from "../models/meter.ts";
import { loadPrompt, type Prompt } from "../prompts/prompt.ts";
import type { RunConfig, RunKit } from "../recipe.ts";
import { openSandboxBackend } from "../sandboxes/index.ts";
import { openSession } from "../sandboxes/session.ts";

export interface OpenedRun extends AsyncDisposable {
  readonly kit: RunKit;
  readonly backend: SandboxBackend;
  readonly models: Readonly<Record<string, Model>>;
  readonly datasets: readonly Dataset[];
  /** Hash of every prompt the recipe asked for, by path; filled while the line is built. */
  readonly prompts: Readonly<Record<string, string>>;
}

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
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const admissions = createAdmissions();
    const models: Record<string, Model> = {};
    for (const [alias, modelConfig] of Object.entries(config.models as Record<string, ModelConfig>)) {
      const seeded = { ...modelConfig };
      const opened = await providerOf(modelConfig).create(alias, seeded, {
        remember,
        meter: options.meter,
        admissions,
        env: options.env,
      });
      closers.push(() => opened.close());
      models[alias] = opened.model;
    }

    const loader = datasetLoader({ folder: join(options.storeFolder, "datasets"), configPath: options.configPath });
    const loaded = await loader.loadAll(config.datasets);
    const folders = new Map(loaded.map(({ dataset, dir }) => [dataset.id, dir]));
    const datasets = [...new Map(loaded.map(({ dataset }) => [dataset.id, dataset])).values()];
    say(`datasets  ${datasets.length} (${datasets.map((dataset) => dataset.name).join(", ")})`);
    const profiled = [];
    for (const dataset of datasets) {
      const { value: profile } = await remember(
        { kind: "profile", version: profileVersion, dataset: dataset.id },
        z.array(fileProfile),
        () => profileDataset(dataset, folders.get(dataset.id) ?? ""),
        { signal },
      );
      profiled.push({ dataset, profile });
    }

    await Promise.all(Object.values(models).map((model) => model.check(signal)));
    say(`models    ${Object.values(models).map(describeModel).join("; ")}`);

    const backend = await openSandboxBackend({ ...config.sandbox, signal });
    closers.push(async () => backend[Symbol.asyncDispose]());
    say(`sandbox   ${backend.name}, environment ${backend.environment.id}`);

    const prompts: Record<string, string> = {};
    const kit: RunKit = {
      seeds: ({ explorations }) =>
        profiled.flatMap(({ dataset, profile }) =>
          Array.from({ length: explorations }, (_, exploration): Seed => ({
            id: contentId("seed", { dataset: dataset.id, profile, exploration, seed: config.seed }),
            dataset,
            profile,
            exploration,
          })),
        ),
      model(alias) {
        const model = models[alias];
        if (model === undefined) throw new Error(`Expected a model called \`${alias}\` in the config, got none`);
        return model;
      },
      async prompt(path): Promise<Prompt> {
        const prompt = await loadPrompt(path);
        prompts[path] = prompt.hash;
        return prompt;
      },
      openSession: ({ dataset, attempt, signal: sessionSignal }) =>
        openSession({
          backend,
          remember,
          dataset: { id: dataset.id, dir: folders.get(dataset.id) ?? "" },
          attempt,
          label: attempt,
          signal: sessionSignal,
        }),
    };
    return { kit, backend, models, datasets, prompts, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function describeModel(model: Model): string {
  const { endpoint, model: served } = model.identity;
  return `${model.name} = ${String(served)} at ${String(endpoint)}`;
}
