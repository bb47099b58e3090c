import { join, relative } from "node:path";
import type { ExportedFile } from "../contracts.ts";
import { firstError, StoreError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";
import type { RunStatus, RunSummary } from "../domain/run.ts";
import { openEventLog } from "../engine/events.ts";
import { executeLine } from "../engine/execute.ts";
import { createRemember, lostIntents } from "../engine/remember.ts";
import { openStore } from "../engine/store.ts";
import { inProcess } from "../executors/in-process.ts";
import { writeCard } from "../exports/card.ts";
import { exporters } from "../exports/index.ts";
import { writeExportManifest } from "../exports/manifest.ts";
import { exampleTally } from "../exports/tally.ts";
import { exportExamples } from "../exports/write-all.ts";
import { createMeter } from "../models/meter.ts";
import { teacherModel } from "../models/offline-teacher/teacher.ts";
import { packageVersion } from "../package.ts";
import type { Recipe, RunConfig } from "../recipe.ts";
import { type Interrupt, stopOnInterrupt } from "./interrupt.ts";
import { type OpenedRun, openRun } from "./open-run.ts";
import { closingWords, countOwed, exitCodes, runAgain, statusOf, statusOfError } from "./run-end.ts";
import { createRunFolder, type Manifest, type RunFolder, storePathOf, writeJson } from "./run-folder.ts";
import { snapshotsOf } from "./take-snapshot.ts";
import { viewOf } from "./view.ts";
import { openWatch, type Watch } from "./watch.ts";
import { makeWritableFolder } from "./writable-folder.ts";

interface RunOptions {
  readonly recipe: Recipe;
  readonly config: RunConfig;
  readonly configPath: string;
  /** Absolute path of the folder for runs and the store. */
  readonly output: string;
  /** How to show it: JSON lines on stdout, hardly anything, or what suits the terminal. */
  readonly shown: { readonly json: boolean; readonly quiet: boolean };
}

/**
 * Runs a recipe once: opens and checks everything, executes the line, exports, writes manifest, card and summary, and says how it
 * went. Returns the exit code. @throws {UsageError} for what only a person can mend; {StoreError} when the disk refuses.
 */
export async function executeRun(options: RunOptions): Promise<number> {
  using watch = openWatch(
    viewOf({ ...options.shown, stdout: process.stdout, stderr: process.stderr, env: process.env }),
  );
  using interrupt = stopOnInterrupt(watch.tell);
  try {
    return await openAndRun(options, { interrupt, watch });
  } catch (error) {
    if (!interrupt.stopping.aborted || firstError(error) !== interrupt.stopping.reason) throw error;
    watch.tell(`Stopped. To go on, ${runAgain}.`);
    return exitCodes.interrupted;
  }
}

async function openAndRun(
  options: RunOptions,
  { interrupt, watch }: { readonly interrupt: Interrupt; readonly watch: Watch },
): Promise<number> {
  const { recipe, config, output } = options;
  const say = (line: string) => watch.log("info", line);
  const startedMs = Date.now();
  const storeFolder = join(output, "store");
  await makeWritableFolder(storeFolder);
  await using store = await openStore(storePathOf(output));
  const meter = createMeter();
  const remember = createRemember(store);
  const lostBefore = await lostIntents(store);
  if (lostBefore > 0) {
    say(`${lostBefore} requests were under way when an earlier run ended; they are sent again where they are needed`);
  }
  await using opened = await openRun({
    config,
    configPath: options.configPath,
    storeFolder,
    remember,
    meter,
    env: process.env,
    signal: interrupt.stopping,
    say,
  });
  const line = await recipe.build(config, opened.kit);
  if (interrupt.draining.aborted) {
    watch.tell("Stopped before anything was started.");
    return exitCodes.interrupted;
  }
  const folder = await createRunFolder({ output, configHash: hashOf(config), now: new Date(startedMs) });
  const stages = line.stages.map((stage) => stage.name);
  await writeJson(folder.manifestPath, manifestOf({ ...options, folder, opened, stages, startedMs }));
  say(`run       ${folder.run}\n`);

  await using events = await openEventLog(folder.eventsPath);
  events.write({ type: "started", at: new Date(startedMs).toISOString(), run: folder.run, recipe: recipe.name });
  const { items, account } = executeLine(line, {
    store,
    events,
    executor: inProcess(),
    draining: interrupt.draining,
    signal: interrupt.stopping,
  });
  const target = recipe.target(config);
  const tally = exampleTally();

  async function end(status: RunStatus): Promise<RunSummary> {
    events.write({ type: "ended", at: new Date().toISOString(), status });
    events.flush();
    const { sent, remembered, failed, inputTokens, outputTokens, costUsd } = meter.total();
    const summary: RunSummary = {
      run: folder.run,
      status,
      examples: tally.examples(),
      funnel: account.rows(),
      requests: { sent, remembered, failed, lost: lostBefore + remember.lost() },
      tokens: { input: inputTokens, output: outputTokens },
      costUsd,
      wallSeconds: Math.round((Date.now() - startedMs) / 100) / 10,
    };
    await writeJson(folder.summaryPath, summary);
    await watch.finish(status);
    watch.summary(summary, { path: folder.path, exitCode: exitCodes[status] });
    return summary;
  }

  const snapshots = snapshotsOf({
    ...{ run: folder.run, recipe: recipe.name, startedMs, account, meter, target },
    ...{ admissions: opened.admissions, models: opened.models, backend: opened.backend },
    isDraining: () => interrupt.draining.aborted,
  });
  watch.follow(snapshots, folder.statusPath);
  let files: ExportedFile[];
  try {
    files = await exportExamples({
      examples: items,
      exporters: exporters.filter((exporter) => config.export.formats.includes(exporter.name)),
      folder: folder.exportsPath,
      indexPath: folder.examplesPath,
      watch: tally.add,
    });
  } catch (error) {
    // Where the disk refuses, the end could not be written either: such a run reads like one that was killed.
    if (!(error instanceof StoreError)) {
      const status = statusOfError(error, interrupt.stopping);
      await end(status).catch((second: unknown) => watch.log("error", `The run's end could not be written: ${second}`));
    }
    throw error;
  }

  const owed = countOwed(account.rows());
  const interrupted = interrupt.draining.aborted;
  const status = statusOf({ interrupted, owed, examples: tally.examples(), target });
  await writeCard({
    folder: folder.exportsPath,
    title: config.export.title,
    licence: config.export.licence,
    files,
    tally,
    funnel: account.rows(),
    datasets: opened.datasets,
    models: opened.models.map(({ name, identity }) => ({ name, identity, program: identity.model === teacherModel })),
    owed,
    stopped: interrupted,
    run: folder.run,
  });
  await writeExportManifest({ folder: folder.exportsPath, run: folder.run, files, owed, stopped: interrupted });
  const summary = await end(status);
  const here = (path: string) => relative(process.cwd(), path) || ".";
  const flags = here(output) === "output" ? "" : ` --output ${here(output)}`;
  const shown = files.map((file) => ({ ...file, path: here(file.path) }));
  watch.tell(closingWords({ summary, path: here(folder.path), files: shown, target, flags }));
  return exitCodes[status];
}

/** What the run is, for `manifest.json`: everything needed to explain it or to run it again. */
function manifestOf(
  options: RunOptions & {
    readonly folder: RunFolder;
    readonly opened: OpenedRun;
    readonly stages: string[];
    readonly startedMs: number;
  },
): Manifest {
  const { config, opened } = options;
  const { backend } = opened;
  return {
    run: options.folder.run,
    recipe: options.recipe.name,
    configPath: options.configPath,
    config,
    configHash: hashOf(config),
    version: packageVersion(),
    node: process.version,
    seed: config.seed,
    prompts: { ...opened.prompts },
    models: Object.fromEntries(opened.models.map((model) => [model.name, model.identity])),
    sandbox: {
      backend: backend.name,
      environment: backend.environment.id,
      image: backend.environment.image,
      versions: backend.environment.versions,
      limits: { ...backend.limits },
    },
    datasets: [...opened.datasets],
    stages: options.stages,
    startedAt: new Date(options.startedMs).toISOString(),
    argv: process.argv.slice(2),
  };
}
