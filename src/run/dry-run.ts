// `run --dry-run`: opens and checks everything, goes over what is remembered, and says what a run would still do.
import { join, relative } from "node:path";
import { exitCodes } from "../archive/run-end.ts";
import { storePathOf } from "../archive/run-folder.ts";
import { decidedBy, readWaivers } from "../archive/waivers.ts";
import { makeWritableFolder } from "../archive/writable-folder.ts";
import { firstError } from "../domain/errors.ts";
import { hashOf } from "../domain/hash.ts";
import { executeLine } from "../engine/execute.ts";
import { createRecall, createRemember } from "../engine/remember.ts";
import { openStoreInUse } from "../engine/store-users.ts";
import { inProcess } from "../executors/in-process.ts";
import { exporters } from "../exports/index.ts";
import { createMeter } from "../models/meter.ts";
import { processSecrets } from "../telemetry/run-secrets.ts";
import { openWatch } from "../telemetry/watch.ts";
import { type DryRun, dryRunPage } from "./dry-run-page.ts";
import { experienceOf } from "./earlier-runs.ts";
import { estimate } from "./estimate.ts";
import type { RunOptions } from "./execute-run.ts";
import { stopOnInterrupt } from "./interrupt.ts";
import { type OpenedRun, openRun } from "./open-run.ts";
import { recallOnly } from "./recall.ts";

/**
 * Checks config, data, models and sandbox as a run would, and prints what it would do and cost. Sends no completion, runs no model's code
 * and makes no run folder. Returns the exit code. @throws {UsageError} for what would stop a run.
 */
export async function dryRun(options: RunOptions, { json }: { readonly json: boolean }): Promise<number> {
  using interrupt = stopOnInterrupt(say);
  try {
    const found = await look(options, interrupt);
    process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : dryRunPage(found));
    return exitCodes.done;
  } catch (error) {
    const { draining, stopping } = interrupt;
    const isOurs = [draining, stopping].some(({ aborted, reason }) => aborted && reason === firstError(error));
    if (!isOurs) throw error;
    return exitCodes.interrupted;
  }
}

async function look(
  options: RunOptions,
  { draining, stopping }: { readonly draining: AbortSignal; readonly stopping: AbortSignal },
): Promise<DryRun> {
  const { recipe, config, output, limit } = options;
  const storeFolder = join(output, "store");
  await makeWritableFolder(storeFolder);
  await using store = await openStoreInUse(storePathOf(output), `tracemill run ${options.configPath} --dry-run`);
  const meter = createMeter();
  // Nothing of a look leaves the machine: it has no environment that could name a collector.
  await using watch = await openWatch({
    ...{ ...options.logging, recipe: recipe.name, secrets: processSecrets(), env: {}, say, tell: say, facts: {} },
  });
  await using opened = await openRun({
    ...{ config, storeFolder, meter, limit, watch, secrets: processSecrets(), configPath: options.configPath },
    remember: recallOnly(store, createRemember(store)),
    recall: createRecall(store),
    env: process.env,
    signal: stopping,
    build: (kit) => recipe.build(config, kit),
  });
  const { line } = opened;
  const events = { write: () => {} };
  const { items, account } = executeLine(line, {
    ...{ store, events, executor: inProcess(), draining, signal: stopping },
    decided: decidedBy(readWaivers(store)),
  });
  for await (const _ of items);
  draining.throwIfAborted(); // what was left out would be missing from the estimate
  const plan = estimate({
    rows: account.rows(),
    expects: recipe.expects?.(config) ?? {},
    experience: await experienceOf({ output, recipe: recipe.name, store }),
    recalled: Object.fromEntries(
      Object.entries(meter.aliases()).map(([alias, tally]) => [
        alias,
        {
          requests: tally.remembered,
          inputTokens: tally.rememberedInputTokens,
          outputTokens: tally.rememberedOutputTokens,
        },
      ]),
    ),
    prices: new Map(opened.served.map((model) => [model.name, model.price ?? null])),
  });
  const { backend } = opened;
  const runFolder = join(relative(process.cwd(), output) || ".", "runs", `<time>-${hashOf(config).slice(0, 8)}`);
  const exported = exporters.filter((exporter) => config.export.formats.includes(exporter.name));
  return {
    recipe: recipe.name,
    config: options.configPath,
    limit: limit ?? null,
    target: recipe.target(config),
    datasets: opened.datasets.map((dataset) => datasetFacts(opened, dataset)),
    tasks: opened.survey,
    models: opened.served.map(({ name, identity, price }) => ({
      ...{ alias: name, model: String(identity.model), endpoint: String(identity.endpoint), price: price ?? null },
    })),
    sandbox: {
      ...{ backend: backend.name, environment: backend.environment.id, limits: { ...backend.limits } },
      concurrency: config.sandbox.concurrency,
    },
    plan,
    writes: [
      ...["manifest.json", "events.jsonl", "run.log", "status.json", "used-keys.txt", "summary.json", "examples.csv"],
      ...[...exported.map(({ fileName }) => fileName), "README.md", "manifest.json"].map((name) =>
        join("exports", name),
      ),
    ].map((name) => join(runFolder, name)),
  };
}

function datasetFacts({ profiles }: OpenedRun, dataset: OpenedRun["datasets"][number]): DryRun["datasets"][number] {
  const { name, id, files } = dataset;
  const profile = profiles.get(id) ?? [];
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const rows = profile.reduce((sum, file) => sum + file.rows, 0);
  const columns = profile.flatMap((file) => file.columns);
  const kinds: Record<string, number> = {};
  for (const { kind } of columns) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return { name, id, files: files.length, bytes, rows, columns: columns.length, kinds };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
