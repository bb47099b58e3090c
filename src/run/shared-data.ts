// DC-R3: source data that are a benchmark's, too: the same bytes, or the same table under other bytes.
import { join } from "node:path";
import { findFiles } from "../datasets/find.ts";
import { measureFile } from "../datasets/keep.ts";
import { profileDataset } from "../datasets/profile.ts";
import type { DataFile, Dataset } from "../domain/dataset.ts";
import { UsageError } from "../domain/errors.ts";
import { contentId, hashOf } from "../domain/hash.ts";

/** A source file that is a test file as well: the same bytes, or the same column names (case and order apart) with as many rows. */
export interface SharedData {
  readonly dataset: string;
  readonly file: string;
  readonly test: string;
  readonly how: "content" | "table";
}

/**
 * Every source file that is found among the test data, and the files of either side that could be compared by their bytes alone. `kept` has the
 * datasets' copies, a folder by id; `against` are files, folders or globs. Reads each file, a table at a time. @throws {UsageError} where nothing is
 * found at a path, or a file cannot be read.
 */
export async function sharedData(
  datasets: readonly Dataset[],
  { kept, against }: { readonly kept: string; readonly against: readonly string[] },
): Promise<{ readonly found: readonly SharedData[]; readonly bytesAlone: readonly string[] }> {
  const bytesAlone: string[] = [];
  const byContent = new Map<string, string>();
  const byTable = new Map<string, string>();
  const tablesOf = async (file: DataFile, shown: string) => {
    try {
      return await tablesIn(file);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      bytesAlone.push(shown);
      return [];
    }
  };
  for (const path of against)
    for (const { path: test, format } of await findFiles(path, { base: ".", option: "--against-data", passOver: [] })) {
      const file = { name: test, format, ...(await measureFile(test)) };
      byContent.set(file.sha256, test);
      for (const table of await tablesOf(file, test)) byTable.set(table, test);
    }
  const found: SharedData[] = [];
  for (const { id, name: dataset, files } of datasets)
    for (const file of files) {
      const same = byContent.get(file.sha256);
      if (same !== undefined) {
        found.push({ dataset, file: file.name, test: same, how: "content" });
        continue;
      }
      const own = await tablesOf({ ...file, name: join(kept, id, file.name) }, `${dataset}/${file.name}`);
      const test = own.map((table) => byTable.get(table)).find((path) => path !== undefined);
      if (test !== undefined) found.push({ dataset, file: file.name, test, how: "table" });
    }
  return { found, bytesAlone };
}

/** The tables of one file, each named by its columns and the number of its rows. */
async function tablesIn(file: DataFile): Promise<string[]> {
  const whole: Dataset = { id: contentId("dataset", [file.sha256]), name: file.name, files: [file] };
  const tables = await profileDataset(whole, "/");
  return tables.map(({ rows, columns }) =>
    hashOf({ rows, columns: columns.map(({ name }) => name.trim().toLowerCase()).sort() }),
  );
}
