// What a recipe is: a strict config schema, and a function that builds the line from it with what the run command opened.
import { z } from "zod";
import { scaffolds } from "./agents/index.ts";
import { versionOption } from "./config/version.ts";
import type { Blobs, Exporter, Model, Remember, Scaffold } from "./contracts.ts";
import { datasetEntry } from "./datasets/load.ts";
import type { Seed } from "./domain/dataset.ts";
import type { Example } from "./domain/example.ts";
import type { OwnQuestion } from "./domain/task.ts";
import type { Line } from "./engine/line.ts";
import { exporters } from "./exports/index.ts";
import { exportOptions } from "./exports/options.ts";
import { budgetConfig } from "./models/budget-config.ts";
import { modelConfig } from "./models/open.ts";
import type { Prompt } from "./prompts/load.ts";
import { sandboxConfig } from "./sandboxes/index.ts";
import type { OpenSession } from "./stages/solving.ts";

const scaffoldNames = scaffolds.map((scaffold) => scaffold.name) as [string, ...string[]];

/** The options every recipe has; a recipe spreads them into its own strict object and narrows `models` to the aliases it uses. */
export const runShape = {
  recipe: z.string(),
  /** The version of the config itself. */
  version: versionOption,
  /** Changes every sampled choice of the run. */
  seed: z.number().int().min(0).max(100_000).default(0),
  datasets: z.array(datasetEntry).min(1),
  models: z.record(z.string(), modelConfig),
  sandbox: sandboxConfig,
  /** A file of prices, relative to the config; the package's own where it is left out. */
  prices: z.string().min(1).exactOptional(),
  /** The most that all runs of this config may spend. */
  budget: budgetConfig.nullish(),
  /** A run stops early once more than this share of the last items of a stage failed; 1 never stops it. */
  maxFailureRate: z.number().min(0).max(1).default(0.5),
  export: exportOptions.prefault({}),
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
/** What every recipe's config holds at least, defaults filled in. */
export type RunConfig = z.output<typeof runConfig>;

/** What a recipe builds its line from. While it does, nothing was asked of an endpoint and no sandbox is open: stages do that. */
export interface RunKit {
  /** Every dataset of the config, profiled, `explorations` times over; fewer where the run is limited. */
  seeds(options: { readonly explorations: number }): readonly Seed[];
  /** The user's own questions, from JSONL files relative to the config; fewer where the run is limited. @throws {UsageError} for a line that is none. */
  questions(files: string | readonly string[]): Promise<AsyncIterable<OwnQuestion>>;
  /** A model by its alias under `models:`. */
  model(alias: string): Model;
  /** A prompt of the package (`agent/react.md`) or a path; its hash is written to the manifest. */
  prompt(path: string): Promise<Prompt>;
  /** Opens a session on a dataset in the run's sandbox; hand it to the stages that run code. */
  readonly openSession: OpenSession;
  /** For a stage of your own that costs money or time: what it computed once is read from the store ever after. */
  readonly remember: Remember;
  /** Files that agents submitted and those they are compared with, by hash; hand it to `score`. */
  readonly blobs: Blobs;
}

/** A kind of run: what its config says, how many examples it is after, and how its line is built. Made by `defineRun`. */
export interface Recipe<Config extends RunConfig = RunConfig> {
  /** What manifests, events and audits call it. */
  readonly name: string;
  /** What it is for, in one line, as `tracemill list` shows it. */
  readonly about?: string;
  /** A strict object that spreads `runShape`. */
  readonly config: z.ZodType<Config>;
  /** Examples asked for: fewer is an honest shortfall (exit 5). */
  readonly target: (config: Config) => number;
  /** Builds the line; nothing runs yet: datasets are profiled by then, endpoints and sandbox are looked at after it. */
  readonly build: (config: Config, run: RunKit) => Promise<Line<Example>> | Line<Example>;
  /** Formats of the recipe's own, written in every run beside those that `export.formats` names. */
  readonly exporters?: readonly Exporter[];
  /** What is to be expected of each stage, by its name, for `--dry-run`; without it only what is remembered can be told. */
  readonly expects?: (config: Config) => Readonly<Record<string, Expectation>>;
}

/**
 * What a stage is expected to make of an item, before anything is known of it. `out`: how many items one becomes; `assumed` where that
 * is a guess, which earlier runs replace. `most`: never more out of the stage in all. `asks`: the model it asks, with the requests per item.
 */
export interface Expectation {
  readonly out: number;
  readonly assumed?: true;
  readonly most?: number;
  readonly asks?: {
    readonly model: string;
    readonly requests: number;
    /** A guess of one request's tokens, until runs show better. */
    readonly tokens: { readonly input: number; readonly output: number };
    /** Why so many, in words for a person. */
    readonly because: string;
  };
}

// Recipes declared here, and a mark that other copies of this module leave too: errors of another copy would not be known as errors here.
const declared = new WeakSet<object>();
const mark = Symbol.for("tracemill.recipe");

/**
 * Declares a recipe; the default export of a module that a config names under `recipe:`. The config schema is strict: an unknown key is an
 * error before anything is spent. @throws {Error} when an exporter has the name or the file name of another.
 */
export function defineRun<Config extends RunConfig>(recipe: Recipe<Config>): Recipe<Config> {
  const all = [...exporters, ...(recipe.exporters ?? [])];
  for (const key of ["name", "fileName"] as const) {
    const taken = all.map((exporter) => exporter[key]).find((value, index, values) => values.indexOf(value) !== index);
    if (taken !== undefined) {
      throw new Error(
        `Expected exporters of the recipe \`${recipe.name}\` to differ in ${key}, got \`${taken}\` twice`,
      );
    }
  }
  const made = Object.defineProperty({ ...recipe }, mark, { value: true });
  declared.add(made);
  return made;
}

/** Who declared a value: this module's `defineRun`, that of `another copy` of Tracemill, or `nobody`. */
export function declaredBy(value: unknown): "us" | "another copy" | "nobody" {
  if (typeof value !== "object" || value === null) return "nobody";
  return declared.has(value) ? "us" : mark in value ? "another copy" : "nobody";
}
