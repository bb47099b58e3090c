// Parquet schemas by hand: physical types that every reader takes as they are.
import type { SchemaElement } from "hyparquet";
import type { ColumnSource } from "hyparquet-writer";

/** A column: how it lies in the file, and a batch's values. `statistics` off where a minimum and maximum help nobody. */
export interface Column<Item> {
  readonly elements: readonly SchemaElement[];
  readonly value: (item: Item) => unknown;
  readonly statistics?: false;
}

export const text = (name: string): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  logical_type: { type: "STRING" },
  repetition_type: "OPTIONAL",
});

export const json = (name: string): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  converted_type: "JSON",
  logical_type: { type: "JSON" },
  repetition_type: "OPTIONAL",
});

export const integer = (name: string, type: "INT32" | "INT64" = "INT32"): SchemaElement => ({
  name,
  type,
  repetition_type: "OPTIONAL",
});

export const flag = (name: string): SchemaElement => ({ name, type: "BOOLEAN", repetition_type: "OPTIONAL" });

export const struct = (name: string, ...children: readonly (readonly SchemaElement[])[]): SchemaElement[] => [
  { name, repetition_type: "OPTIONAL", num_children: children.length },
  ...children.flat(),
];

export const list = (name: string, element: readonly SchemaElement[]): SchemaElement[] => [
  { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  ...element,
];

/** A file's schema from its columns. */
export function schemaOf<Item>(columns: readonly Column<Item>[]): SchemaElement[] {
  return [{ name: "root", num_children: columns.length }, ...columns.flatMap(({ elements }) => elements)];
}

/** A batch's values by column. */
export function columnData<Item>(columns: readonly Column<Item>[], batch: readonly Item[]): ColumnSource[] {
  return columns.map(({ elements: [top], value, statistics }) => ({
    name: top?.name ?? "",
    data: batch.map(value),
    ...(statistics === undefined ? {} : { statistics }),
  }));
}

/** A schema in one line, to be compared and shown. */
export function shapeOf(elements: readonly SchemaElement[]): string {
  return elements
    .slice(1)
    .map(({ name, type, num_children, converted_type }) => {
      // A plain INT32 and one annotated as INT_32 are the same column.
      const kind = converted_type === "INT_32" || converted_type === "INT_64" ? undefined : converted_type;
      return [name, type ?? `(${num_children})`, kind].filter((part) => part !== undefined).join(" ");
    })
    .join(", ");
}
