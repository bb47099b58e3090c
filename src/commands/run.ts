import { resolve } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { recipes } from "../../pipelines/index.ts";
import { parseConfig } from "../config/parse.ts";
import { readConfig } from "../config/read.ts";
import { applySet } from "../config/set.ts";
import { UsageError } from "../domain/errors.ts";
import type { Recipe } from "../recipe.ts";
import { dryRun } from "./dry-run.ts";
import { executeRun } from "./execute-run.ts";
import { extentOf } from "./extent.ts";
import { previewPage } from "./preview.ts";
import type { RunFolder } from "./run-folder.ts";

export interface RunArguments {
  readonly config: string;
  readonly output: string;
  readonly set: readonly string[];
  readonly limit?: string;
  readonly preview?: string;
  readonly full: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export function builder(argv: Argv): Argv {
  return argv
    .positional("config", { type: "string", demandOption: true, describe: "A YAML file, e.g. configs/quickstart.yaml" })
    .option("set", {
      type: "string",
      array: true,
      nargs: 1,
      default: [],
      describe: "Change one option of the config: --set select.target=50 (repeatable)",
    })
    .option("limit", { type: "string", describe: "Start only so many seeds or questions, spread over the datasets" })
    .option("preview", {
      type: "string",
      describe: "Take so many seeds or questions (3) all the way, and print what became of them",
    })
    .option("full", { type: "boolean", default: false, describe: "With --preview: print long passages whole" })
    .option("dry-run", { type: "boolean", default: false, describe: "Check everything and estimate; spend nothing" })
    .option("json", { type: "boolean", default: false, describe: "With --dry-run: print JSON" });
}

export async function handler(args: ArgumentsCamelCase<RunArguments>): Promise<void> {
  const file = await readConfig(args.config);
  const value = args.set.reduce((config: unknown, change) => applySet(config, change), file.value);
  const recipe = recipeOf(value, file.path);
  const config = parseConfig(recipe.config, value, file.path);
  const run = { recipe, config, configPath: file.path, output: resolve(args.output), ...extentOf(args) };
  if (args.dryRun) {
    process.exitCode = await dryRun(run, { json: args.json });
    return;
  }
  let folder: RunFolder | undefined;
  process.exitCode = await executeRun({
    ...run,
    onFolder(made) {
      folder = made;
    },
  });
  if (run.preview && folder !== undefined) {
    const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
    process.stdout.write(await previewPage(folder, { full: args.full, colour }));
  }
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
