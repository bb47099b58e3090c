// The columns of a data file, as far as Croissant and the Hub's rule about schemas need them.
import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject } from "../chat-line.ts";
import { physical, columnsOf as treesOf } from "../columnar/schema.ts";

/** A column by what it holds: `text`, `integer`, `float`, `boolean`, a `list<…>` of these, or something nested in words of its own. */
export interface Column {
  readonly name: string;
  readonly kind: string;
}

const rowsRead = 100;

/** The columns of a `.jsonl` file by its first 100 rows, of a `.parquet` file by its schema; null for another kind of file, or one that cannot be read so. */
export async function columnsOf(path: string): Promise<Column[] | null> {
  if (extname(path) === ".jsonl") return jsonlColumns(path);
  return extname(path) === ".parquet" ? parquetColumns(path) : null;
}

async function parquetColumns(path: string): Promise<Column[] | null> {
  const { asyncBufferFromFile, parquetMetadataAsync } = await import("hyparquet");
  try {
    const { schema } = await parquetMetadataAsync(await asyncBufferFromFile(path));
    return [...treesOf(schema).values()].map((node) => ({ name: node.name, kind: plainly(physical(node)) }));
  } catch {
    return null; // whether it is a Parquet file is for the check of its format to say
  }
}

function plainly(physicalType: string): string {
  return physicalType
    .replaceAll(/\b(string|JSON)\b/g, "text")
    .replaceAll(/\bint(32|64)\b/g, "integer")
    .replaceAll(/\b(double|float)\b/g, "float");
}

async function jsonlColumns(path: string): Promise<Column[]> {
  const kinds = new Map<string, Set<string>>();
  const stream = createReadStream(path, "utf8");
  let rows = 0;
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    const row: unknown = parseJson(line.replace(/^\uFEFF/, ""));
    if (isObject(row))
      for (const [name, value] of Object.entries(row)) {
        const seen = kinds.get(name) ?? new Set();
        kinds.set(name, value === null ? seen : seen.add(kindOf(value)));
      }
    rows += 1;
    if (rows === rowsRead) break;
  }
  stream.destroy();
  return [...kinds].map(([name, [kind = "nested", ...more]]) => ({ name, kind: more.length === 0 ? kind : "nested" }));
}

function kindOf(value: unknown): string {
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "float";
  if (!Array.isArray(value)) return "nested";
  const items = new Set((value as unknown[]).map(kindOf));
  const [item = "nested"] = items;
  return items.size === 1 && !/nested|list/.test(item) ? `list<${item}>` : "nested";
}
