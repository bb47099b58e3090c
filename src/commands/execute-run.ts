import { join, relative } from "node:path";
import type { ExportedFile, LogLevel } from "../contracts.ts";
import { firstError, StoreError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";
import type { RunStatus, RunSummary } from "../domain/run.ts";
import { openEventLog } from "../engine/events.ts";
import { executeLine } from "../engine/execute.ts";
import { createRemember, lostIntents } from "../engine/remember.ts";
import { openStoreInUse } from "../engine/store-users.ts";
import { inProcess } from "../executors/in-process.ts";
import { writeCard } from "../exports/card.ts";
import { exporters } from "../exports/index.ts";
import { writeExportManifest } from "../exports/manifest.ts";
import { type ExampleTally, exampleTally } from "../exports/tally.ts";
import { exportExamples } from "../exports/write-all.ts";
import { createMeter } from "../models/meter.ts";
import { teacherModel } from "../models/offline-teacher/teacher.ts";
import { packageVersion } from "../package.ts";
import type { Recipe, RunConfig } from "../recipe.ts";
import { openWatch, type Watch } from "../telemetry/watch.ts";
import { type Interrupt, stopOnInterrupt } from "./interrupt.ts";
import { type OpenedRun, openRun } from "./open-run.ts";
import { showProgress } from "./progress.ts";
import { checkRoom } from "./room.ts";
import { closingWords, countOwed, exitCodes, runAgain, statusOf, statusOfError } from "./run-end.ts";
import { createRunFolder, type Manifest, type RunFolder, storePathOf, writeJson } from "./run-folder.ts";
import { processSecrets } from "./run-secrets.ts";
import { stopOnTrouble } from "./trouble.ts";
import { noteUsed } from "./used-keys.ts";
import { decidedBy, readWaivers } from "./waivers.ts";
import { makeWritableFolder } from "./writable-folder.ts";

export interface RunOptions {
  readonly recipe: Recipe;
  readonly config: RunConfig;
  readonly configPath: string;
  /** Absolute path of the folder for runs and the store. */
  readonly output: string;
  readonly logging: { readonly level: LogLevel; readonly verbose: boolean };
  /** Start only so many seeds or questions; then a shortfall is no shortfall. */
  readonly limit?: number | undefined;
  /** The run is a look at the first few: its manifest, exports and card say so. */
  readonly preview?: boolean;
  /** Told the run's folder once there is one. */
  readonly onFolder?: (folder: RunFolder) => void;
}

/**
 * Runs a recipe once: opens and checks everything, executes the line, exports, writes manifest, card and summary, and says how it
 * went. Returns the exit code. @throws {UsageError} for what only a person can mend; {StoreError} when the disk refuses.
 */
export async function executeRun(options: RunOptions): Promise<number> {
  using interrupt = stopOnInterrupt(say);
  await using watch = await openWatch({
    ...options.logging,
    recipe: options.recipe.name,
    secrets: processSecrets(),
    env: process.env,
    say,
    facts: {
      version: packageVersion(),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      pid: process.pid,
      argv: process.argv.slice(2),
    },
  });
  interrupt.tell(watch.say);
  try {
    return await openAndRun(options, interrupt, watch);
  } catch (error) {
    if (!interrupt.stopping.aborted || firstError(error) !== interrupt.stopping.reason) {
      watch.broke(firstError(error));
      throw error;
    }
    watch.say(`Stopped. To go on, ${runAgain}.`);
    return exitCodes.interrupted;
  }
}

async function openAndRun(options: RunOptions, interrupt: Interrupt, watch: Watch): Promise<number> {
  const { recipe, config, output } = options;
  const startedMs = Date.now();
  const storeFolder = join(output, "store");
  await makeWritableFolder(storeFolder);
  await checkRoom({ output, storeFolder, config, configPath: options.configPath });
  await using store = await openStoreInUse(storePathOf(output), `tracemill run ${options.configPath}`);
  const meter = createMeter();
  const remember = createRemember(store);
  const lostBefore = await lostIntents(store);
  if (lostBefore > 0) {
    watch.say(
      `${lostBefore} requests were under way when an earlier run ended; they are sent again where they are needed`,
    );
  }
  using used = noteUsed(remember);
  await using opened = await openRun({
    config,
    configPath: options.configPath,
    storeFolder,
    remember: used.remember,
    meter,
    env: process.env,
    signal: interrupt.stopping,
    secrets: processSecrets(),
    watch,
    limit: options.limit,
    build: (kit) => recipe.build(config, kit),
  });
  const { line } = opened;
  if (interrupt.draining.aborted) {
    say("Stopped before anything was started.");
    return exitCodes.interrupted;
  }
  const folder = await createRunFolder({ output, configHash: hashOf(config), now: new Date(startedMs) });
  const stages = line.stages.map((stage) => stage.name);
  const manifest = manifestOf({ ...options, folder, opened, stages, startedMs });
  await writeJson(folder.manifestPath, processSecrets().cutAll(manifest));
  options.onFolder?.(folder);
  used.writeTo(folder.usedPath);
  say(`run       ${folder.run}\n`);

  await using events = await openEventLog(folder.eventsPath);
  const { logPath } = folder;
  const draining = interrupt.draining;
  const watched = watch.begin({ name: folder.run, logPath, events, draining });
  events.write({ type: "started", at: new Date(startedMs).toISOString(), run: folder.run, recipe: recipe.name });
  const trouble = stopOnTrouble(config.maxFailureRate, watch.say);
  const { items, account } = executeLine(line, {
    store,
    events: watched,
    executor: watch.executor(inProcess()),
    draining: AbortSignal.any([interrupt.draining, trouble.signal]),
    signal: interrupt.stopping,
    decided: decidedBy(readWaivers(store)),
    tried: trouble.tried,
  });
  watch.count({ rows: () => account.rows(), requests: () => meter.aliases() });
  const target = recipe.target(config);
  const tally = exampleTally();

  async function end(status: RunStatus): Promise<RunSummary> {
    const because = trouble.sentence();
    for (const message of [...notesOf(options, tally), ...(because === null ? [] : [because])]) {
      watched.write({ type: "note", at: new Date().toISOString(), message });
    }
    events.write({ type: "ended", at: new Date().toISOString(), status });
    events.flush();
    const { sent, remembered, failed, inputTokens, outputTokens, costUsd } = meter.total();
    const summary: RunSummary = {
      run: folder.run,
      status,
      ...(because === null ? {} : { because }),
      examples: tally.examples(),
      funnel: account.rows(),
      requests: { sent, remembered, failed, lost: lostBefore + remember.lost() },
      tokens: { input: inputTokens, output: outputTokens },
      costUsd,
      wallSeconds: Math.round((Date.now() - startedMs) / 100) / 10,
    };
    const { examples, requests, tokens, wallSeconds } = summary;
    watch.end(status, { examples, requests, tokens, costUsd, wallSeconds });
    await writeJson(folder.summaryPath, summary);
    return summary;
  }

  const progress = showProgress({
    account,
    usage: () => meter.total(),
    ...(target > 0 ? { expected: target } : {}),
    stream: process.stderr,
    isTerminal: process.stderr.isTTY === true,
    columns: () => process.stderr.columns ?? 100,
    now: Date.now,
    intervalMs: process.stderr.isTTY ? 200 : 5000,
  });
  watch.tell((text) => progress.log(text));
  let files: ExportedFile[];
  try {
    files = await exportExamples({
      examples: items,
      exporters: [
        ...exporters.filter((exporter) => config.export.formats.includes(exporter.name)),
        ...(recipe.exporters ?? []),
      ],
      folder: folder.exportsPath,
      indexPath: folder.examplesPath,
      watch: tally.add,
    });
  } catch (error) {
    // Where the disk refuses, the end could not be written either: such a run reads like one that was killed.
    if (!(error instanceof StoreError)) {
      const status = statusOfError(error, interrupt.stopping);
      await end(status).catch((second: unknown) => say(`The run's end could not be written: ${second}`));
    }
    throw error;
  } finally {
    progress.stop();
    watch.tell(say);
  }

  const owed = countOwed(account.rows());
  const failing = trouble.signal.aborted;
  const stopped = failing || interrupt.draining.aborted;
  const status = statusOf({
    failing,
    interrupted: interrupt.draining.aborted,
    owed,
    examples: tally.examples(),
    target,
  });
  await writeCard({
    folder: folder.exportsPath,
    title: processSecrets().cut(config.export.title),
    licence: processSecrets().cut(config.export.licence),
    files,
    tally,
    funnel: account.rows(),
    datasets: opened.datasets,
    models: opened.models.map(({ name, identity }) => ({ name, identity, program: identity.model === teacherModel })),
    owed,
    stopped,
    limit: options.limit ?? null,
    preview: options.preview === true,
    run: folder.run,
  });
  await writeExportManifest({
    folder: folder.exportsPath,
    run: folder.run,
    files,
    owed,
    stopped,
    limit: options.limit ?? null,
    preview: options.preview === true,
  });
  const summary = await end(status);
  const here = (path: string) => relative(process.cwd(), path) || ".";
  const flags = here(output) === "output" ? "" : ` --output ${here(output)}`;
  const shown = files.map((file) => ({ ...file, path: here(file.path) }));
  say(closingWords({ summary, path: here(folder.path), files: shown, target, flags, notes: notesOf(options, tally) }));
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
    ...(options.limit === undefined ? {} : { limit: options.limit, preview: options.preview === true }),
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

/** What whoever reads the run's numbers has to know besides. */
function notesOf({ limit, preview }: RunOptions, tally: ExampleTally): string[] {
  const { unreferenced, examples } = tally.statistics();
  return [
    ...(limit === undefined
      ? []
      : [`${preview ? "A preview" : "Limited (--limit)"}: only the first ${limit} seeds or questions were started`]),
    ...(unreferenced === 0
      ? []
      : [
          `${unreferenced} of ${examples} examples answer questions that had no reference answer: nothing told right from wrong there`,
        ]),
  ];
}

function say(line: string): void {
  process.stderr.write(`${processSecrets().cut(line)}\n`);
}
