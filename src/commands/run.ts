import { resolve } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { recipes } from "../../pipelines/index.ts";
import { parseConfig } from "../config/parse.ts";
import { readConfig } from "../config/read.ts";
import { applySet } from "../config/set.ts";
import { UsageError } from "../domain/errors.ts";
import type { Recipe } from "../recipe.ts";
import { executeRun } from "./execute-run.ts";

export interface RunArguments {
  readonly config: string;
  readonly output: string;
  readonly set: readonly string[];
  readonly json: boolean;
  readonly quiet: boolean;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("config", { type: "string", demandOption: true, describe: "A YAML file, e.g. configs/quickstart.yaml" })
    .option("set", {
      type: "string",
      array: true,
      default: [],
      describe: "Change one option of the config: --set select.target=50 (repeatable)",
    })
    .option("json", {
      type: "boolean",
      default: false,
      describe: "For programs: snapshots, log and summary as JSON lines",
    })
    .option("quiet", { type: "boolean", default: false, describe: "Say nothing but errors and the last words" });
}

export async function handler(args: ArgumentsCamelCase<RunArguments>): Promise<void> {
  const file = await readConfig(args.config);
  const value = args.set.reduce((config: unknown, change) => applySet(config, change), file.value);
  const recipe = recipeOf(value, file.path);
  const config = parseConfig(recipe.config, value, file.path);
  process.exitCode = await executeRun({
    ...{ recipe, config, configPath: file.path, output: resolve(args.output) },
    shown: { json: args.json, quiet: args.quiet },
  });
}

function recipeOf(value: unknown, path: string): Recipe {
  const names = recipes.map((recipe) => recipe.name);
  const asked = typeof value === "object" && value !== null ? (value as Record<string, unknown>).recipe : undefined;
  const recipe = recipes.find((entry) => entry.name === asked);
  if (recipe === undefined) {
    throw new UsageError(`${path}: recipe: expected one of ${names.join(", ")}, got \`${String(asked)}\``);
  }
  return recipe as unknown as Recipe;
}
