// The columns of a data file, as far as Croissant and the Hub's rule about schemas need them.
import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject } from "../chat-line.ts";
import { itemOf, type Node, physical, columnsOf as treesOf } from "../columnar/schema.ts";

/** A column by what it holds: `text`, `integer`, `float`, `boolean`, a `list<…>` of these, or something nested in words of its own: with `parts` where it is an object, or a list of them (`repeated`). */
export interface Column {
  readonly name: string;
  readonly kind: string;
  readonly parts?: readonly Column[];
  readonly repeated?: true;
}

const rowsRead = 100;
const mostCharacters = 32_000_000;

/** The columns of a `.jsonl` file by its first 100 rows, of a `.parquet` file by its schema; null for another kind of file, or one that cannot be read so. */
export async function columnsOf(path: string): Promise<Column[] | null> {
  if (extname(path) === ".jsonl") return jsonlColumns(path);
  return extname(path) === ".parquet" ? parquetColumns(path) : null;
}

async function parquetColumns(path: string): Promise<Column[] | null> {
  const { asyncBufferFromFile, parquetMetadataAsync } = await import("hyparquet");
  try {
    const { schema } = await parquetMetadataAsync(await asyncBufferFromFile(path));
    return [...treesOf(schema).values()].map(parquetColumn);
  } catch {
    return null; // whether it is a Parquet file is for the check of its format to say
  }
}

function parquetColumn(node: Node): Column {
  const kind = plainly(physical(node));
  const item = itemOf(node);
  const { children } = item ?? node;
  if (children.length === 0 || (item !== null && itemOf(item) !== null)) return { name: node.name, kind };
  const parts = children.map(parquetColumn);
  return { name: node.name, kind, parts, ...(item === null ? {} : { repeated: true }) };
}

function plainly(physicalType: string): string {
  return physicalType
    .replaceAll(/\b(string|JSON)\b/g, "text")
    .replaceAll(/\bint(32|64)\b/g, "integer")
    .replaceAll(/\b(double|float)\b/g, "float");
}

async function jsonlColumns(path: string): Promise<Column[]> {
  const rows: JsonObject[] = [];
  const stream = createReadStream(path, "utf8");
  let lines = 0;
  let characters = 0;
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    const row: unknown = parseJson(line.replace(/^\uFEFF/, ""));
    if (isObject(row)) rows.push(row);
    lines += 1;
    characters += line.length;
    if (lines === rowsRead || characters > mostCharacters) break;
  }
  stream.destroy();
  return columnsOfObjects(rows);
}

function columnsOfObjects(objects: readonly JsonObject[]): Column[] {
  const values = new Map<string, unknown[]>();
  for (const object of objects)
    for (const [name, value] of Object.entries(object)) {
      const seen = values.get(name) ?? [];
      if (value !== null) seen.push(value);
      values.set(name, seen);
    }
  return [...values].map(([name, seen]) => jsonColumn(name, seen));
}

function jsonColumn(name: string, values: readonly unknown[]): Column {
  const kinds = new Set(values.map(kindOf));
  const [kind = "nested"] = kinds;
  if (kinds.size === 1 && kind !== "nested") return { name, kind };
  const lists = values.filter((value) => Array.isArray(value));
  const items = lists.length === values.length ? lists.flat() : values;
  const objects = items.filter(isObject);
  if (objects.length === 0 || objects.length < items.length) return { name, kind: "nested" };
  const parts = columnsOfObjects(objects);
  return { name, kind: "nested", parts, ...(lists.length > 0 ? { repeated: true } : {}) };
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
