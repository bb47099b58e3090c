import { extname } from "node:path";
import type { DataFormat } from "../domain/dataset.ts";
import { csv, tsv } from "./csv.ts";
import { json, jsonl } from "./json.ts";
import { parquet } from "./parquet.ts";
import type { TableFormat } from "./table.ts";
import { xlsx } from "./xlsx.ts";

/** Every format of data files, by name. */
export const tableFormats: Readonly<Record<DataFormat, TableFormat>> = { csv, tsv, json, jsonl, parquet, xlsx };

/** The format a file's extension promises, or undefined for a file that is not data. */
export function formatOf(fileName: string): DataFormat | undefined {
  const gzip = isGzip(fileName);
  const extension = extname(gzip ? fileName.slice(0, -3) : fileName).toLowerCase();
  return (Object.keys(tableFormats) as DataFormat[]).find(
    (name) => tableFormats[name].extensions.includes(extension) && (!gzip || tableFormats[name].mayBeGzip),
  );
}

/** Whether a file's name says that it is gzipped. */
export function isGzip(fileName: string): boolean {
  return /\.gz$/i.test(fileName);
}

/** What a data file is called by people, without its extensions. */
export function stemOf(fileName: string): string {
  const plain = isGzip(fileName) ? fileName.slice(0, -3) : fileName;
  return plain.slice(0, plain.length - extname(plain).length);
}

/** The extensions of all formats, for messages. */
export function knownExtensions(): string {
  const all = Object.values(tableFormats);
  const packed = all.filter(({ mayBeGzip }) => mayBeGzip).flatMap(({ extensions }) => extensions);
  return `${all.flatMap(({ extensions }) => extensions).join(" ")}, and ${packed.map((name) => `${name}.gz`).join(" ")}`;
}
