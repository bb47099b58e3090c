// JSON values as physical columns, for trainers whose readers take text for text (verl reads with pandas).
import { UsageError } from "../../domain/errors.ts";
import { isObject, type JsonObject, shown } from "../chat-line.ts";
import { double, type Elements, flag, int64, list, struct, text } from "./schema.ts";

/** The column that holds `value` and all of its shape. @throws {UsageError} for what Parquet has no fixed shape for: an empty object, a mixed list, null. */
export function columnOf(name: string, value: unknown, where: string): Elements {
  if (typeof value === "string") return text(name);
  if (typeof value === "boolean") return flag(name);
  if (typeof value === "number") return Number.isSafeInteger(value) ? int64(name) : double(name);
  if (isObject(value) && Object.keys(value).length > 0)
    return struct(name, ...Object.entries(value).map(([key, each]) => columnOf(key, each, `${where}.${key}`)));
  if (Array.isArray(value) && value.length > 0) {
    const [first, ...others] = value.map((each) => columnOf("element", each, `${where}[]`));
    if (first !== undefined && others.every((each) => JSON.stringify(each) === JSON.stringify(first)))
      return list(name, first);
  }
  throw new UsageError(
    `Expected ${where} to have one physical shape (no empty object or list, no null, no mixed list), got ${shown(value)}: export these examples in a JSONL format or as \`parquet-json\``,
  );
}

/** The value as cells of that column: whole numbers as bigints. */
export function cellOf(value: unknown): unknown {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (Array.isArray(value)) return value.map(cellOf);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cellOf(each)]));
  return value;
}

/** Cells as a JSON value again; fields that are null are left out. */
export function jsonCell(cell: unknown): unknown {
  if (typeof cell === "bigint") return Number(cell);
  if (Array.isArray(cell)) return cell.map(jsonCell);
  if (!isObject(cell)) return cell;
  const kept = Object.entries(cell).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(kept.map(([key, value]) => [key, jsonCell(value)]));
}

/** The arguments of a function's calls as a struct, by its parameters. @throws {UsageError} where one is no text, number or boolean, or there is none. */
export function argumentColumns(name: string, parameters: JsonObject): { elements: Elements; cells: ArgumentCells } {
  const properties = Object.entries(isObject(parameters.properties) ? parameters.properties : {});
  const columns: Record<string, (field: string) => Elements> = {
    string: text,
    integer: int64,
    number: double,
    boolean: flag,
  };
  const fields = properties.map(([field, schema]) => {
    const type = isObject(schema) ? String(schema.type) : "nothing";
    const column = Object.hasOwn(columns, type) ? columns[type] : undefined;
    if (column !== undefined) return { field, type, elements: column(field) };
    throw new UsageError(
      `Expected the parameters of ${name} to be string, integer, number or boolean, got ${shown(type)} for ${field}: verl reads physical types; export in a JSONL format`,
    );
  });
  if (fields.length === 0)
    throw new UsageError(
      `Expected ${name} to have parameters, got none: Parquet has no struct without fields; export in a JSONL format`,
    );
  const cells: ArgumentCells = (given) => {
    if (Object.keys(given).length !== fields.length) return null;
    if (!fields.every(({ field, type }) => isOf(given[field], type))) return null;
    return Object.fromEntries(
      fields.map(({ field, type }) => [field, type === "integer" ? BigInt(given[field] as number) : given[field]]),
    );
  };
  return { elements: struct("arguments", ...fields.map(({ elements }) => elements)), cells };
}

/** Arguments as cells of the struct; null where they have not exactly its fields. */
export type ArgumentCells = (given: JsonObject) => Record<string, unknown> | null;

function isOf(value: unknown, type: string): boolean {
  if (type === "integer") return Number.isSafeInteger(value);
  return typeof value === type;
}
