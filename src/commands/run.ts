import { resolve } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { parseConfig } from "../config/parse.ts";
import { readConfig } from "../config/read.ts";
import { applySet } from "../config/set.ts";
import { checkVersion } from "../config/version.ts";
import { type LogLevel, logLevels } from "../contracts.ts";
import { packageVersion } from "../package.ts";
import { recipeOf } from "./load-recipe.ts";

export interface RunArguments {
  readonly config: string;
  readonly output: string;
  readonly set: readonly string[];
  readonly logLevel: LogLevel;
  readonly verbose: boolean;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("config", { type: "string", demandOption: true, describe: "A YAML file, e.g. configs/quickstart.yaml" })
    .option("set", {
      type: "string",
      array: true,
      requiresArg: true,
      default: [],
      describe: "Change one option of the config: --set select.target=50 (repeatable)",
    })
    .option("log-level", {
      choices: logLevels,
      default: "info",
      describe: "What goes into the run's log: debug adds requests and steps, trace their texts",
    })
    .option("verbose", { type: "boolean", default: false, describe: "Show requests and steps as they happen" });
}

export async function handler(args: ArgumentsCamelCase<RunArguments>): Promise<void> {
  const file = await readConfig(args.config);
  const value = args.set.reduce((config: unknown, change) => applySet(config, change), file.value);
  checkVersion(value, file.path, packageVersion());
  const recipe = await recipeOf(value, file.path);
  const config = parseConfig(recipe.config, value, file.path);
  // Loaded here and not above: a mistake in the command line or in the YAML is told without waiting for all that runs use.
  const { executeRun } = await import("./execute-run.ts");
  process.exitCode = await executeRun({
    recipe,
    config,
    configPath: file.path,
    output: resolve(args.output),
    logging: { level: args.logLevel, verbose: args.verbose },
  });
}
