/// <reference path="./parquetjs-lite-module.d.ts" />
// The second engine. It stores what it is not made for without a word (5e-7 in an INT32 as 5, a field it does not know as nothing), so every
// cell is looked at first, and what it would change is refused.
import type { FieldDefinition } from "parquetjs-lite";
import { UsageError } from "../../domain/errors.ts";
import type { ParquetEngine, Sink } from "./engines.ts";
import { type Column, columnsOf, itemOf, type Node, physical, schemaOf } from "./schema.ts";

/** Opens `parquetjs-lite`: Snappy, no statistics, plain pages, every row awaited. */
export async function openParquetJsLite(columns: readonly Column[], sink: Sink): Promise<ParquetEngine> {
  const library = await import("parquetjs-lite");
  // A CommonJS module: its names stand on `default`, too.
  const { ParquetEnvelopeWriter, ParquetSchema, ParquetWriter } =
    "default" in library ? (library.default as typeof library) : library;
  const nodes = [...columnsOf(schemaOf(columns)).values()];
  const schema = new ParquetSchema(fieldsOf(nodes));
  let chunks: Uint8Array[] = [];
  // It writes its header and its indexes without waiting for them: what it writes is kept in order here, and sent on after each batch.
  const keep = async (chunk: Uint8Array) => void chunks.push(chunk);
  const options = { useDataPageV2: false, pageIndex: false };
  const writer = new ParquetWriter(
    schema,
    new ParquetEnvelopeWriter(schema, keep, async () => {}, 0, options),
    options,
  );
  const drain = async () => {
    for (const chunk of chunks) await sink(chunk);
    chunks = [];
  };
  return {
    async write(rows) {
      writer.setRowGroupSize(rows.length);
      for (const row of rows)
        await writer.appendRow(
          Object.fromEntries(nodes.map((node) => [node.name, cell(row[node.name], node, node.name)])),
        );
      await drain();
    },
    async finish() {
      await writer.close();
      await drain();
    },
  };
}

const fieldsOf = (nodes: readonly Node[]): Record<string, FieldDefinition> =>
  Object.fromEntries(nodes.map((node) => [node.name, fieldOf(node)]));

function fieldOf({ element, children }: Node): FieldDefinition {
  const repetition = element.repetition_type === "REPEATED" ? { repeated: true } : { optional: true };
  if (children.length > 0)
    return {
      ...repetition,
      ...(element.converted_type === "LIST" ? { type: "LIST" } : {}),
      fields: fieldsOf(children),
    };
  const type =
    element.converted_type === "UTF8" || element.converted_type === "JSON" ? element.converted_type : element.type;
  return { ...repetition, type: type ?? "", compression: "SNAPPY", statistics: false };
}

/** The cell as the library wants it. @throws {UsageError} where it would store something else. */
function cell(value: unknown, node: Node, field: string): unknown {
  if (value === null || value === undefined) return null;
  const item = itemOf(node);
  if (item !== null) {
    if (!Array.isArray(value)) throw refused(value, node, field);
    return { list: value.map((each: unknown, index) => ({ element: cell(each, item, `${field}[${index}]`) })) };
  }
  if (node.children.length > 0) {
    if (typeof value !== "object" || Array.isArray(value)) throw refused(value, node, field);
    const names = new Set(node.children.map(({ name }) => name));
    for (const name of Object.keys(value)) if (!names.has(name)) throw refused(value, node, `${field}.${name}`);
    const cells = value as Record<string, unknown>;
    return Object.fromEntries(
      node.children.map((child) => [child.name, cell(cells[child.name], child, `${field}.${child.name}`)]),
    );
  }
  if (!kept(value, node)) throw refused(value, node, field);
  return value;
}

const loneSurrogate = /\p{Surrogate}/u;

function kept(value: unknown, { element }: Node): boolean {
  if (element.converted_type === "UTF8") return typeof value === "string" && !loneSurrogate.test(value);
  // A list would become several cells, and a text is JSON that nobody checked.
  if (element.converted_type === "JSON") return typeof value === "object" && !Array.isArray(value);
  if (element.type === "BOOLEAN") return typeof value === "boolean";
  if (element.type === "INT32")
    return Number.isInteger(value) && Math.abs((value as number) + 0.5) < 2 ** 31 && !Object.is(value, -0);
  if (element.type === "DOUBLE") return typeof value === "number" && Number.isFinite(value);
  if (element.type === "INT64")
    return typeof value === "bigint" && value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
  return false;
}

function refused(value: unknown, node: Node, field: string): UsageError {
  const got = typeof value === "bigint" || typeof value === "number" ? `${value}` : typeof value;
  return new UsageError(
    `Expected ${field} to be ${physical(node)} within what parquetjs-lite keeps unchanged (integers up to 2^53, no other fields), got \`${got.slice(0, 60)}\`: leave \`export.parquetEngine\` out`,
  );
}
