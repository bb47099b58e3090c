import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { parse } from "yaml";
import type { Argv } from "yargs";
import { storePathOf } from "../archive/run-folder.ts";
import { makeWritableFolder } from "../archive/writable-folder.ts";
import { count, shellWord, table } from "../audit/text.ts";
import type { Remember } from "../contracts.ts";
import { datasetLoader } from "../datasets/load.ts";
import { profileDataset } from "../datasets/profile.ts";
import { UsageError } from "../domain/errors.ts";
import { createRemember } from "../engine/remember.ts";
import { openStoreInUse } from "../engine/store-users.ts";
import { packageRoot } from "../package.ts";
import { configText, exampleText } from "./init-config.ts";
import { entryOf, type Proposal, proposeDatasets, sentenceOf } from "./init-datasets.ts";

interface InitArguments {
  readonly data: string | undefined;
  readonly example: boolean;
  readonly file: string;
  readonly force: boolean;
  readonly output: string;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("data", {
      type: "string",
      describe: "A folder, file or glob of CSV, TSV, JSON, JSONL (also .gz), Parquet or Excel",
    })
    .option("example", {
      type: "boolean",
      default: false,
      describe: "Write the quickstart's config (ten tables of vega-datasets) instead",
    })
    .option("file", { type: "string", default: "tracemill.yaml", describe: "Where to write the config" })
    .option("force", { type: "boolean", default: false, describe: "Replace a config that is there" });
}

export async function handler(args: InitArguments): Promise<void> {
  const path = resolve(args.file);
  const base = dirname(path);
  const data = wantedOf(args);
  const output = resolve(args.output);
  await makeWritableFolder(join(output, "store"));
  // What is found out here is not computed again by the run.
  await using store = await openStoreInUse(storePathOf(output), "tracemill init");
  const remember = createRemember(store);
  let text: string;
  if (data === undefined) {
    const quickstart = await readFile(join(packageRoot(), "configs", "quickstart.yaml"), "utf8");
    process.stdout.write(`${overview(await exampleProposal(quickstart, { output, base, remember }))}\n\n`);
    text = exampleText(quickstart);
  } else {
    const proposal = await proposeDatasets(data, {
      base,
      passOver: [join(output, "store"), join(output, "runs")],
      remember,
      say: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(`${overview(proposal)}\n\n`);
    text = configText({ proposal, entry: entryOf(data, base), env: process.env });
  }
  await writeNew(path, text, args.force);
  const shown = relative(process.cwd(), path) || basename(path);
  process.stdout.write(
    `Wrote ${shown}. It runs as it stands, with the offline teacher (a program, not an LLM); put your endpoint in for real data.\n\n` +
      `next: npx tracemill run ${shellWord(shown)}\n` +
      `      with --dry-run: what that would do and cost, nothing sent\n`,
  );
}

/** The data that was named, or undefined for the example. @throws {UsageError} when nothing or both were named. */
function wantedOf({ data, example }: InitArguments): string | undefined {
  if (example !== (data !== undefined)) return data;
  throw new UsageError(
    example
      ? `Expected either a folder or --example, got both: leave \`${data}\` or --example out`
      : "Expected a folder, file or glob of data, got none: `npx tracemill init ./data`, or `npx tracemill init --example` for a first look",
  );
}

async function exampleProposal(
  quickstart: string,
  { output, base, remember }: { output: string; base: string; remember: Remember },
): Promise<Proposal> {
  const { datasets } = parse(quickstart) as { datasets: string[] };
  const loader = datasetLoader({ folder: join(output, "store", "datasets"), base });
  const proposed = [];
  for (const { dataset, dir } of await loader.loadAll(datasets)) {
    const profile = await profileDataset(dataset, dir, { remember });
    proposed.push({ name: dataset.name, paths: [], profile, because: [] });
  }
  return { datasets: proposed, leftOut: [], whole: true };
}

function overview({ datasets, leftOut }: Proposal): string {
  const rows = datasets.flatMap(({ name, profile }) =>
    profile.map((file) => {
      const kinds = new Map<string, number>();
      for (const { kind } of file.columns) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      const missing = file.columns.reduce((sum, column) => sum + column.missing, 0);
      const place = file.sheet === undefined ? basename(file.file) : `${basename(file.file)} (${file.sheet})`;
      return [
        name,
        place,
        count(file.rows),
        count(file.columns.length),
        count(missing),
        [...kinds].map(([kind, columns]) => `${columns} ${kind}`).join(", "),
        (file.keys ?? []).map((key) => key.join(" + ")).join(", "),
      ];
    }),
  );
  const heading = ["dataset", "file", "rows", "columns", "missing", "kinds of column", "likely keys"];
  const joins = datasets.flatMap(({ profile }) =>
    profile.flatMap((file) => (file.joins ?? []).map((join) => `  ${sentenceOf(file, join)}`)),
  );
  return [
    table([heading, ...rows], [2, 3, 4]),
    ...(joins.length > 0 ? ["", "joins", ...joins] : []),
    ...(leftOut.length > 0 ? ["", "left out", ...leftOut.map(({ path, why }) => `  ${path}: ${why}`)] : []),
  ].join("\n");
}

async function writeNew(path: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(path, text, { flag: force ? "w" : "wx" });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      throw new UsageError(
        `Expected no file at \`${path}\`, got one: choose another with --file, or replace it with --force`,
      );
    }
    throw new UsageError(`Expected to write the config \`${path}\`, got ${message}: choose another place with --file`, {
      cause: error,
    });
  }
}
