// The recipe that a config names: one of the list, or a module of the user's own. Such a module is code and runs with all the rights of
// whoever starts the command; it is loaded only when the config names it by a path.
import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { dirname, extname, isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";
import { packageRoot } from "../package.ts";
import type { Recipe } from "../recipe.ts";

/**
 * The recipe under `recipe:` of a config: a name of the list, or the path of a module (`./`, `../` or absolute; it starts at the
 * config) whose default export `defineRun` made. @throws {UsageError} saying what is wrong with it and the way out.
 */
export async function recipeOf(value: unknown, configPath: string): Promise<Recipe> {
  // Loaded here and not above: a mistake in the command line or in the YAML is told without waiting for all that recipes use.
  const { recipes } = await import("../../pipelines/index.ts");
  const asked = typeof value === "object" && value !== null ? (value as Record<string, unknown>).recipe : undefined;
  const recipe = recipes.find((entry) => entry.name === asked);
  if (recipe !== undefined) return recipe as unknown as Recipe;
  if (typeof asked === "string" && (isAbsolute(asked) || /^\.\.?\//.test(asked))) {
    return await loadRecipe(resolve(dirname(configPath), asked));
  }
  const names = recipes.map((entry) => entry.name);
  const near = typeof asked === "string" ? nearest(asked, names) : null;
  const looksLikeFile = typeof asked === "string" && /[/\\]|\.[cm]?[jt]s$/.test(asked);
  throw new UsageError(
    `Expected \`recipe\` in \`${configPath}\` to be one of ${names.map((name) => `\`${name}\``).join(", ")}, or the path of a module that begins with \`./\`, got ${
      asked === undefined ? "nothing: write `recipe: sft`" : `\`${String(asked)}\``
    }${looksLikeFile ? `: write \`./${asked.replaceAll("\\", "/")}\`` : near === null ? "" : `: did you mean \`${near}\`?`}`,
  );
}

async function loadRecipe(path: string): Promise<Recipe> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new UsageError(`Expected a recipe at \`${path}\`, got ${(cause as Error).message}`, { cause });
  });
  if (!found.isFile()) throw new UsageError(`Expected a recipe's module at \`${path}\`, got a folder: name the file`);
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(pathToFileURL(path).href);
  } catch (cause) {
    throw new UsageError(await whyNotLoaded(path, cause), { cause });
  }
  const { declaredBy } = await import("../recipe.ts");
  const recipe = loaded.default;
  switch (declaredBy(recipe)) {
    case "us":
      return recipe as Recipe;
    case "another copy":
      throw new UsageError(
        `Expected the recipe \`${path}\` to import this copy of tracemill (${packageRoot()}), got another: start the command that lies ` +
          `beside the recipe's copy (\`npx tracemill\` in its folder), or \`npm install ${packageRoot()}\` there`,
      );
    case "nobody":
      throw new UsageError(
        `Expected the default export of \`${path}\` to be made by defineRun, got ${
          "default" in loaded ? "something else" : "no default export"
        }: write \`export default defineRun({ … })\``,
      );
  }
}

async function whyNotLoaded(path: string, cause: unknown): Promise<string> {
  const { code, message }: NodeJS.ErrnoException = cause instanceof Error ? cause : new Error(String(cause));
  const expected = `Expected a recipe that can be loaded at \`${path}\`, got`;
  if (code === "ERR_UNKNOWN_FILE_EXTENSION" && /^\.[cm]?ts$/.test(extname(path))) {
    return (
      `${expected} TypeScript, which Node ${process.versions.node} does not read: compile it to .mjs, or use Node 22.18 or newer ` +
      "(from 22.6 on with NODE_OPTIONS=--experimental-strip-types)"
    );
  }
  if (code === "ERR_MODULE_NOT_FOUND" && /'tracemill'/.test(message)) {
    return `${expected} no package \`tracemill\` beside it: \`npm install ${packageRoot()}\` in the recipe's folder`;
  }
  const place = placeOf(cause, path) ?? (cause instanceof SyntaxError ? await placeOfSyntaxError(path) : undefined);
  return `${expected}\n${place === undefined ? "" : `${place}: `}${String(cause)}`;
}

/** Where a module's own error came from, as far as Node says: file and line. */
function placeOf(cause: unknown, path: string): string | undefined {
  const stack = cause instanceof Error ? (cause.stack ?? "") : "";
  const url = pathToFileURL(path).href;
  const line = stack.split("\n").find((text) => text.includes(url) || text.includes(path));
  return line === undefined ? undefined : /(?:file:\/\/)?(\/[^\s()]+?:\d+(?::\d+)?)/.exec(line)?.[1];
}

/** Node tells the place of a syntax error only where it prints one. */
function placeOfSyntaxError(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(process.execPath, ["--check", path], (_error, _stdout, stderr) => {
      resolve(/^(?:file:\/\/)?(\/.*:\d+)$/m.exec(stderr)?.[1]);
    });
  });
}
