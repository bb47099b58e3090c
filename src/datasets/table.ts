import type { DuckDBConnection } from "@duckdb/node-api";

/** What a column of a table holds as stored; what people mean by it is decided later, from its values. */
export type Holds = "text" | "number" | "boolean" | "date" | "nested";

/** One column of the DuckDB table `t`: column number i is stored as `c<i>`, under any name. */
export interface TableColumn {
  readonly name: string;
  readonly holds: Holds;
}

/** A file format: the extensions it goes by, and how a file of it becomes the table `t`. */
export interface TableFormat {
  readonly extensions: readonly string[];
  /** Throws UsageError, or DuckDB's own error, when the file is not what its extension says. */
  readonly read: (connection: DuckDBConnection, path: string) => Promise<TableColumn[]>;
}

/** Runs one query and returns its rows; integers come as bigint. */
export async function query(connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJS();
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as an SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What a column of this SQL type holds. */
export function holdsOf(type: string): Holds {
  if (/(\[\d*\]$)|^(STRUCT|MAP|UNION|LIST|BLOB|BIT|GEOMETRY|VARIANT)/.test(type)) return "nested";
  if (type === "BOOLEAN") return "boolean";
  if (/^(DATE|TIMESTAMP)/.test(type)) return "date";
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$|^(DOUBLE|FLOAT|DECIMAL|BIGNUM)/.test(type)) return "number";
  return "text";
}
