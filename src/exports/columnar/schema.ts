// Parquet's physical columns, in the words of a schema element.
import type { SchemaElement } from "hyparquet";

/** A column or a field, as the elements of its tree in order. */
export type Elements = readonly SchemaElement[];
type Logical = Pick<SchemaElement, "converted_type" | "logical_type">;

/** A top-level column; a minimum and maximum are kept for each row group unless `statistics` is false. */
export interface Column {
  readonly elements: Elements;
  readonly statistics?: false;
}

const leaf = (
  name: string,
  type: "BYTE_ARRAY" | "INT32" | "INT64" | "DOUBLE" | "BOOLEAN",
  logical: Logical = {},
): Elements => [{ name, type, ...logical, repetition_type: "OPTIONAL" }];

/** UTF-8 text. */
export const text = (name: string): Elements =>
  leaf(name, "BYTE_ARRAY", { converted_type: "UTF8", logical_type: { type: "STRING" } });
/** A value as JSON text, marked as JSON. */
export const json = (name: string): Elements =>
  leaf(name, "BYTE_ARRAY", { converted_type: "JSON", logical_type: { type: "JSON" } });
export const int32 = (name: string): Elements => leaf(name, "INT32");
/** Cells are bigints. */
export const int64 = (name: string): Elements => leaf(name, "INT64");
export const double = (name: string): Elements => leaf(name, "DOUBLE");
export const flag = (name: string): Elements => leaf(name, "BOOLEAN");

/** Named fields; at least one, for Parquet has no empty group. */
export const struct = (name: string, ...fields: readonly Elements[]): Elements => [
  { name, repetition_type: "OPTIONAL", num_children: fields.length },
  ...fields.flat(),
];

/** A list in three levels; `element` is the column `element`. */
export const list = (name: string, element: Elements): Elements => [
  { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  ...element,
];

/** The schema of a file with these columns. */
export function schemaOf(columns: readonly Column[]): SchemaElement[] {
  return [{ name: "root", num_children: columns.length }, ...columns.flatMap((column) => column.elements)];
}

/** A column of a file as a tree: what physical shape a reader meets. */
export interface Node {
  readonly name: string;
  readonly element: SchemaElement;
  readonly children: readonly Node[];
}

/** The top-level columns of a file's schema, by name. */
export function columnsOf(schema: readonly SchemaElement[]): ReadonlyMap<string, Node> {
  let next = 1;
  const take = (): Node => {
    const element = schema[next] as SchemaElement;
    next += 1;
    return { name: element.name, element, children: Array.from({ length: element.num_children ?? 0 }, take) };
  };
  const top = Array.from({ length: schema[0]?.num_children ?? 0 }, take);
  return new Map(top.map((node) => [node.name, node]));
}

/** What a column is, as a person says it: `list<struct{role: string, content: string}>`. */
export function physical(node: Node): string {
  const { element, children } = node;
  const item = itemOf(node);
  if (item !== null) return `list<${physical(item)}>`;
  if (children.length > 0) return `struct{${children.map((child) => `${child.name}: ${physical(child)}`).join(", ")}}`;
  if (element.num_children !== undefined && element.type === undefined) return "struct{}";
  const marked = element.logical_type?.type ?? element.converted_type;
  if (marked === "JSON") return "JSON";
  if (element.type === "BYTE_ARRAY") return marked === "STRING" || marked === "UTF8" ? "string" : "bytes";
  // A plain INT32 and one annotated as INT_32 are the same column.
  if (marked === undefined || /^INT(EGER|_32|_64)$/.test(marked)) return (element.type ?? "nothing").toLowerCase();
  return `${element.type?.toLowerCase()} (${marked})`;
}

/** What a list column holds; null for a column that is no list. Two and three levels are lists. */
export function itemOf({ element, children }: Node): Node | null {
  const [repeated] = children;
  if (element.repetition_type === "REPEATED") return null;
  if (children.length !== 1 || repeated?.element.repetition_type !== "REPEATED") return null;
  const [only] = repeated.children;
  return repeated.children.length === 1 && only !== undefined && element.converted_type === "LIST" ? only : repeated;
}
