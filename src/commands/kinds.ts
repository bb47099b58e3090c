// What there is of each kind, read from the lists themselves.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { recipes } from "../../pipelines/index.ts";
import { scaffolds } from "../agents/index.ts";
import { oneLine } from "../audit/text.ts";
import { tableFormats } from "../datasets/index.ts";
import { columnKinds } from "../domain/dataset.ts";
import { difficulties } from "../domain/task.ts";
import { exporters } from "../exports/index.ts";
import { targets } from "../exports/targets.ts";
import { criteria } from "../judges/criteria.ts";
import { fileMetrics, metrics } from "../metrics/index.ts";
import { trajectoryScores } from "../metrics/trajectory.ts";
import { families as endpointFamilies } from "../models/families.ts";
import { providers } from "../models/index.ts";
import { families } from "../models/offline-teacher/families/index.ts";
import { packageRoot } from "../package.ts";
import { loadPrompt } from "../prompts/load.ts";
import { sandboxBackends } from "../sandboxes/index.ts";

export interface Entry {
  readonly name: string;
  readonly about: string;
}

/** One kind of thing: what it is, where a config names it, and its entries. */
export interface Kind {
  readonly about: string;
  readonly entries: () => Entry[] | Promise<Entry[]>;
}

/** Every kind by the word `tracemill list <kind>` takes. */
export const kinds: Readonly<Record<string, Kind>> = {
  recipes: { about: "lines of stages: `recipe:`", entries: () => entriesOf(recipes) },
  providers: { about: "ways to reach a model: `models.<alias>.provider`", entries: () => entriesOf(providers) },
  "endpoint-families": {
    about: "whose endpoint a model is: `models.<alias>.family`",
    entries: () =>
      Object.entries(endpointFamilies).map(([name, { title, baseUrl }]) => ({ name, about: `${title}: ${baseUrl}` })),
  },
  scaffolds: { about: "how agent and sandbox talk: `scaffold`", entries: () => entriesOf(scaffolds) },
  backends: { about: "ways to isolate code: `sandbox.backend`", entries: () => entriesOf(sandboxBackends) },
  metrics: {
    about: "how an answer is compared with its reference: `metric` of your own tasks",
    entries: () => entriesOf([...metrics, ...fileMetrics]),
  },
  "trajectory-metrics": {
    about: "numbers read off a rollout: bounds under `screen`",
    entries: () => Object.entries(trajectoryScores).map(([name, about]) => ({ name, about })),
  },
  criteria: {
    about: "what the judge scores: thresholds under `accept`",
    entries: () => criteria.map(({ name, description }) => ({ name, about: description })),
  },
  "dataset-formats": {
    about: "files that `datasets` takes",
    entries: () => Object.entries(tableFormats).map(([name, format]) => ({ name, about: extensionsOf(format) })),
  },
  "column-kinds": {
    about: "what a profile calls a column",
    entries: () => columnKinds.map((name) => ({ name, about: "" })),
  },
  "export-formats": {
    about: "files that come out: `export.formats`",
    entries: () => exporters.map(({ name, fileName, about = "" }) => ({ name, about: `${fileName}: ${about}` })),
  },
  targets: { about: "what a file can be checked for: `tracemill check --target`", entries: () => entriesOf(targets) },
  prompts: { about: "the package's prompts: defaults of `prompts`", entries: promptEntries },
  configs: { about: "example configs of the package: `npx tracemill run configs/<name>`", entries: configEntries },
  difficulties: { about: "levels of a question", entries: () => difficulties.map((name) => ({ name, about: "" })) },
  families: {
    about: "kinds of question that the offline teacher asks and answers",
    entries: () =>
      families.map(({ name, difficulty, wordings }) => ({ name, about: `${difficulty}: ${wordings[0] ?? ""}` })),
  },
};

function extensionsOf({
  extensions,
  mayBeGzip,
}: {
  readonly extensions: readonly string[];
  readonly mayBeGzip: boolean;
}) {
  return `${extensions.join(" ")}${mayBeGzip ? ", also with .gz" : ""}`;
}

function entriesOf(list: readonly { readonly name: string; readonly about?: string }[]): Entry[] {
  return list.map(({ name, about = "" }) => ({ name, about }));
}

async function promptEntries(): Promise<Entry[]> {
  const found = await readdir(join(packageRoot(), "prompts"), { recursive: true });
  const paths = found.filter((path) => path.endsWith(".md")).sort();
  return Promise.all(
    paths.map(async (name) => {
      const { text, variables } = await loadPrompt(name);
      const filled = variables.length === 0 ? "" : ` ({{${variables.join("}}, {{")}}})`;
      const [first = ""] = text.split("\n");
      return { name, about: `${oneLine(first, 80)}${filled}` };
    }),
  );
}

/** Lies among the configs and is none: what models cost. */
const pricesName = "prices.yaml";

async function configEntries(): Promise<Entry[]> {
  const folder = join(packageRoot(), "configs");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml") && name !== pricesName).sort();
  return Promise.all(
    names.map(async (name) => {
      const [comment = ""] = /^(?:#.*\n)*/.exec(await readFile(join(folder, name), "utf8")) ?? [];
      const [sentence = ""] = oneLine(comment.replace(/^#/gm, ""), 1000).split(/(?<=\.) /);
      return { name, about: oneLine(sentence, 240) };
    }),
  );
}
