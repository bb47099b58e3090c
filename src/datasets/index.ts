import { extname } from "node:path";
import type { DataFormat } from "../domain/dataset.ts";
import { csv, tsv } from "./csv.ts";
import { json, jsonl } from "./json.ts";
import { parquet } from "./parquet.ts";
import type { TableFormat } from "./table.ts";

/** Every format of data files, by name. */
export const tableFormats: Readonly<Record<DataFormat, TableFormat>> = { csv, tsv, json, jsonl, parquet };

/** The format a file's extension promises, or undefined for a file that is not data. */
export function formatOf(fileName: string): DataFormat | undefined {
  const extension = extname(fileName).toLowerCase();
  return (Object.keys(tableFormats) as DataFormat[]).find((name) => tableFormats[name].extensions.includes(extension));
}
