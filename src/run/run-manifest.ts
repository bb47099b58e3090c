// What a run is, for its manifest, and what whoever reads its numbers has to know besides.

import type { Manifest, RunFolder } from "../archive/run-folder.ts";
import { count, plural } from "../audit/text.ts";
import { hashOf } from "../domain/hash.ts";
import type { ExampleTally } from "../exports/card/tally.ts";
import { packageVersion } from "../package.ts";
import type { RunOptions } from "./execute-run.ts";
import type { OpenedRun } from "./open-run.ts";

/** What the run is, for `manifest.json`: everything needed to explain it or to run it again. */
export function manifestOf(
  options: RunOptions,
  run: { readonly folder: RunFolder; readonly opened: OpenedRun; readonly startedMs: number },
): Manifest {
  const { config } = options;
  const { opened, folder } = run;
  const { backend } = opened;
  return {
    run: folder.run,
    recipe: options.recipe.name,
    configPath: options.configPath,
    config,
    configHash: hashOf(config),
    version: packageVersion(),
    node: process.version,
    seed: config.seed,
    ...(options.limit === undefined ? {} : { limit: options.limit, preview: options.preview === true }),
    prompts: { ...opened.prompts },
    models: Object.fromEntries(opened.served.map((model) => [model.name, model.identity])),
    sandbox: {
      backend: backend.name,
      environment: backend.environment.id,
      image: backend.environment.image,
      kernel: backend.environment.kernel,
      runtime: backend.environment.runtime,
      versions: backend.environment.versions,
      limits: { ...backend.limits },
    },
    datasets: [...opened.datasets],
    stages: opened.line.stages.map((stage) => stage.name),
    startedAt: new Date(run.startedMs).toISOString(),
    argv: process.argv.slice(2),
  };
}

/** What whoever reads the run's numbers has to know besides. */
export function notesOf({ limit, preview }: RunOptions, tally: ExampleTally): string[] {
  const { unreferenced, examples } = tally.statistics();
  return [
    ...(limit === undefined
      ? []
      : [
          `${preview ? "A preview" : "Limited (--limit)"}: at most ${limit === 1 ? "1 seed or question was" : `${count(limit)} seeds or questions were`} started`,
        ]),
    ...(unreferenced === 0
      ? []
      : [
          `${count(unreferenced)} of ${plural(examples, "example")} had no reference answer to be compared with: nothing told right from wrong there`,
        ]),
  ];
}
