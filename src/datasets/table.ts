import type { DuckDBConnection } from "@duckdb/node-api";

/** What a column of a table holds as stored; what people mean by it is decided later, from its values. */
export type Holds = "text" | "number" | "boolean" | "date" | "nested";

/** One column of a table: column number i is `c<i>` in SQL, under any name. `shownAs`: how its workbook formats its numbers. */
export interface TableColumn {
  readonly name: string;
  readonly holds: Holds;
  readonly shownAs?: "money" | "percent";
}

/** One table of a file, not read yet: `select` is the query whose columns are `c0` … in the order of `columns`, rows in the file's order. */
export interface TableSource {
  readonly sheet?: string;
  readonly columns: readonly TableColumn[];
  readonly select: string;
  /** Memory that reading takes beyond what a table of so many columns does. */
  readonly extraMemoryMb?: number;
}

/** A file to read: a path that SQL can hold, whether it is gzipped, and a folder for what has to be unpacked, removed afterwards. */
export interface FileToRead {
  readonly path: string;
  readonly gzip: boolean;
  readonly scratch: string;
}

/** A file format: the extensions it goes by, whether they may be followed by `.gz`, and how a file of it becomes tables. */
export interface TableFormat {
  readonly extensions: readonly string[];
  readonly mayBeGzip: boolean;
  /** Throws UsageError, or DuckDB's own error, when the file is not what its extension says. */
  readonly open: (connection: DuckDBConnection, file: FileToRead) => Promise<TableSource[]>;
}

/** Runs one query and returns its rows; integers come as bigint. */
export async function query(connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJS();
}

/** Numbers that one query measures over a source of rows. */
export async function measure<Name extends string>(
  connection: DuckDBConnection,
  source: string,
  measures: Record<Name, string>,
): Promise<Record<Name, number>> {
  const named = Object.entries<string>(measures).map(([name, sql]) => `${sql} AS "${name}"`);
  const [row] = await query(connection, `SELECT ${named.join(", ")} FROM ${source}`);
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value)])) as Record<
    Name,
    number
  >;
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
