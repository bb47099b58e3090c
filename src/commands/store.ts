import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { storePathOf } from "../archive/run-folder.ts";
import { makeWritableFolder } from "../archive/writable-folder.ts";
import { bytesText, count, plural, shellWord } from "../audit/text.ts";
import type { Store } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { openBlobs } from "../engine/blobs.ts";
import { openStore } from "../engine/store.ts";
import { ownStore } from "../engine/store-owner.ts";
import { compactStore } from "../engine/store-scan.ts";
import { liveUsers, openStoreInUse } from "../engine/store-users.ts";
import { type StorePlaces, storePlaces } from "../upkeep/store-folder.ts";
import { type PruneOptions, planJson, planPrune, planText, prune, refuseWhileUsed } from "../upkeep/store-prune.ts";
import { exportStore, importStore } from "../upkeep/store-share.ts";
import { statsText, storeStats } from "../upkeep/store-stats.ts";
import { checkText, mendStore, type StoreCheck, verifyStore } from "../upkeep/store-verify.ts";

interface StoreArguments {
  readonly output: string;
  readonly json: boolean;
}

/** Damage was found: the same code as for items that are owed, since running again mends most of it. */
const damagedExitCode = 3;

export function builder(argv: Argv): Argv<StoreArguments> {
  const store = argv.option("json", {
    type: "boolean",
    default: false,
    describe: "Print JSON",
  }) as Argv<StoreArguments>;
  return store
    .command("stats", "What lies in the store, how large it is, and what no run refers to", (y) => y, stats)
    .command("verify", "Look whether every value, dataset and run is whole (exit code 3 when not)", fix, verify)
    .command("prune", "Show what no run refers to; with --yes remove it and make the file smaller", choice, pruneStore)
    .command(
      "export <path>",
      "Write what was paid for to one file (or into a folder)",
      path("A file to write, as shared.jsonl.gz, or a folder that is there"),
      exportTo,
    )
    .command(
      "import <path>",
      "Take what another store exported; nothing is replaced",
      path("A file that `store export` wrote"),
      importFrom,
    )
    .demandCommand(1, "Expected one of stats, verify, prune, export, import: `npx tracemill store --help` shows them.");
}

/** Only reached without a verb, which `demandCommand` refuses. */
export function handler(): void {}

const fix = (argv: Argv<StoreArguments>) =>
  argv.option("fix", {
    type: "boolean",
    default: false,
    describe: "Remove what is damaged, so that it is computed anew",
  });

const choice = (argv: Argv<StoreArguments>) =>
  argv
    .option("yes", { type: "boolean", default: false, describe: "Do it" })
    .option("keep-runs", { type: "number", describe: "Also remove all runs but the last so many" })
    .option("older-than", { type: "number", describe: "Also remove runs that began more than so many days ago" })
    .option("completions", {
      type: "boolean",
      default: false,
      describe: "Also what was paid for, where no kept run used it",
    });

const path = (describe: string) => (argv: Argv<StoreArguments>) =>
  argv.positional("path", { type: "string", demandOption: true, describe });

async function stats(args: ArgumentsCamelCase<StoreArguments>): Promise<void> {
  const found = await storeStats(await storePlaces(args.output));
  print(args.json ? found : statsText(found), args.json);
}

async function verify(args: ArgumentsCamelCase<StoreArguments & { fix: boolean }>): Promise<void> {
  const places = await storePlaces(args.output);
  const check = await verifyStore(places);
  const mended = args.fix && check.problems.length > 0 ? await mendAlone(places, check) : 0;
  print(args.json ? { ...check, mended } : checkText(check, mended), args.json);
  if (check.problems.length > mended) process.exitCode = damagedExitCode;
}

async function pruneStore(
  args: ArgumentsCamelCase<
    StoreArguments & {
      yes: boolean;
      completions: boolean;
      keepRuns?: number | undefined;
      olderThan?: number | undefined;
    }
  >,
): Promise<void> {
  const places = await storePlaces(args.output);
  const options = {
    keepRuns: wholeNumber("--keep-runs", args.keepRuns, 1),
    olderThanDays: wholeNumber("--older-than", args.olderThan, 0),
    completions: args.completions,
    now: new Date(),
  };
  if (!args.yes) {
    const plan = await planPrune(places, options);
    if (args.json) return print(planJson(plan), true);
    const next = Object.keys(plan.parts).length === 0 ? "" : "\nNothing was removed. Do it with --yes.";
    return print(`${planText(plan, "Would remove")}${next}`, false);
  }
  const { plan, before, after } = await pruneAlone(places, options);
  const size = `The store's file: ${bytesText(before)} before, ${bytesText(after)} now.`;
  print(args.json ? { ...planJson(plan), before, after } : `${planText(plan, "Removed")}\n${size}`, args.json);
}

async function pruneAlone(places: StorePlaces, options: PruneOptions) {
  using _own = ownStore(places.values);
  const plan = await (async () => {
    await using store = await openAlone(places);
    const made = await planPrune(places, options);
    await prune(places, made, (key) => store.delete(key));
    return made;
  })();
  return { plan, ...(await compactStore(places.values)) };
}

/** Opens a store that this process owns. @throws {UsageError} while a run works on it. */
async function openAlone(places: StorePlaces): Promise<Store> {
  const store = await openStore(places.values, { isOwner: true });
  try {
    refuseWhileUsed(liveUsers(store));
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

async function mendAlone(places: StorePlaces, check: StoreCheck): Promise<number> {
  using _own = ownStore(places.values);
  await using store = await openAlone(places);
  return await mendStore(check.problems, (key) => store.delete(key));
}

async function exportTo(args: ArgumentsCamelCase<StoreArguments & { path: string }>): Promise<void> {
  const places = await storePlaces(args.output);
  const now = new Date();
  const isFolder = (await stat(args.path).catch(() => null))?.isDirectory() ?? false;
  const file = `tracemill-store-${now.toISOString().replace(/[-:]|\.\d+/g, "")}.jsonl.gz`;
  const shared = await exportStore(places, resolve(isFolder ? join(args.path, file) : args.path), now);
  const words = `${plural(shared.entries, "value")} written to ${shared.path} (${bytesText(shared.bytes)})`;
  print(
    args.json
      ? shared
      : `${words}\nnext: npx tracemill store import ${shellWord(shared.path)} --output <another folder>`,
    args.json,
  );
}

async function importFrom(args: ArgumentsCamelCase<StoreArguments & { path: string }>): Promise<void> {
  if ((await stat(args.path).catch(() => null)) === null) {
    throw new UsageError(`Expected a file of \`tracemill store export\`, got \`${args.path}\`: there is none`);
  }
  const folder = storePathOf(resolve(args.output));
  await makeWritableFolder(folder);
  await using store = await openStoreInUse(folder, "tracemill store import");
  const imported = await importStore(
    store,
    openBlobs(join(dirname(folder), "blobs")),
    args.path,
    new AbortController().signal,
  );
  print(args.json ? imported : `${count(imported.added)} values added, ${count(imported.there)} were there`, args.json);
}

function wholeNumber(option: string, given: number | undefined, least: number): number | null {
  if (given === undefined) return null;
  if (Number.isInteger(given) && given >= least) return given;
  throw new UsageError(`${option}: expected a whole number from ${least}, got \`${given}\``);
}

function print(what: unknown, isJson: boolean): void {
  process.stdout.write(`${isJson ? JSON.stringify(what, null, 2) : what}\n`);
}
