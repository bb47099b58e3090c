// What a recipe is: a strict config schema, and a function that builds the line from it with what the run command opened.
import { z } from "zod";
import { scaffolds } from "./agents/index.ts";
import type { Model, Scaffold } from "./contracts.ts";
import { datasetEntry } from "./datasets/load.ts";
import type { Seed } from "./domain/dataset.ts";
import type { Example } from "./domain/example.ts";
import type { Line } from "./engine/line.ts";
import { exporters } from "./exports/index.ts";
import { modelConfig } from "./models/open.ts";
import type { Prompt } from "./prompts/load.ts";
import { sandboxConfig } from "./sandboxes/index.ts";
import type { OpenSession } from "./stages/solving.ts";

const exporterNames = exporters.map((exporter) => exporter.name) as [string, ...string[]];
const scaffoldNames = scaffolds.map((scaffold) => scaffold.name) as [string, ...string[]];

/** The options every recipe has; a recipe spreads them into its own strict object and narrows `models` to the aliases it uses. */
export const runShape = {
  recipe: z.string(),
  /** Changes every sampled choice of the run. */
  seed: z.number().int().min(0).max(100_000).default(0),
  datasets: z.array(datasetEntry).min(1),
  models: z.record(z.string(), modelConfig),
  sandbox: sandboxConfig,
  /** A run stops early once more than this share of the last items of a stage failed; 1 never stops it. */
  maxFailureRate: z.number().min(0).max(1).default(0.5),
  export: z
    .strictObject({
      formats: z.array(z.enum(exporterNames)).min(1).default(["chat-jsonl"]),
      /** Where the data comes from and under which licence, for the dataset card. */
      licence: z.string().default("unknown: state the licence of your sources"),
      title: z.string().default("Data-science agent trajectories"),
    })
    .prefault({}),
};

/** A scaffold's name, as options take it. */
export const scaffoldName = z.enum(scaffoldNames);

/** A scaffold by its name. @throws {Error} when the list does not hold it (a schema that uses `scaffoldName` rules that out). */
export function scaffoldNamed(name: string): Scaffold {
  const scaffold = scaffolds.find((entry) => entry.name === name);
  if (scaffold === undefined) throw new Error(`Expected one of ${scaffoldNames.join(", ")}, got \`${name}\``);
  return scaffold;
}

const runConfig = z.strictObject(runShape);
export type RunConfig = z.output<typeof runConfig>;

/** What the run command has opened and checked by the time a recipe builds its line. */
export interface RunKit {
  /** Every dataset of the config, profiled, `explorations` times over. */
  seeds(options: { readonly explorations: number }): readonly Seed[];
  /** A model by its alias under `models:`. */
  model(alias: string): Model;
  /** A prompt of the package (`agent/react.md`) or a path; its hash is written to the manifest. */
  prompt(path: string): Promise<Prompt>;
  readonly openSession: OpenSession;
}

export interface Recipe<Config extends RunConfig = RunConfig> {
  readonly name: string;
  readonly config: z.ZodType<Config>;
  /** Examples asked for: fewer is an honest shortfall (exit 5). */
  readonly target: (config: Config) => number;
  readonly build: (config: Config, run: RunKit) => Promise<Line<Example>>;
}

/** Declares a recipe. The config schema is strict: an unknown key is an error before anything is spent. */
export function defineRun<Config extends RunConfig>(recipe: Recipe<Config>): Recipe<Config> {
  return recipe;
}
