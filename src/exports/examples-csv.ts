import type { ExportedFile } from "../contracts.ts";
import type { Example } from "../domain/example.ts";
import { openAtomicFile } from "./atomic-file.ts";

const header = ["file", "line", "example_id", "task_id", "query_id", "trajectory_id", "own_id", "own_place"];

/**
 * Writes `examples.csv` (RFC 4180, LF): for each example one line per exported file, saying which line of it (1-based; the row,
 * for Parquet and Arrow) came from which example, task, query and trajectory, and, for a question of the user's own, its id there and its `file:line`. @throws {StoreError} when the disk refuses.
 */
export async function writeExamplesCsv(
  examples: AsyncIterable<Example>,
  options: { readonly path: string; readonly fileNames: readonly string[] },
): Promise<ExportedFile> {
  await using file = await openAtomicFile(options.path);
  await file.write(csvLine(header));
  let line = 0;
  for await (const { id, taskId, queryId, trajectoryId, own } of examples) {
    line += 1;
    const place = own === undefined ? "" : `${own.file}:${own.line}`;
    for (const name of options.fileNames)
      await file.write(csvLine([name, String(line), id, taskId, queryId, trajectoryId, own?.id ?? "", place]));
  }
  return await file.commit(line * options.fileNames.length);
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
}
