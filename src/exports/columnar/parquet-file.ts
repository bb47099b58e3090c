import type { ExportedFile, WriteOptions } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import { openAtomicFile } from "../atomic-file.ts";
import { type BatchLimits, batchLimits, inBatches } from "./batches.ts";
import { type Column, columnData, schemaOf } from "./parquet-schema.ts";

/** How items become a Parquet file. */
export interface ParquetLayout<Item> {
  /** The format's name, for errors. */
  readonly name: string;
  /** The columns, decided by the first batch; called for each batch, so that it can refuse a later one that does not fit. */
  readonly columns: (batch: readonly Item[]) => readonly Column<Item>[];
  readonly charactersOf: (item: Item) => number;
  readonly limits?: BatchLimits;
}

/** Writes items, Snappy, a row group a batch. `rows` gives an item's rows (itself unless given); memory holds one batch and the footer. */
export async function writeParquet<Item, Row = Item>(
  items: AsyncIterable<Item>,
  path: string,
  {
    layout,
    rows: rowsOf,
    placed,
    parquetEngine = "hyparquet-writer",
  }: {
    readonly layout: ParquetLayout<Row>;
    readonly rows: (item: Item) => readonly Row[];
  } & WriteOptions<Item>,
): Promise<ExportedFile> {
  if (parquetEngine !== "hyparquet-writer")
    throw new UsageError(
      `Expected \`export.parquetEngine: hyparquet-writer\` for the format \`${layout.name}\`, got \`${parquetEngine}\`, which writes \`parquet\` alone`,
    );
  const { ByteWriter, ParquetWriter } = await import("hyparquet-writer");
  await using file = await openAtomicFile(path);
  const bytes = new ByteWriter();
  let parquet: InstanceType<typeof ParquetWriter> | null = null;
  const drain = async () => {
    await file.write(bytes.getBytes());
    bytes.index = 0;
  };
  let count = 0;
  for await (const batch of inBatches(
    expanded(items, rowsOf, placed),
    layout.limits ?? batchLimits,
    layout.charactersOf,
  )) {
    const columns = layout.columns(batch);
    parquet ??= new ParquetWriter({ writer: bytes, schema: schemaOf(columns) });
    await parquet.write({ columnData: columnData(columns, batch), rowGroupSize: batch.length });
    await drain();
    count += batch.length;
  }
  parquet ??= new ParquetWriter({ writer: bytes, schema: schemaOf(layout.columns([])) });
  await parquet.finish();
  await drain();
  return await file.commit(count);
}

async function* expanded<Item, Row>(
  items: AsyncIterable<Item>,
  rowsOf: (item: Item) => readonly Row[],
  placed: WriteOptions<Item>["placed"],
): AsyncGenerator<Row> {
  for await (const item of items) {
    const rows = rowsOf(item);
    placed?.(item, rows.length);
    yield* rows;
  }
}
