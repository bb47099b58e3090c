import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ExportedFile } from "../contracts.ts";
import { StoreError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";
import type { RunStatus, RunSummary } from "../domain/run.ts";
import { openEventLog } from "../engine/events.ts";
import { type Account, executeLine } from "../engine/execute.ts";
import { createRemember, lostIntents } from "../engine/remember.ts";
import { openStore } from "../engine/store.ts";
import { inProcess } from "../executors/in-process.ts";
import { writeCard } from "../exports/card.ts";
import { exporters } from "../exports/index.ts";
import { writeExportManifest } from "../exports/manifest.ts";
import { exampleTally } from "../exports/tally.ts";
import { exportExamples } from "../exports/write-all.ts";
import { createMeter, type Meter } from "../models/meter.ts";
import { teacherModel } from "../models/offline-teacher/teacher.ts";
import { packageVersion } from "../package.ts";
import type { Recipe, RunConfig } from "../recipe.ts";
import { stopOnInterrupt } from "./interrupt.ts";
import { type OpenedRun, openRun } from "./open-run.ts";
import { showProgress } from "./progress.ts";
import { createRunFolder, type RunFolder, storePathOf, writeJson } from "./run-folder.ts";

/** Exit codes of a finished run by its status; the table stands in docs/files.md. */
const exitCodes: Readonly<Record<RunStatus, number>> = {
  done: 0,
  crashed: 1,
  owed: 3,
  budget: 4,
  short: 5,
  interrupted: 130,
};

/**
 * Runs a recipe once: opens and checks everything, executes the line, exports, writes manifest, summary and card, and says how
 * it went. Returns the exit code. @throws {UsageError} before anything is spent; {StoreError} when the disk refuses.
 */
export async function executeRun(options: {
  readonly recipe: Recipe;
  readonly config: RunConfig;
  readonly configPath: string;
  readonly output: string;
}): Promise<number> {
  const { recipe, config, output } = options;
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const startedMs = Date.now();
  const storeFolder = join(output, "store");
  await mkdir(storeFolder, { recursive: true });
  await using store = await openStore(storePathOf(output));
  using interrupt = stopOnInterrupt(say);
  const meter = createMeter();
  const remember = createRemember(store);
  const lost = await lostIntents(store);
  if (lost > 0)
    say(`${lost} requests were under way when an earlier run ended; they are sent again where they are needed`);
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
  const folder = await createRunFolder({ output, configHash: hashOf(config), now: new Date(startedMs) });
  await writeManifest(
    folder,
    opened,
    options,
    line.stages.map((stage) => stage.name),
    startedMs,
  );
  say(`run       ${folder.path}\n`);

  const events = await openEventLog(folder.eventsPath);
  events.write({ type: "started", at: new Date(startedMs).toISOString(), run: folder.run, recipe: recipe.name });
  const { items, account } = executeLine(line, {
    store,
    events,
    executor: inProcess(),
    draining: interrupt.draining,
    signal: interrupt.stopping,
  });
  const progress = showProgress({
    account,
    usage: () => meter.total(),
    expected: recipe.target(config),
    stream: process.stderr,
    isTerminal: process.stderr.isTTY === true,
    columns: () => process.stderr.columns ?? 100,
    now: Date.now,
    intervalMs: process.stderr.isTTY ? 200 : 5000,
  });
  interrupt.tell((text) => progress.log(text));
  const tally = exampleTally();
  const end = async (status: RunStatus): Promise<RunSummary> => {
    events.write({ type: "ended", at: new Date().toISOString(), status });
    await events[Symbol.asyncDispose]();
    const summary = summarise({ run: folder.run, status, examples: tally.examples(), account, meter, lost, startedMs });
    await writeJson(folder.summaryPath, summary);
    return summary;
  };
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
    progress.stop();
    if (error instanceof StoreError) throw error; // the disk refuses: a summary could not be written either
    await end(interrupt.stopping.aborted ? "interrupted" : "crashed");
    if (interrupt.stopping.aborted) return exitCodes.interrupted;
    throw error;
  }
  progress.stop();
  const rows = account.rows();
  const owed = rows.reduce((sum, row) => sum + row.failed, 0);
  const status: RunStatus = interrupt.draining.aborted
    ? "interrupted"
    : owed > 0
      ? "owed"
      : tally.examples() < recipe.target(config)
        ? "short"
        : "done";
  const summary = await end(status);
  await writeExportManifest({ folder: folder.exportsPath, run: folder.run, files, owed });
  await writeCard({
    folder: folder.exportsPath,
    title: config.export.title,
    licence: config.export.licence,
    files,
    tally,
    funnel: rows,
    datasets: opened.datasets,
    models: opened.models.map((model) => ({
      name: model.name,
      identity: model.identity,
      program: model.identity.model === teacherModel,
    })),
    owed,
    run: folder.run,
  });
  say(closingWords({ summary, folder, files, target: recipe.target(config), owed, output }));
  return exitCodes[status];
}

async function writeManifest(
  folder: RunFolder,
  opened: OpenedRun,
  options: { recipe: Recipe; config: RunConfig; configPath: string },
  stages: string[],
  startedMs: number,
): Promise<void> {
  const { backend } = opened;
  await writeJson(folder.manifestPath, {
    run: folder.run,
    recipe: options.recipe.name,
    configPath: options.configPath,
    config: options.config,
    configHash: hashOf(options.config),
    version: packageVersion(),
    node: process.version,
    seed: options.config.seed,
    prompts: opened.prompts,
    models: Object.fromEntries(opened.models.map((model) => [model.name, model.identity])),
    sandbox: {
      backend: backend.name,
      environment: backend.environment.id,
      image: backend.environment.image,
      versions: backend.environment.versions,
      limits: backend.limits,
    },
    datasets: opened.datasets,
    stages,
    startedAt: new Date(startedMs).toISOString(),
    argv: process.argv.slice(2),
  });
}

function summarise(options: {
  run: string;
  status: RunStatus;
  examples: number;
  account: Account;
  meter: Meter;
  lost: number;
  startedMs: number;
}): RunSummary {
  const total = options.meter.total();
  return {
    run: options.run,
    status: options.status,
    examples: options.examples,
    funnel: options.account.rows(),
    requests: { sent: total.sent, remembered: total.remembered, failed: total.failed, lost: options.lost },
    tokens: { input: total.inputTokens, output: total.outputTokens },
    costUsd: total.costUsd,
    wallSeconds: Math.round((Date.now() - options.startedMs) / 100) / 10,
  };
}

function closingWords(options: {
  summary: RunSummary;
  folder: RunFolder;
  files: readonly ExportedFile[];
  target: number;
  owed: number;
  output: string;
}): string {
  const { summary, folder, files, target, owed } = options;
  const first = summary.funnel[1] ?? summary.funnel[0];
  const rejected = summary.funnel.reduce((sum, row) => sum + row.rejected, 0);
  const again = "run the same command again: nothing that was received is paid twice";
  const lines = [
    "",
    `${summary.examples} examples from ${first?.in ?? 0} queries; ${rejected} items rejected, each with a reason`,
    `${summary.requests.sent} requests sent, ${summary.requests.remembered} remembered, ${summary.wallSeconds} s`,
    ...files.map((file) => `  ${file.path}  (${file.rows} rows, ${file.bytes} bytes)`),
  ];
  if (owed > 0)
    lines.push(`${owed} items owed because something broke; ${again}. Until then the exports are provisional.`);
  if (summary.status === "interrupted") lines.push(`Stopped before the end; ${again}.`);
  if (summary.status === "short") {
    lines.push(
      `Asked for ${target} examples, got ${summary.examples}: nothing was lowered to fill the gap. See where they went with the audit, then add datasets or questions, or move a threshold (costs nothing).`,
    );
  }
  const where = options.output.endsWith("/output") ? "" : ` --output ${options.output}`;
  lines.push("", `next: tracemill audit ${summary.run}${where}`, `      results in ${folder.path}`);
  return lines.join("\n");
}
