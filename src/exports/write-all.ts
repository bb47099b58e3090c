import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { extname, join } from "node:path";
import type { ExportedFile, Exporter, WriteOptions } from "../contracts.ts";
import { hashOf } from "../domain/hash.ts";
import type { PlacedItem, Places } from "./places.ts";
import { type ShardLimit, writeShards } from "./shards.ts";
import type { SplitName } from "./splits.ts";
import { type Reader, teeInto } from "./tee.ts";

/** One format as it was written: its files in the order of splits and shards. `items` were given, `without` of them have no row there. */
export interface WrittenFormat {
  readonly format: string;
  readonly product: string;
  /** `<format>-<12 hex>`: the hash of what is in it, split by split; the same content has the same name, however it is cut into files. */
  readonly subset: string;
  readonly items: number;
  readonly without: number;
  readonly files: readonly ExportedFile[];
}

export interface ExportOptions<Item> extends Pick<WriteOptions<Item>, "renderer" | "parquetEngine"> {
  readonly exporters: readonly Exporter<Item>[];
  /** The items of each split, in order; a split of nothing is not written, unless it is the only one. */
  readonly splits: readonly { readonly name: SplitName; readonly items: AsyncIterable<Item> }[];
  /** The folder of the exports; made when missing. */
  readonly folder: string;
  /** A folder for each format, with a file for each split: `openai/train-00000-of-00001.jsonl`. Without it `openai.jsonl`. */
  readonly folders: boolean;
  readonly shards?: ShardLimit | undefined;
  readonly places?: Places | undefined;
  /** Where these formats stand among all that are written. */
  readonly position?: number;
  /** Called once for each item, in order. */
  readonly watch?: ((item: Item) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes every format in one pass over each split's items, at the pace of the slowest, holding one item between them besides each format's own
 * batch. In the order of `exporters`. After an error no file of this call is half-written; the manifest, written by the caller afterwards,
 * is what says that an export is complete. @throws {StoreError} when the disk refuses; whatever the items throw; an Error for an example that breaks a rule.
 */
export async function exportItems<Item extends PlacedItem>(options: ExportOptions<Item>): Promise<WrittenFormat[]> {
  const { exporters, splits, folder, folders, position = 0, watch, signal } = options;
  const written = exporters.map((exporter) => ({
    exporter,
    files: [] as ExportedFile[],
    items: 0,
    without: 0,
    digest: createHash("sha256"),
  }));
  const identity = identities<Item>();
  for (const [split, { name, items }] of splits.entries()) {
    const readers = written.map((format, index): Reader<Item, void> => {
      const { exporter } = format;
      return async (source) => {
        const notes = await options.places?.open(position + index * splits.length + split);
        let rows = 0;
        const files = await writeShards(
          exporter,
          hashed(source, (item) => format.digest.update(`${name} ${identity(exporter, item)}\n`)),
          {
            path: folders
              ? join(folder, exporter.name, `${name}${extname(exporter.fileName)}`)
              : join(folder, exporter.fileName),
            numbered: folders,
            limit: options.shards,
            ...(options.renderer === undefined ? {} : { renderer: options.renderer }),
            ...(options.parquetEngine === undefined ? {} : { parquetEngine: options.parquetEngine }),
            placed(item, place) {
              format.items += 1;
              rows += 1;
              if (place.rows === 0) format.without += 1;
              notes?.note(item, place);
            },
          },
        );
        const kept = rows > 0 || splits.length === 1 ? files : [];
        await notes?.named(kept);
        if (kept.length === 0) await Promise.all(files.map(({ path }) => rm(path)));
        format.files.push(...kept.map((file) => ({ ...file, format: exporter.name, split: name })));
      };
    });
    await teeInto(watch === undefined ? items : watched(items, watch), readers, signal ? { signal } : {});
  }
  return written.map(({ exporter, files, items, without, digest }) => ({
    format: exporter.name,
    product: exporter.product ?? "sft",
    subset: `${exporter.name}-${digest.digest("hex").slice(0, 12)}`,
    items,
    without,
    files,
  }));
}

/** What an item is named by: an example by its id, which is a hash of what it holds; others by the hash of all of it, for their label may change. */
function identities<Item extends PlacedItem>(): (exporter: Exporter<Item>, item: Item) => string {
  const known = new WeakMap<Item, string>();
  return ({ product = "sft" }, item) => {
    if (product === "sft") return item.id;
    const name = known.get(item) ?? hashOf(item);
    known.set(item, name);
    return name;
  };
}

async function* hashed<Item>(items: AsyncIterable<Item>, add: (item: Item) => void): AsyncGenerator<Item> {
  for await (const item of items) {
    add(item);
    yield item;
  }
}

async function* watched<Item>(items: AsyncIterable<Item>, watch: (item: Item) => void): AsyncGenerator<Item> {
  for await (const item of items) {
    watch(item);
    yield item;
  }
}
