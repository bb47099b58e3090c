import type { Exporter, WriteOptions } from "../../contracts.ts";
import type { Conversation } from "../../domain/example.ts";
import type { ProductName } from "../../domain/products.ts";
import { openAtomicFile } from "../atomic-file.ts";
import { type BatchLimits, batchLimits, inBatches } from "./batches.ts";
import { openParquetEngine, type ParquetEngine } from "./engines.ts";
import { parquetRows } from "./parquet-read.ts";
import type { Column } from "./schema.ts";

/** A row by the names of its columns. Every column is there; null where there is no value. */
export type Row = Readonly<Record<string, unknown>>;

/** The columns of one file, and an item's row in them; null where they have no place for it. */
export interface Layout<Item> {
  readonly columns: readonly Column[];
  readonly row: (item: Item) => Row | null;
}

/** A Parquet format: its columns, decided by the first batch, its rows and its check. */
export interface ParquetFormat<Item> {
  readonly name: string;
  readonly about: string;
  readonly product?: ProductName;
  readonly fileName: string;
  readonly needsRenderer?: boolean;
  /** What goes into a row group at most. */
  readonly limits?: BatchLimits | undefined;
  /** Characters of an item, for the limits. */
  readonly weigh: (item: Item) => number;
  /** What items go through before they are written. */
  readonly guard?: (items: AsyncIterable<Item>) => AsyncIterable<Item>;
  /** The file's columns by its first batch (empty where there are no items); a later batch may refuse what `before` has no columns for. */
  readonly layout: (
    batch: readonly Item[],
    before: Layout<Item> | null,
    options: WriteOptions<Item>,
    path: string,
  ) => Layout<Item>;
  readonly check: Exporter<Item>["check"];
  /** A row as a conversation; null for one that is none. */
  readonly conversation?: (row: Row) => Conversation | null;
}

/** An exporter of a Parquet format: Snappy, a row group a batch, one batch in memory. */
export function parquetFormat<Item>(format: ParquetFormat<Item>): Exporter<Item> {
  const { name, about, product, fileName, needsRenderer, limits = batchLimits, weigh, layout, conversation } = format;
  const guard = format.guard ?? ((items: AsyncIterable<Item>) => items);
  return {
    ...{ name, about, fileName, check: format.check },
    ...(product === undefined ? {} : { product }),
    ...(needsRenderer === undefined ? {} : { needsRenderer }),
    ...(conversation === undefined ? {} : { conversations: (path) => conversationsOf(path, conversation) }),
    async write(items, path, options = {}) {
      await using file = await openAtomicFile(path);
      const open = (columns: readonly Column[]) =>
        openParquetEngine(options.parquetEngine ?? "hyparquet-writer", columns, (chunk) => file.write(chunk));
      let decided: Layout<Item> | null = null;
      let engine: ParquetEngine | null = null;
      let written = 0;
      for await (const batch of inBatches(guard(items), limits, weigh)) {
        decided = layout(batch, decided, options, path);
        engine ??= await open(decided.columns);
        const made = batch.map(decided.row);
        const rows = made.filter((row) => row !== null);
        if (rows.length > 0) await engine.write(rows);
        written += rows.length;
        for (const [index, item] of batch.entries()) options.placed?.(item, made[index] === null ? 0 : 1);
      }
      engine ??= await open(layout([], null, options, path).columns);
      await engine.finish();
      return await file.commit(written);
    },
  };
}

async function* conversationsOf(path: string, read: (row: Row) => Conversation | null) {
  for await (const { value } of parquetRows(path)) yield read(value);
}
