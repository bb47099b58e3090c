import { rename, rm } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import type { ExportedFile, Exporter, WriteOptions } from "../contracts.ts";

/** Where a shard ends: at about so many bytes of items as JSON, or at so many items. */
export interface ShardLimit {
  readonly bytes?: number | undefined;
  readonly items?: number | undefined;
}

export interface ShardOptions<Item> extends Omit<WriteOptions<Item>, "placed"> {
  /** The file's path where there is one; shards are named after it: `train.jsonl` gives `train-00000-of-00002.jsonl`. */
  readonly path: string;
  /** Writes `-00000-of-00001` also where one file holds all; without it such a file is `path` itself. */
  readonly numbered: boolean;
  readonly limit?: ShardLimit | undefined;
  /** Told of every item, in order: the shard it went to, and how many rows it takes there. */
  readonly placed?: (item: Item, place: { readonly shard: number; readonly rows: number }) => void;
}

/** Writes items into one file or several, each whole or not at all; names say how many there are. At least one file, also of nothing; none after an error. */
export async function writeShards<Item>(
  exporter: Pick<Exporter<Item>, "write">,
  items: AsyncIterable<Item>,
  { path, numbered, limit = {}, placed, ...options }: ShardOptions<Item>,
): Promise<ExportedFile[]> {
  const source = items[Symbol.asyncIterator]();
  const written: ExportedFile[] = [];
  let next = await source.next();
  const single = !numbered && limit.bytes === undefined && limit.items === undefined;
  async function* shard(): AsyncGenerator<Item> {
    let bytes = 0;
    let count = 0;
    while (!next.done) {
      yield next.value;
      count += 1;
      if (limit.bytes !== undefined) bytes += Buffer.byteLength(JSON.stringify(next.value));
      next = await source.next();
      if (count >= (limit.items ?? Number.POSITIVE_INFINITY) || bytes >= (limit.bytes ?? Number.POSITIVE_INFINITY))
        return;
    }
  }
  try {
    do {
      const number = written.length;
      const to = single ? path : join(dirname(path), `.${stemOf(path)}-${digits(number)}${extname(path)}`);
      const told = placed && ((item: Item, rows: number) => placed(item, { shard: number, rows }));
      written.push(await exporter.write(shard(), to, { ...options, ...(told === undefined ? {} : { placed: told }) }));
    } while (!next.done);
  } catch (error) {
    // Shards that have no name yet belong to nothing.
    await Promise.all(written.map((file) => rm(file.path, { force: true })));
    throw error;
  }
  if (single) return written;
  return Promise.all(
    written.map(async (file, index) => {
      const named = join(
        dirname(path),
        `${stemOf(path)}-${digits(index)}-of-${digits(written.length)}${extname(path)}`,
      );
      await rename(file.path, named);
      return { ...file, path: named };
    }),
  );
}

function stemOf(path: string): string {
  return path.slice(dirname(path).length + 1, path.length - extname(path).length);
}

function digits(number: number): string {
  return String(number).padStart(5, "0");
}
