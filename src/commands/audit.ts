import { resolve } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { commandOf, exists, findRun, type RunFolder, readManifest, readSummary } from "../archive/run-folder.ts";
import { openStoredBodies } from "../archive/stored-bodies.ts";
import { type Audit, auditPage } from "../audit/audit-page.ts";
import { countFunnel, funnelProblems, withFirstPending } from "../audit/funnel.ts";
import { pickSamples } from "../audit/samples.ts";
import { shellWord } from "../audit/text.ts";
import { UsageError } from "../domain/errors.ts";
import { readEvents } from "../engine/events.ts";

export interface AuditArguments {
  readonly run: string;
  readonly output: string;
  readonly json: boolean;
  readonly samples: number;
  readonly stage?: string | undefined;
  readonly reason?: string | undefined;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("run", { type: "string", default: "latest", describe: "`latest`, a run's id or its folder" })
    .option("json", { type: "boolean", default: false, describe: "Print everything as one JSON object" })
    .option("samples", { type: "number", default: 3, describe: "Items shown for each stage and reason" })
    .option("stage", { type: "string", describe: "Show samples of this stage only" })
    .option("reason", { type: "string", describe: "Show samples of this reason code only" });
}

export async function handler(args: ArgumentsCamelCase<AuditArguments>): Promise<void> {
  if (!Number.isInteger(args.samples) || args.samples < 0) {
    throw new UsageError(
      `Expected --samples to be a whole number from 0, got \`${Number.isNaN(args.samples) ? "no number" : args.samples}\``,
    );
  }
  const folder = await findRun(args.output, args.run);
  const audit = await auditRun(folder, args);
  process.stdout.write(
    args.json ? `${JSON.stringify(audit, null, 2)}\n` : auditPage(audit, { now: new Date(), flags: flagsOf(folder) }),
  );
}

/** Reads and counts one run, finished or not. @throws {UsageError} for a stage or reason that is not in it. */
export async function auditRun(
  folder: RunFolder,
  options: { samples: number; stage?: string | undefined; reason?: string | undefined },
): Promise<Audit> {
  const [manifest, summary] = [await readManifest(folder), await readSummary(folder)];
  const open = () => readEvents(folder.eventsPath);
  const funnel = await countFunnel((await exists(folder.eventsPath)) ? open() : nothing(), {
    stages: manifest?.stages ?? summary?.funnel.map((row) => row.stage),
  });
  const rows = withFirstPending(funnel.rows, summary);
  const stages = rows.map((row) => row.stage);
  expectOneOf("--stage", options.stage, stages);
  expectOneOf(
    "--reason",
    options.reason,
    rows
      .filter((row) => options.stage === undefined || row.stage === options.stage)
      .flatMap((row) => [...Object.keys(row.reasons), ...Object.keys(row.failures)]),
  );
  await using bodies = await openStoredBodies(folder);
  const samples =
    funnel.lastAt === null ? [] : await pickSamples(open, stages.at(-1) ?? null, { ...options, get: bodies.get });
  return {
    run: folder.run,
    recipe: manifest?.recipe ?? null,
    config: manifest?.configPath ?? null,
    command: manifest === null ? null : commandOf(manifest),
    status: summary?.status ?? null,
    lastEventAt: funnel.lastAt,
    yield: funnel.yield,
    funnel: rows,
    problems: funnelProblems(funnel.rows, summary),
    notes: funnel.notes,
    totals: summary && {
      examples: summary.examples,
      requests: summary.requests,
      tokens: summary.tokens,
      costUsd: summary.costUsd,
      wallSeconds: summary.wallSeconds,
      ...(summary.spend === undefined ? {} : { spend: summary.spend }),
      ...(summary.usedUsd === undefined ? {} : { usedUsd: summary.usedUsd }),
      ...(summary.costPerExampleUsd === undefined ? {} : { costPerExampleUsd: summary.costPerExampleUsd }),
    },
    samples,
  };
}

/** What a command needs to find this run again from here; empty where its folder is the default one. */
function flagsOf(folder: RunFolder): string {
  const output = resolve(folder.path, "..", "..");
  if (output === resolve("output")) return "";
  return `--output ${shellWord(output)}`;
}

async function* nothing(): AsyncGenerator<never> {}

function expectOneOf(option: string, given: string | undefined, known: readonly string[]): void {
  if (given === undefined || known.includes(given)) return;
  const names = [...new Set(known)].join(", ");
  throw new UsageError(`Expected ${option} to be one of ${names || "none yet: nothing has ended"}, got \`${given}\``);
}
