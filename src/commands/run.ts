import { resolve } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import type { RunFolder } from "../archive/run-folder.ts";
import { UsageError } from "../domain/errors.ts";
import { type LogLevel, logLevels } from "../domain/log-level.ts";
import { extentOf } from "../run/extent.ts";
import { loadConfig, setOption } from "./load-config.ts";

export interface RunArguments {
  readonly config: string;
  readonly output: string;
  readonly set: readonly string[];
  readonly logLevel: LogLevel;
  readonly verbose: boolean;
  readonly limit?: string;
  readonly preview?: string;
  readonly full: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("config", { type: "string", demandOption: true, describe: "A YAML file, e.g. configs/quickstart.yaml" })
    .option("set", setOption)
    .option("log-level", {
      choices: logLevels,
      default: "info",
      describe: "What goes into the run's log: debug adds requests and steps, trace their texts",
    })
    .option("verbose", { type: "boolean", default: false, describe: "Show requests and steps as they happen" })
    .option("limit", { type: "string", describe: "Start only so many seeds or questions, spread over the datasets" })
    .option("preview", {
      type: "string",
      describe: "Take so many seeds or questions (3) all the way, and print what became of them",
    })
    .option("full", { type: "boolean", default: false, describe: "With --preview: print long passages whole" })
    .option("dry-run", { type: "boolean", default: false, describe: "Check everything and estimate; spend nothing" })
    .option("json", {
      type: "boolean",
      default: false,
      describe: "For programs: snapshots, log and summary as JSON lines; with --dry-run the plan",
    })
    .option("quiet", { type: "boolean", default: false, describe: "Say nothing but errors and the last words" });
}

export async function handler(args: ArgumentsCamelCase<RunArguments>): Promise<void> {
  const loaded = await loadConfig(args.config, args.set);
  const run = {
    ...{ ...loaded, output: resolve(args.output), ...extentOf(args) },
    logging: { level: args.logLevel, verbose: args.verbose },
    shown: { json: args.json, quiet: args.quiet },
  };
  if (run.preview && args.json) {
    throw new UsageError(
      "Expected `--preview` or `--json`, got both: a preview is for persons; `--limit 3 --json` runs the same for programs",
    );
  }
  // Loaded here and not above: a mistake in the command line or in the YAML is told without waiting for all that runs use.
  if (args.dryRun) {
    const { dryRun } = await import("../run/dry-run.ts");
    process.exitCode = await dryRun(run, { json: args.json });
    return;
  }
  const { executeRun } = await import("../run/execute-run.ts");
  let folder: RunFolder | undefined;
  process.exitCode = await executeRun({
    ...run,
    onFolder(made) {
      folder = made;
    },
  });
  if (run.preview && folder !== undefined) {
    const { previewPage } = await import("./preview.ts");
    const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
    process.stdout.write(await previewPage(folder, { full: args.full, colour }));
  }
}
