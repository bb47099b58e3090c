import fs, { existsSync } from "node:fs";
import { access, lstat, readlink, stat } from "node:fs/promises";
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

/** Something that lies where data files were looked for and cannot be one: what it is, and the way out. */
export interface Unusable {
  readonly path: string;
  readonly why: string;
}

interface Search {
  /** Relative paths start here. */
  readonly base: string;
  /** The config key, for errors. */
  readonly option: string;
  readonly passOver: readonly string[];
}

/**
 * The data files a path means: a file itself, a folder's (at any depth), or a glob's, sorted by path. Hidden files and other
 * extensions are passed over, unless named, and so are `node_modules` and the folders in `passOver` where they lie below what is
 * searched. @throws {UsageError} when there is none, or when something there cannot be read.
 */
export async function findFiles(path: string, options: Search): Promise<FoundFile[]> {
  const { found, unusable } = await surveyFiles(path, options);
  const [first] = unusable;
  if (first === undefined) return found;
  const more = unusable.length > 1 ? ` (and ${unusable.length - 1} more like it)` : "";
  throw new UsageError(
    `Expected ${options.option} (\`${path}\`) to find files that can be read, got \`${first.path}\`: ${first.why}${more}`,
  );
}

export interface Survey {
  readonly found: FoundFile[];
  /** Data files, folders and links that cannot be read. */
  readonly unusable: Unusable[];
  /** Files that are passed over although people take them for tables. */
  readonly foreign: Unusable[];
}

/** The same, with what cannot be read told apart instead of thrown. @throws {UsageError} when there is nothing at all. */
export async function surveyFiles(path: string, { base, option, passOver }: Search): Promise<Survey> {
  const wanted = path.startsWith("package:") ? inPackage(path, base, option) : resolve(base, path);
  const there = await stat(wanted).catch(async (error: NodeJS.ErrnoException) => {
    const link = await isLink(wanted);
    if (!link && ["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(error.code ?? "")) return undefined;
    const why = await whyUnreadable(wanted, "a path", error.code);
    throw new UsageError(`Expected ${option} to be readable, got \`${path}\`, ${why}`, { cause: error });
  });
  if (there?.isFile()) return { found: [named(wanted, path, option)], unusable: [], foreign: [] };
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

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (entry) => entry.isSymbolicLink(),
    () => false,
  );
}

function named(file: string, path: string, option: string): FoundFile {
  const found = asData(file, stemOf(basename(file)));
  if (found === undefined) {
    throw new UsageError(
      `Expected ${option} to name a data file (${knownExtensions()}), got \`${path}\`: ${wayOutOf(path) ?? "convert it, or unpack it if it is compressed"}`,
    );
  }
  if ("why" in found) throw new UsageError(`Expected ${option} to name a data file, got ${found.path}: ${found.why}`);
  return found;
}

async function search(
  root: string,
  pattern: string,
  { path, option, passOver }: { path: string; option: string; passOver: readonly string[] },
): Promise<Survey> {
  const ignored = [
    "**/node_modules",
    ...passOver
      .map((folder) => relative(root, folder))
      .filter(isBelow)
      .map(escapePath),
  ];
  const closed = new Map<string, string>();
  const options = {
    cwd: root,
    absolute: true,
    onlyFiles: true,
    expandDirectories: false,
    ignore: ignored.flatMap((folder) => [folder, `${folder}/**`]),
    fs: { ...fs, readdir: tellingReaddir(closed) },
  };
  const there = existsSync(root);
  const paths = there ? (await glob(pattern, options)).sort() : [];
  const found: FoundFile[] = [];
  const unusable: Unusable[] = [];
  for (const [folder, code] of closed) {
    unusable.push({ path: folder, why: await whyUnreadable(folder, "a folder", code) });
  }
  const foreign: Unusable[] = [];
  for (const file of paths) {
    const below = relative(root, file);
    const data = asData(file, join(dirname(below), stemOf(basename(below))));
    if (data === undefined) {
      const wayOut = wayOutOf(file);
      if (wayOut !== undefined) foreign.push({ path: file, why: `a format that is not read: ${wayOut}` });
      continue;
    }
    if ("why" in data) unusable.push(data);
    else {
      const why = await cannotRead(file);
      if (why === undefined) found.push(data);
      else unusable.push({ path: file, why });
    }
  }
  if (found.length + unusable.length > 0) return { found, unusable, foreign };
  throw new UsageError(
    `Expected ${option} to find data files (${knownExtensions()}), got \`${path}\`, which finds ${paths.length === 0 ? "no file" : `only other files, such as \`${basename(paths[0] ?? "")}\``} in \`${root}\` (relative paths start at the config's own folder)`,
  );
}

/** `readdir` that notes which folders it could not read, and gives links to nothing as files: the search passes over both in silence. */
function tellingReaddir(closed: Map<string, string>): typeof fs.readdir {
  type Done = (error: NodeJS.ErrnoException | null, entries?: Pick<fs.Dirent, "name" | "isFile">[]) => void;
  const readdir = (folder: string, options: { withFileTypes: true }, done: Done) =>
    fs.readdir(folder, options, (error, entries) => {
      if (error !== null && error.code !== "ENOENT" && error.code !== "ENOTDIR") {
        closed.set(folder.replace(/(.)\/$/, "$1"), error.code ?? error.message);
      }
      const told = entries?.map((entry) =>
        entry.isSymbolicLink() && !existsSync(join(folder, entry.name)) ? linkToNothing(entry.name) : entry,
      );
      done(error, told);
    });
  return readdir as unknown as typeof fs.readdir;
}

function linkToNothing(name: string) {
  return { name, isFile: () => true, isDirectory: () => false, isSymbolicLink: () => false };
}

async function cannotRead(path: string): Promise<string | undefined> {
  return access(path, fs.constants.R_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => whyUnreadable(path, "a file", error.code),
  );
}

/** What keeps `path` (`what` it is, in words) from being read, and the way out. */
async function whyUnreadable(path: string, what: string, code: string | undefined): Promise<string> {
  if (code === "ELOOP") return "a link that leads back to itself: mend or remove it";
  if (code === "ENOENT") {
    const target = await readlink(path).catch(() => null);
    return `a link to nothing (\`${target ?? "?"}\`): mend or remove it`;
  }
  if (code === "EACCES" || code === "EPERM") {
    return `${what} that cannot be read (permission denied): give yourself the right to read it (chmod u+r), or leave it out`;
  }
  return `${what} that cannot be read (${code}): mend it, or leave it out`;
}

/** The way out for files that people take for tables and that no reader here reads. */
function wayOutOf(path: string): string | undefined {
  if (/\.(xls|xlsb|ods|numbers)$/i.test(path)) return "convert it: save it as .xlsx or CSV";
  if (/\.(zip|7z|rar|tar|tgz|bz2|xz|zst)$/i.test(path)) return "unpack it (of packed files only gzip is read)";
  if (/\.gz$/i.test(path)) return "of gzipped files only CSV, TSV and JSON are read: unpack it";
  if (/\.(feather|arrow|orc|avro|dta|sav|sas7bdat|rds|rdata|db|sqlite|sqlite3|h5|pkl)$/i.test(path)) {
    return "convert it to Parquet or CSV";
  }
  return undefined;
}

function isBelow(path: string): boolean {
  return path !== "" && path !== ".." && !path.startsWith("../") && !isAbsolute(path);
}

function asData(path: string, label: string): FoundFile | Unusable | undefined {
  const name = basename(path);
  const format = formatOf(name);
  if (format === undefined) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/[\u0000-\u001f\u007f\ufffd]/.test(name)) {
    return { path: JSON.stringify(name), why: "a file name with control characters, or not UTF-8: rename the file" };
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
