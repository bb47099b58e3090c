import { suggestion } from "../config/explain.ts";
import type { Dataset } from "../domain/dataset.ts";
import { UsageError } from "../domain/errors.ts";
import type { FindDataset, TaskFile } from "./own-questions.ts";

const namesShown = 12;

/**
 * Finds the data of a line: a dataset of the config by its name, or the line's own `files`, which `load` reads once for each list. With
 * `datasets` null (no config is known) any name will do.
 */
export function datasetFinder(options: {
  readonly datasets: readonly Dataset[] | null;
  /** @throws {UsageError} where a file cannot be used. */
  readonly load: (files: readonly string[], file: TaskFile) => Promise<Dataset>;
}): FindDataset {
  const { datasets, load } = options;
  const loaded = new Map<string, ReturnType<FindDataset>>();

  function named(name: string): Awaited<ReturnType<FindDataset>> {
    if (datasets === null) return { dataset: { id: `unknown/${name}`, name, files: [] } };
    const found = datasets.filter((dataset) => dataset.name === name);
    if (found.length === 1) return { dataset: found[0] as Dataset };
    if (found.length > 1) {
      return wrong(
        "dataset",
        `expected the name of one dataset, got \`${name}\`, which names ${found.length}: give the files' folders as entries of their own, or name \`files\` here`,
      );
    }
    const names = datasets.map((dataset) => dataset.name);
    return wrong(
      "dataset",
      `expected the name of one of the config's datasets, got \`${name}\`${suggestion(name, names, `: ${listed(names)}`)}`,
    );
  }

  async function own(files: readonly string[], file: TaskFile): ReturnType<FindDataset> {
    try {
      return { dataset: await load(files, file) };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      // The loader speaks of the config's list; here there is only this line's.
      return wrong("files", lowerFirst(error.message.replaceAll("datasets[0].", "")));
    }
  }

  return async (line, file) => {
    const { dataset, files } = line;
    if (dataset && files) return wrong("files", "expected either `dataset` or `files`, got both: leave one out");
    if (dataset) return named(dataset);
    if (files) {
      const key = JSON.stringify([file.path, files]);
      const known = loaded.get(key) ?? own(files, file);
      loaded.set(key, known);
      return known;
    }
    if (datasets === null) return named("the only dataset");
    if (datasets.length === 1) return { dataset: datasets[0] as Dataset };
    return wrong(
      "dataset",
      datasets.length === 0
        ? "missing: the config names no datasets, so the question has to name its `files`"
        : `missing: the config has ${datasets.length} datasets; expected ${listed(datasets.map(({ name }) => name))}, or \`files\``,
    );
  };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function wrong(field: string, message: string) {
  return { problem: { field, message } };
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, namesShown).map((name) => `\`${name}\``);
  const more = names.length - shown.length;
  return names.length === 0
    ? "the config has none"
    : `one of ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
