import type { CheckOptions, Exporter } from "../contracts.ts";
import type { Conversation, Example } from "../domain/example.ts";
import type { ProductName } from "../domain/products.ts";
import { openAtomicFile } from "./atomic-file.ts";
import type { JsonObject } from "./chat-line.ts";
import { checkJsonl, type JsonlRules, readJsonl } from "./jsonl-check.ts";
import { refusingBroken } from "./problems.ts";

/** A format of JSON lines: how an item is written, what its target asks of a file, and how a line is read back. */
export interface JsonlFormat<Item> {
  readonly name: string;
  readonly about: string;
  readonly product?: ProductName;
  readonly fileName: string;
  /** Begins with a byte order mark. */
  readonly bom?: boolean;
  /** An item's lines, in the order of their keys; several for one step each, none where the format has no place for it. */
  readonly rows: (item: Item) => Iterable<JsonObject>;
  /** The target's rules, made anew for each check. */
  readonly rules: (options: CheckOptions) => JsonlRules;
  /** A line as a conversation, so that round trips, previews and token counts read it; null for one that is none. */
  readonly conversation?: (line: JsonObject) => Conversation | null;
  readonly companions?: Exporter<Item>["companions"];
  /** What items go through before they are written. */
  readonly guard?: (items: AsyncIterable<Item>) => AsyncIterable<Item>;
}

/** An exporter of a JSONL format. */
export function jsonlFormat<Item>(format: JsonlFormat<Item>): Exporter<Item> {
  const { name, about, product, fileName, bom = false, rows, conversation, companions } = format;
  const guard = format.guard ?? ((items: AsyncIterable<Item>) => items);
  return {
    ...{ name, about, fileName },
    ...(product === undefined ? {} : { product }),
    async write(items, path, { placed } = {}) {
      await using file = await openAtomicFile(path);
      if (bom) await file.write("\uFEFF");
      let written = 0;
      for await (const item of guard(items)) {
        let of = 0;
        for (const row of rows(item)) {
          await file.write(`${JSON.stringify(row)}\n`);
          of += 1;
        }
        written += of;
        placed?.(item, of);
      }
      return await file.commit(written);
    },
    check: (path, options = {}) => checkJsonl(path, format.rules(options), { ...options, conversation }),
    ...(companions === undefined ? {} : { companions }),
    ...(conversation === undefined ? {} : { conversations: (path) => conversationsOf(path, conversation) }),
  };
}

/** An exporter of examples; one that breaks a canonical rule stops it, for that is a bug upstream. */
export function exampleFormat(format: JsonlFormat<Example>): Exporter {
  return jsonlFormat({ ...format, guard: refusingBroken });
}

async function* conversationsOf(
  path: string,
  read: (line: JsonObject) => Conversation | null,
): AsyncGenerator<Conversation | null> {
  for await (const line of readJsonl(path)) yield line === null ? null : read(line);
}
