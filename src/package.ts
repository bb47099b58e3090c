import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the installed package, wherever the code runs from: the sources and the build lie at different depths below it. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!(existsSync(join(folder, "package.json")) && existsSync(join(folder, "prompts", "agent")))) {
    const above = dirname(folder);
    if (above === folder) throw new Error(`Expected a package with prompts/ above \`${import.meta.url}\`, got none`);
    folder = above;
  }
  return folder;
}

/** Tracemill's version, as its package.json says. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8"));
  return (manifest as { version: string }).version;
}
