import { readdir } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { countOwed } from "../archive/run-end.ts";
import { findRun, type Manifest, readManifest, readSummary } from "../archive/run-folder.ts";
import { openRunLedger, type RunLedger } from "../archive/run-ledger.ts";
import { countFunnel } from "../audit/funnel.ts";
import { bytesText, count, plural, shellWord } from "../audit/text.ts";
import { UsageError } from "../domain/errors.ts";
import { readEvents } from "../engine/events.ts";
import { exampleTally } from "../exports/card/tally.ts";
import { lengthPolicies } from "../exports/options.ts";
import { type ExportPlan, exampleRows, exportRun, planExport } from "../run/export-run.ts";
import { finishExport } from "../run/finish-export.ts";
import { rowPreview } from "../run/row-preview.ts";
import { sharedData } from "../run/shared-data.ts";
import { steadyCount } from "../run/steady-count.ts";
import { type ExportArguments, exportOptionsOf } from "./export-options.ts";
import { rendererOptions } from "./renderer-options.ts";

export function builder(argv: Argv): Argv {
  return rendererOptions(
    argv
      .positional("run", { type: "string", default: "latest", describe: "`latest`, a run's id or its folder" })
      .option("format", {
        type: "string",
        array: true,
        default: [],
        requiresArg: true,
        describe: "Formats to write, `npx tracemill list export-formats`; the run's own where none is named",
      })
      .option("to", { type: "string", requiresArg: true, describe: "The folder to write; it must be new or empty" })
      .option("split-validation", {
        type: "number",
        requiresArg: true,
        describe: "Share of source datasets for validation",
      })
      .option("split-test", { type: "number", requiresArg: true, describe: "Share of source datasets for testing" })
      .option("shuffle", { type: "boolean", describe: "Write in an order drawn by the seed" })
      .option("per-step", { type: "boolean", describe: "A row for each trained message, not one for a conversation" })
      .option("seed", {
        type: "number",
        requiresArg: true,
        describe: "Seed of splits and shuffling; the run's otherwise",
      })
      .option("shard-mb", { type: "number", requiresArg: true, describe: "Cut files at about so many megabytes" })
      .option("shard-items", { type: "number", requiresArg: true, describe: "Cut files at so many items" })
      .option("over", {
        choices: lengthPolicies,
        describe: "What becomes of rows over --max-tokens: left out, split by step, or their observations shortened",
      })
      .option("preview", {
        type: "string",
        describe: "Print so many rows (3) as their trainer sees them, loss shaded, and write nothing",
      })
      .option("against-data", {
        type: "string",
        array: true,
        default: [],
        requiresArg: true,
        describe: "Files or folders of test data: nothing is written where a source dataset is among them",
      })
      .option("json", { type: "boolean", default: false, describe: "Print the manifest as JSON" }),
  );
}

export async function handler(args: ArgumentsCamelCase<ExportArguments>): Promise<void> {
  const folder = await findRun(args.output, args.run);
  const manifest = await readManifest(folder);
  if (manifest === null)
    throw new UsageError(`Expected \`${folder.manifestPath}\`, got no file: name another run, or run it again`);
  const options = exportOptionsOf(args, manifest);
  const plan = await planExport(options, { seed: manifest.seed });
  if (args.preview !== undefined) {
    await using ledger = await openRunLedger(folder);
    process.stdout.write(await previewPage(ledger, { plan, rows: rowsOf(args.preview) }));
    return;
  }
  const to = resolve(args.to ?? `${folder.run}-export`);
  await expectEmpty(to);
  const compared = await expectNoTestData(manifest, args.againstData, join(folder.storePath, "..", "datasets"));
  const shown = steadyCount(process.stderr, { what: "items", quiet: args.json });
  const tally = exampleTally();
  const exported = await exportRun({
    plan,
    folder: to,
    indexPath: join(to, "..", `${basename(to)}.examples.csv`),
    openLedger: () => openRunLedger(folder),
    watch: tally.add,
    written: () => shown.add(),
  });
  shown.end();
  const { formats, notes } = exported;
  const summary = await readSummary(folder);
  const funnel =
    summary?.funnel ?? (await countFunnel(readEvents(folder.eventsPath), { stages: manifest.stages })).rows;
  const written = await finishExport({
    ...{ folder: to, manifest, exported, tally, funnel, openLedger: () => openRunLedger(folder) },
    title: options.title,
    licence: options.licence,
    owed: countOwed(funnel),
    stopped: summary === null || !["done", "owed", "short"].includes(summary.status),
  });
  if (args.json) process.stdout.write(`${JSON.stringify(written, null, 2)}\n`);
  else {
    const here = (path: string) => shellWord(relative(process.cwd(), path) || ".");
    const lines = formats.flatMap(({ format, files }) =>
      files.map(
        ({ path, rows, bytes }) =>
          `  ${format.padEnd(20)} ${here(path)}  (${plural(rows, "row")}, ${bytesText(bytes)})`,
      ),
    );
    process.stdout.write(
      `${[
        `${plural(tally.examples(), "example")} of run ${folder.run}`,
        ...lines,
        ...[...compared, ...notes].map((note) => `${note}.`),
        "",
        `next: npx tracemill check ${here(to)}`,
      ].join("\n")}\n`,
    );
  }
}

/** What to say of the comparison with test data (DC-R3). @throws {UsageError} where a source file is among them. */
async function expectNoTestData({ datasets }: Manifest, against: readonly string[], kept: string): Promise<string[]> {
  if (against.length === 0) return [];
  const { found, bytesAlone } = await sharedData(datasets, { kept, against });
  const [first] = found;
  if (first !== undefined) {
    const more =
      found.length === 1
        ? ""
        : ` (and ${found.length - 1} more: ${found
            .slice(1, 6)
            .map(({ file }) => file)
            .join(", ")}${found.length > 6 ? " …" : ""})`;
    const how = first.how === "content" ? "is the file" : "has the columns and the number of rows of";
    throw new UsageError(
      `DC-R3: Expected source datasets that are no test data, got \`${first.file}\` of \`${first.dataset}\`, which ${how} \`${first.test}\`${more}: leave these datasets out and run again (what was paid for is remembered), or export without --against-data`,
    );
  }
  const only =
    bytesAlone.length === 0
      ? ""
      : `; ${plural(bytesAlone.length, "file")} by bytes alone, for no table could be read: ${bytesAlone.slice(0, 5).join(", ")}${bytesAlone.length > 5 ? " …" : ""}`;
  return [`No source file is among the test data (compared by content, and by columns and rows${only})`];
}

async function expectEmpty(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new UsageError(
      `Expected \`${folder}\` to be a folder, or nothing yet, got: ${error.code}; name another with --to`,
      {
        cause: error,
      },
    );
  });
  if (entries.length > 0)
    throw new UsageError(
      `Expected \`${folder}\` to be new or empty, got ${plural(entries.length, "entry")} in it: name another folder with --to`,
    );
}

function rowsOf(preview: string): number {
  const rows = preview === "" ? 3 : Number(preview);
  if (!Number.isInteger(rows) || rows < 1)
    throw new UsageError(`Expected --preview to be a whole number from 1, got \`${preview}\``);
  return rows;
}

async function previewPage(
  ledger: RunLedger,
  { plan, rows }: { readonly plan: ExportPlan; readonly rows: number },
): Promise<string> {
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
  const pages: string[] = [];
  for await (const row of exampleRows(ledger, plan)) {
    pages.push(
      `=== row ${count(pages.length + 1)}, ${row.id}: ${rowPreview(row, { renderer: plan.renderer, colour })}`,
    );
    if (pages.length >= rows) break;
  }
  if (pages.length === 0)
    return ledger.exampleIds.length === 0
      ? "The run has no examples to show.\n"
      : `None of the run's ${plural(ledger.exampleIds.length, "example")} keeps to ${count(plan.options.length?.maxTokens ?? 0)} tokens.\n`;
  return `${pages.join("\n")}\n`;
}
