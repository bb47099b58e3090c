import { resolve } from "node:path";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { parseConfig } from "../config/parse.ts";
import { readConfig } from "../config/read.ts";
import { applySet } from "../config/set.ts";
import { checkVersion } from "../config/version.ts";
import { UsageError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";
import { packageVersion } from "../package.ts";
import type { Recipe } from "../recipe.ts";

export interface RunArguments {
  readonly config: string;
  readonly output: string;
  readonly set: readonly string[];
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
    });
}

export async function handler(args: ArgumentsCamelCase<RunArguments>): Promise<void> {
  const file = await readConfig(args.config);
  const value = args.set.reduce((config: unknown, change) => applySet(config, change), file.value);
  checkVersion(value, file.path, packageVersion());
  const recipe = await recipeOf(value, file.path);
  const config = parseConfig(recipe.config, value, file.path);
  const { executeRun } = await import("./execute-run.ts");
  process.exitCode = await executeRun({ recipe, config, configPath: file.path, output: resolve(args.output) });
}

/** Loaded here and not above: a mistake in the command line or in the YAML is told without waiting for all that recipes use. */
async function recipeOf(value: unknown, path: string): Promise<Recipe> {
  const { recipes } = await import("../../pipelines/index.ts");
  const names = recipes.map((recipe) => recipe.name);
  const asked = typeof value === "object" && value !== null ? (value as Record<string, unknown>).recipe : undefined;
  const recipe = recipes.find((entry) => entry.name === asked);
  if (recipe !== undefined) return recipe as unknown as Recipe;
  const near = typeof asked === "string" ? nearest(asked, names) : null;
  throw new UsageError(
    `Expected \`recipe\` in \`${path}\` to be one of ${names.map((name) => `\`${name}\``).join(", ")}, got ` +
      (asked === undefined
        ? "nothing: write `recipe: sft`"
        : `\`${String(asked)}\`${near === null ? "" : `: did you mean \`${near}\`?`}`),
  );
}
