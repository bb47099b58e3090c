import { join, resolve } from "node:path";
import { z } from "zod";
import type { DatasetLoader } from "../contracts.ts";
import type { DataFile, Dataset } from "../domain/dataset.ts";
import { UsageError } from "../domain/errors.ts";
import { contentId } from "../domain/hash.ts";
import { type FoundFile, findFiles } from "./find.ts";
import { keep, measureFile } from "./keep.ts";

/**
 * One entry of a config's `datasets:`. A string: every file it finds is a dataset of its own. With `files`: all of them together are one, under
 * `licence` (an SPDX name, or words) and from `url` where they are given.
 */
export const datasetEntry = z.union([
  z.string().min(1),
  z.strictObject({
    name: z.string().min(1),
    files: z.array(z.string().min(1)).min(1),
    licence: z.string().min(1).exactOptional(),
    url: z.string().min(1).exactOptional(),
  }),
]);
export type DatasetEntry = z.infer<typeof datasetEntry>;

/** A dataset and the folder that holds its files, and nothing else, read-only. */
export interface LoadedDataset {
  readonly dataset: Dataset;
  readonly dir: string;
}

export interface Datasets extends DatasetLoader {
  /** All entries of `datasets:`, in order, each content once. @throws {UsageError} naming the entry. */
  loadAll(entries: readonly DatasetEntry[]): Promise<LoadedDataset[]>;
}

/**
 * Loads folders, files, globs and `package:<name>/<path>` of data files. `folder` keeps their copies, one folder per dataset id;
 * relative paths start at `base` (a config's own folder; default: the working directory).
 */
export function datasetLoader(options: { folder: string; base?: string }): Datasets {
  const folder = resolve(options.folder);
  const base = resolve(options.base ?? ".");
  // Copies lie in <output>/store/datasets: what runs wrote there and beside it is no input, also where the data lies above it.
  const passOver = [resolve(folder, ".."), resolve(folder, "..", "..", "runs")];

  async function loadSeparately(path: string, option: string): Promise<LoadedDataset[]> {
    const found = await findFiles(path, { base, option, passOver });
    const loaded: LoadedDataset[] = [];
    for (const file of found) loaded.push(await store(file.label, [file], option));
    return loaded;
  }

  async function loadTogether(name: string, paths: readonly string[], option: string): Promise<LoadedDataset> {
    const found: FoundFile[] = [];
    for (const [index, path] of paths.entries()) {
      found.push(...(await findFiles(path, { base, option: `${option}.files[${index}]`, passOver })));
    }
    const distinct = [...new Map(found.map((file) => [file.path, file])).values()];
    const names = new Map<string, FoundFile>();
    for (const file of distinct) {
      const other = names.get(file.name);
      if (other !== undefined) {
        throw new UsageError(
          `Expected the files of ${option} (${name}) to have different names, got \`${other.path}\` and \`${file.path}\`: rename one of them`,
        );
      }
      names.set(file.name, file);
    }
    return store(name, distinct, option);
  }

  async function store(name: string, found: readonly FoundFile[], option: string): Promise<LoadedDataset> {
    const files: DataFile[] = [];
    for (const file of [...found].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const measured = await measureFile(file.path);
      if (measured.bytes === 0) {
        throw new UsageError(
          `Expected data in ${option}, got the empty file \`${file.path}\`: fill it or leave it out`,
        );
      }
      files.push({ name: file.name, format: file.format, ...measured });
    }
    const id = contentId(
      "dataset",
      files.map((file) => ({ name: file.name, sha256: file.sha256 })),
    );
    const dir = join(folder, id);
    await keep(dir, files, new Map(found.map((file) => [file.name, file.path])));
    return { dataset: { id, name, files }, dir };
  }

  return {
    load: async (path) => once(await loadSeparately(path, "the dataset path")),
    async loadAll(entries) {
      const loaded: LoadedDataset[] = [];
      for (const [index, entry] of entries.entries()) {
        const option = `datasets[${index}]`;
        if (typeof entry === "string") loaded.push(...(await loadSeparately(entry, option)));
        else {
          const { dataset, dir } = await loadTogether(entry.name, entry.files, option);
          loaded.push({ dataset: { ...dataset, ...termsOf(entry) }, dir });
        }
      }
      return once(loaded);
    },
  };
}

function termsOf({ licence, url }: Exclude<DatasetEntry, string>): Pick<Dataset, "licence" | "url"> {
  return { ...(licence === undefined ? {} : { licence }), ...(url === undefined ? {} : { url }) };
}

/** Each content once, under the name that comes first: a copy of a file bears the same questions. */
function once(loaded: readonly LoadedDataset[]): LoadedDataset[] {
  const first = new Map<string, LoadedDataset>();
  for (const one of loaded) {
    const content = one.dataset.files.map(({ format, sha256 }) => `${format} ${sha256}`).sort();
    if (!first.has(content.join("\n"))) first.set(content.join("\n"), one);
  }
  return [...first.values()];
}
