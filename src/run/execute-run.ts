import { join, relative } from "node:path";
import {
  budgetSentence,
  closingWords,
  countOwed,
  exitCodes,
  runAgain,
  statusOf,
  statusOfError,
} from "../archive/run-end.ts";
import { createRunFolder, type RunFolder, storePathOf, writeJson } from "../archive/run-folder.ts";
import { openRunLedger } from "../archive/run-ledger.ts";
import { noteUsed } from "../archive/used-keys.ts";
import { decidedBy, readWaivers } from "../archive/waivers.ts";
import { makeWritableFolder } from "../archive/writable-folder.ts";
import { shellWord } from "../audit/text.ts";
import { type BudgetError, firstError, StoreError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";
import type { LogLevel } from "../domain/log-level.ts";
import { type RunStatus, type RunSummary, usedUsd } from "../domain/run.ts";
import { openEventLog } from "../engine/events.ts";
import { executeLine } from "../engine/execute.ts";
import type { Executor } from "../engine/executor.ts";
import { createRecall, createRemember, lostIntents } from "../engine/remember.ts";
import { openStoreInUse } from "../engine/store-users.ts";
import { inProcess } from "../executors/in-process.ts";
import { exampleTally } from "../exports/card/tally.ts";
import { relativeTo } from "../exports/options.ts";
import { refusalText } from "../models/budget-words.ts";
import { createMeter } from "../models/meter.ts";
import { packageVersion } from "../package.ts";
import type { Recipe, RunConfig } from "../recipe.ts";
import { endsInWords } from "../sandboxes/ends.ts";
import { processSecrets } from "../telemetry/run-secrets.ts";
import { openWatch, type Watch } from "../telemetry/watch.ts";
import { type ExportResult, exportRun, planExport } from "./export-run.ts";
import { finishExport } from "./finish-export.ts";
import { type Interrupt, stopOnInterrupt } from "./interrupt.ts";
import { type Journal, journalled } from "./journal.ts";
import { type Live, openLive } from "./live.ts";
import { openBudget } from "./open-budget.ts";
import { type OpenedRun, openRun } from "./open-run.ts";
import { checkRoom } from "./room.ts";
import { manifestOf, notesOf } from "./run-manifest.ts";
import { spendingExecutor } from "./spending.ts";
import { snapshotsOf } from "./take-snapshot.ts";
import { stopOnTrouble } from "./trouble.ts";
import { viewOf } from "./view.ts";

export interface RunOptions {
  readonly recipe: Recipe;
  readonly config: RunConfig;
  readonly configPath: string;
  /** Absolute path of the folder for runs and the store. */
  readonly output: string;
  readonly logging: { readonly level: LogLevel; readonly verbose: boolean };
  /** How to show it: JSON lines on stdout, hardly anything, or what suits the terminal. */
  readonly shown: { readonly json: boolean; readonly quiet: boolean };
  /** Start only so many seeds or questions; then a shortfall is no shortfall. */
  readonly limit?: number | undefined;
  /** The run is a look at the first few: its manifest, exports and card say so. */
  readonly preview?: boolean;
  /** Writes down what each item costs; `opened` is told what the run is made of, before it begins. */
  readonly pilot?: { readonly journal: Journal; readonly opened: (run: OpenedRun) => void };
  /** Told the run's folder once there is one. */
  readonly onFolder?: (folder: RunFolder) => void;
}

/**
 * Runs a recipe once: opens and checks everything, executes the line, exports, writes manifest, card and summary, and says how it
 * went. Returns the exit code. @throws {UsageError} for what only a person can mend; {StoreError} when the disk refuses.
 */
export async function executeRun(options: RunOptions): Promise<number> {
  const { stdout, stderr, env } = process;
  using live = openLive(viewOf({ ...options.shown, stdout, stderr, env }));
  await using watch = await openWatch({
    ...options.logging,
    recipe: options.recipe.name,
    secrets: processSecrets(),
    env,
    say: (line) => live.log("info", line),
    tell: live.tell,
    facts: {
      version: packageVersion(),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      pid: process.pid,
      argv: process.argv.slice(2),
    },
  });
  using interrupt = stopOnInterrupt(watch.tell);
  try {
    return await openAndRun(options, { interrupt, watch, live });
  } catch (error) {
    if (!interrupt.stopping.aborted || firstError(error) !== interrupt.stopping.reason) {
      watch.broke(firstError(error));
      throw error;
    }
    watch.tell(`Stopped. To go on, ${runAgain}.`);
    return exitCodes.interrupted;
  }
}

async function openAndRun(
  options: RunOptions,
  { interrupt, watch, live }: { readonly interrupt: Interrupt; readonly watch: Watch; readonly live: Live },
): Promise<number> {
  const { recipe, config, output } = options;
  const secrets = processSecrets();
  const startedMs = Date.now();
  const storeFolder = join(output, "store");
  await makeWritableFolder(storeFolder);
  await checkRoom({ output, storeFolder, config, configPath: options.configPath });
  const plan = await planExport(relativeTo(options.configPath, config.export), {
    seed: config.seed,
    own: recipe.exporters ?? [],
  });
  await using store = await openStoreInUse(storePathOf(output), `tracemill run ${options.configPath}`);
  const { pilot } = options;
  const meter = pilot === undefined ? createMeter() : pilot.journal.meter(createMeter());
  const remember = createRemember(store);
  const lostBefore = await lostIntents(store);
  if (lostBefore > 0) {
    watch.say(
      `${lostBefore} requests were under way when an earlier run ended; they are sent again where they are needed`,
    );
  }
  await using budget = await openBudget({
    config,
    store,
    signal: interrupt.stopping,
    say: watch.say,
    tell: watch.tell,
  });
  using used = noteUsed(remember);
  await using opened = await openRun({
    config,
    configPath: options.configPath,
    storeFolder,
    remember: used.remember,
    recall: used.recalls(createRecall(store)),
    lease: (key, signal) => store.lease(key, signal),
    meter,
    budget,
    env: process.env,
    signal: interrupt.stopping,
    secrets,
    watch: pilot === undefined ? watch : journalled(watch, pilot.journal),
    limit: options.limit,
    build: (kit) => recipe.build(config, kit),
  });
  const { line } = opened;
  pilot?.opened(opened);
  if (interrupt.draining.aborted) {
    watch.tell("Stopped before anything was started.");
    return exitCodes.interrupted;
  }
  const folder = await createRunFolder({ output, configHash: hashOf(config), now: new Date(startedMs) });
  await writeJson(folder.manifestPath, secrets.cutAll(manifestOf(options, { folder, opened, startedMs })));
  used.writeTo(folder.usedPath);
  options.onFolder?.(folder);
  watch.say(`run       ${folder.run}\n`);

  await using log = await openEventLog(folder.eventsPath);
  const trouble = stopOnTrouble(config.maxFailureRate, { say: watch.tell, interrupted: interrupt.draining });
  const draining = AbortSignal.any([interrupt.draining, trouble.signal]);
  const events = watch.begin({
    ...{ name: folder.run, logPath: folder.logPath, events: log, draining: interrupt.draining },
  });
  events.write({ type: "started", at: new Date(startedMs).toISOString(), run: folder.run, recipe: recipe.name });
  let unpaid: BudgetError | undefined;
  const { items, account } = executeLine(line, {
    store,
    events,
    executor: spendingExecutor(journalledExecutor(watch.executor(inProcess()))),
    draining,
    signal: interrupt.stopping,
    decided: decidedBy(readWaivers(store)),
    tried: trouble.tried,
    unpaid: (error) => {
      unpaid ??= error;
    },
  });
  function journalledExecutor(inner: Executor): Executor {
    return pilot === undefined ? inner : pilot.journal.executor(inner);
  }
  watch.count({ rows: () => account.rows(), requests: () => meter.aliases() });
  const target = options.limit === undefined ? recipe.target(config) : 0;
  const tally = exampleTally();

  async function end(status: RunStatus): Promise<RunSummary> {
    const refusals = budget?.refusals().map(refusalText) ?? [];
    const spent = refusals.length > 0 || unpaid === undefined ? refusals : [unpaid.message];
    const because = status === "budget" ? budgetSentence(spent, account.rows()) : trouble.sentence();
    for (const message of [...notesOf(options, tally), ...(because === null ? [] : [because])]) {
      events.write({ type: "note", at: new Date().toISOString(), message });
    }
    events.write({ type: "ended", at: new Date().toISOString(), status });
    log.flush();
    const { sent, remembered, failed, inputTokens, outputTokens, costUsd } = meter.total();
    const spend = meter.spend();
    const used = usedUsd(spend);
    const summary: RunSummary = secrets.cutAll({
      run: folder.run,
      status,
      ...(because === null ? {} : { because }),
      examples: tally.examples(),
      funnel: account.rows(),
      requests: { sent, remembered, failed, lost: lostBefore + remember.lost() },
      tokens: { input: inputTokens, output: outputTokens },
      costUsd,
      spend,
      usedUsd: used,
      costPerExampleUsd: used === null || tally.examples() === 0 ? null : used / tally.examples(),
      ...(budget === null ? {} : { budget: budget.spent() }),
      wallSeconds: Math.round((Date.now() - startedMs) / 100) / 10,
    });
    const { examples, requests, tokens, wallSeconds } = summary;
    const sandboxes = endsInWords(opened.backend.ends());
    watch.end(status, { examples, requests, tokens, costUsd, wallSeconds, sandboxes });
    await writeJson(folder.summaryPath, summary);
    await live.finish(status);
    live.summary(summary, { path: folder.path, exitCode: exitCodes[status] });
    return summary;
  }

  const snapshots = snapshotsOf({
    ...{ run: folder.run, recipe: recipe.name, startedMs, account, meter, target: target > 0 ? target : null },
    ...{ admissions: opened.admissions, models: opened.served, backend: opened.backend },
    budget: () => budget?.spent() ?? [],
    isDraining: () => draining.aborted,
  });
  live.follow((ended) => secrets.cutAll(snapshots(ended)), folder.statusPath);
  const ledgerOf = () => {
    log.flush();
    return openRunLedger(folder);
  };
  let exported: ExportResult;
  try {
    exported = await exportRun({
      plan,
      folder: folder.exportsPath,
      indexPath: folder.examplesPath,
      examples: items,
      watch: tally.add,
      openLedger: ledgerOf,
    });
  } catch (error) {
    // Where the disk refuses, the end could not be written either: such a run reads like one that was killed.
    if (!(error instanceof StoreError)) {
      const status = statusOfError(error, interrupt.stopping);
      await end(status).catch((second: unknown) => watch.tell(`The run's end could not be written: ${second}`));
    }
    throw error;
  }

  const files = exported.formats.flatMap((format) => format.files);
  const owed = countOwed(account.rows());
  const isSpent = unpaid !== undefined;
  const stopped = draining.aborted || isSpent;
  const status = statusOf({
    failing: trouble.signal.aborted,
    interrupted: interrupt.draining.aborted,
    budget: isSpent,
    owed,
    examples: tally.examples(),
    target,
  });
  await finishExport({
    folder: folder.exportsPath,
    manifest: manifestOf(options, { folder, opened, startedMs }),
    exported,
    tally,
    funnel: account.rows(),
    openLedger: ledgerOf,
    title: secrets.cut(config.export.title),
    licence: secrets.cut(config.export.licence),
    owed,
    stopped,
  });
  const summary = await end(status);
  const here = (path: string) => relative(process.cwd(), path) || ".";
  const flags = here(output) === "output" ? "" : ` --output ${shellWord(here(output))}`;
  const shown = files.map((file) => ({ ...file, path: here(file.path) }));
  const words = {
    summary,
    path: here(folder.path),
    files: shown,
    target,
    flags,
    notes: [...notesOf(options, tally), ...exported.notes],
  };
  live.tell(secrets.cut(closingWords(words))); // not to the log, which ends with the same as fields
  return exitCodes[status];
}
