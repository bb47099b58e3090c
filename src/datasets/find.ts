import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { escapePath, glob, isDynamicPattern } from "tinyglobby";
import type { DataFormat } from "../domain/dataset.ts";
import { UsageError } from "../domain/errors.ts";
import { formatOf, knownExtensions, stemOf } from "./index.ts";

/** A data file on disk. `name` is what it is called below /data/; `label` is its path below the folder that was searched, without extension. */
export interface FoundFile {
  readonly path: string;
  readonly name: string;
  readonly label: string;
  readonly format: DataFormat;
}

/**
 * The data files a path means: a file itself, a folder's (at any depth), or a glob's, sorted by path. Hidden files and other
 * extensions are passed over, unless named, and so are `node_modules` and the folders in `passOver` where they lie below what is
 * searched. `option` is the config key in errors. @throws {UsageError} when there is none.
 */
export async function findFiles(
  path: string,
  { base, option, passOver }: { base: string; option: string; passOver: readonly string[] },
): Promise<FoundFile[]> {
  const wanted = path.startsWith("package:") ? inPackage(path, base, option) : resolve(base, path);
  const there = await stat(wanted).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "ENAMETOOLONG") return undefined;
    throw new UsageError(`Expected ${option} to be readable, got \`${path}\` (${error.message})`, { cause: error });
  });
  if (there?.isFile()) return [named(wanted, path, option)];
  if (there?.isDirectory()) return await search(wanted, "**", { path, option, passOver });
  if (there !== undefined) {
    throw new UsageError(
      `Expected ${option} to be a folder, a file or a glob, got \`${path}\`, which is neither file nor folder`,
    );
  }
  if (!isDynamicPattern(path)) {
    throw new UsageError(
      `Expected ${option} to be a folder, a file or a glob, got \`${path}\`: there is no \`${wanted}\` (relative paths start at ${base})`,
    );
  }
  const { root, pattern } = splitGlob(wanted);
  return await search(root, pattern, { path, option, passOver });
}

function named(file: string, path: string, option: string): FoundFile {
  const found = asData(file, stemOf(basename(file)), option);
  if (found !== undefined) return found;
  throw new UsageError(
    `Expected ${option} to name a data file (${knownExtensions()}), got \`${path}\`: convert it, or unpack it if it is compressed`,
  );
}

async function search(
  root: string,
  pattern: string,
  { path, option, passOver }: { path: string; option: string; passOver: readonly string[] },
): Promise<FoundFile[]> {
  const ignore = [
    "**/node_modules",
    ...passOver
      .map((folder) => relative(root, folder))
      .filter(isBelow)
      .map(escapePath),
  ];
  const paths = existsSync(root)
    ? await glob(pattern, {
        cwd: root,
        absolute: true,
        onlyFiles: true,
        expandDirectories: false,
        ignore: ignore.flatMap((folder) => [folder, `${folder}/**`]),
      })
    : [];
  const found: FoundFile[] = [];
  for (const file of paths.sort()) {
    const below = relative(root, file);
    const data = asData(file, join(dirname(below), stemOf(basename(below))), option);
    if (data !== undefined) found.push(data);
  }
  if (found.length > 0) return found;
  throw new UsageError(
    `Expected ${option} to find data files (${knownExtensions()}), got \`${path}\`, which finds ${paths.length === 0 ? "no file" : `only other files, such as \`${basename(paths[0] ?? "")}\``} in \`${root}\` (relative paths start at the config's own folder)`,
  );
}

function isBelow(path: string): boolean {
  return path !== "" && path !== ".." && !path.startsWith("../") && !isAbsolute(path);
}

function asData(path: string, label: string, option: string): FoundFile | undefined {
  const name = basename(path);
  const format = formatOf(name);
  if (format === undefined) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/[\u0000-\u001f\u007f\ufffd]/.test(name)) {
    throw new UsageError(
      `Expected the file names of ${option} to be UTF-8 without control characters, got ${JSON.stringify(name)}: rename the file`,
    );
  }
  return { path, name, label, format };
}

/** Splits at the first part that is a pattern, so that brackets in the folders above it, or in `base`, are just names. */
function splitGlob(path: string): { root: string; pattern: string } {
  const parts = path.split("/");
  const first = parts.findIndex(
    (part, index) => isDynamicPattern(part) && !existsSync(parts.slice(0, index + 1).join("/")),
  );
  return { root: parts.slice(0, first).join("/") || "/", pattern: parts.slice(first).join("/") };
}

function inPackage(path: string, base: string, option: string): string {
  const [, name, inside] = /^package:((?:@[^/]+\/)?[^/@]+)\/?(.*)$/.exec(path) ?? [];
  if (name === undefined || inside === undefined) {
    throw new UsageError(`Expected ${option} to be \`package:<npm package>/<path>\`, got \`${path}\``);
  }
  // Not require.resolve of the file itself: most packages do not export their data.
  const starts = [import.meta.url, join(base, "_"), resolve("_")];
  const folders = starts
    .flatMap((start) => createRequire(start).resolve.paths(name) ?? [])
    .map((dir) => join(dir, name));
  const found = folders.find((folder) => existsSync(join(folder, "package.json")));
  if (found === undefined) {
    throw new UsageError(
      `Expected the npm package \`${name}\` of ${option} (\`${path}\`) to be installed, but it is not: npm install ${name}`,
    );
  }
  return join(found, inside);
}
