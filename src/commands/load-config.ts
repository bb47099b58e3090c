import type { Options } from "yargs";
import { parseConfig } from "../config/parse.ts";
import { readConfig } from "../config/read.ts";
import { applySet } from "../config/set.ts";
import { checkVersion } from "../config/version.ts";
import { packageVersion } from "../package.ts";
import { recipeOf } from "../run/load-recipe.ts";

/** `--set`, as every command takes it that runs a config. */
export const setOption = {
  type: "string",
  array: true,
  nargs: 1,
  default: [] as string[],
  describe: "Change one option of the config: --set select.target=50 (repeatable)",
} satisfies Options;

/** A config read from its file, changed by each `--set`, and checked by its recipe. @throws {UsageError} telling every mistake. */
export async function loadConfig(path: string, set: readonly string[] = []) {
  const file = await readConfig(path);
  const value = set.reduce((config: unknown, change) => applySet(config, change), file.value);
  checkVersion(value, file.path, packageVersion());
  const recipe = await recipeOf(value, file.path);
  return { recipe, config: parseConfig(recipe.config, value, file.path), configPath: file.path };
}
