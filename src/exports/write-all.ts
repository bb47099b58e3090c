import { join } from "node:path";
import type { ExportedFile, Exporter } from "../contracts.ts";
import type { Example } from "../domain/example.ts";
import { writeExamplesCsv } from "./examples-csv.ts";
import { type Reader, teeInto } from "./tee.ts";

export interface ExportOptions {
  readonly examples: AsyncIterable<Example>;
  readonly exporters: readonly Exporter[];
  /** The run's `exports/` folder; made when missing. */
  readonly folder: string;
  /** Where to write `examples.csv` (beside `summary.json`, never in `folder`); not written when left out. */
  readonly indexPath?: string;
  /** Called once per example, in order; for counts (`exampleTally().add`). */
  readonly watch?: (example: Example) => void;
  readonly signal?: AbortSignal;
}

/**
 * Writes every format in one pass over the examples, at the pace of the slowest, holding one example between them besides
 * each format's own batch. Files are returned in the order of `exporters`. After an error no file of this call is half-written;
 * the manifest, written by the caller afterwards, is what says that an export is complete.
 * @throws {StoreError} when the disk refuses; whatever `examples` throws; an Error for an example that breaks a rule.
 */
export async function exportExamples(options: ExportOptions): Promise<ExportedFile[]> {
  const { examples, exporters, folder, indexPath, watch, signal } = options;
  const readers: Reader<Example, ExportedFile>[] = exporters.map(
    (exporter) => (items) => exporter.write(items, join(folder, exporter.fileName)),
  );
  const fileNames = exporters.map((exporter) => exporter.fileName);
  if (indexPath !== undefined) readers.push((items) => writeExamplesCsv(items, { path: indexPath, fileNames }));
  const written = await teeInto(watch ? watched(examples, watch) : examples, readers, signal ? { signal } : {});
  return written.slice(0, exporters.length);
}

async function* watched(examples: AsyncIterable<Example>, watch: (example: Example) => void): AsyncGenerator<Example> {
  for await (const example of examples) {
    watch(example);
    yield example;
  }
}
