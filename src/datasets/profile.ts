import { stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { z } from "zod";
import type { Remember } from "../contracts.ts";
import {
  type DataFile,
  type Dataset,
  type FileProfile,
  fileProfile,
  type TableProfile,
  tableProfile,
} from "../domain/dataset.ts";
import { StoreError, UsageError } from "../domain/errors.ts";
import { profileColumn } from "./column.ts";
import { memoryFor, withDatabase, withScratch } from "./database.ts";
import { isGzip, tableFormats } from "./index.ts";
import { joinsOf } from "./joins.ts";
import { keysOf } from "./keys.ts";
import { query, type TableSource } from "./table.ts";

/** Part of a remembered profile's identity: bumped whenever the same file gets another profile. */
export const profileVersion = 2;

// Tables wider than this are profiled in blocks of as many columns: a query over a block does not pay for the rest.
const blockColumns = 100;

/**
 * What each table of a dataset's files holds, and how they join. `dir` is the folder of the loader's copies. A pure function of the
 * files' names and contents; with `remember`, each file's part is computed once for its content. `onFile` hears of each file that is
 * read. Memory is bounded whatever the files' sizes; the folder TMPDIR needs room for the largest file.
 * @throws {UsageError} when a file is not a table with rows. @throws {StoreError} when there is no room to read it.
 */
export async function profileDataset(
  dataset: Dataset,
  dir: string,
  options: {
    readonly remember?: Remember;
    readonly signal?: AbortSignal;
    readonly onFile?: (file: DataFile) => void;
  } = {},
): Promise<FileProfile[]> {
  const { remember, signal = new AbortController().signal } = options;
  const profiles: FileProfile[] = [];
  for (const file of dataset.files) {
    signal.throwIfAborted();
    const compute = () => {
      options.onFile?.(file);
      return profileFile(file, resolve(dir, file.name));
    };
    const identity = { kind: "profile", version: profileVersion, sha256: file.sha256, format: file.format };
    const tables =
      remember === undefined
        ? await compute()
        : (await remember({ ...identity, gzip: isGzip(file.name) }, z.array(tableProfile), compute, { signal })).value;
    for (const table of tables) profiles.push({ file: file.name, ...table });
  }
  if (profiles.length < 2) return profiles;
  const compute = () => withJoins(dataset, dir, profiles);
  if (remember === undefined) return compute();
  const identity = { kind: "joins", version: profileVersion, dataset: dataset.id };
  return (await remember(identity, z.array(fileProfile), compute, { signal })).value;
}

/** The tables of one file, without its name. */
async function profileFile(file: DataFile, path: string): Promise<TableProfile[]> {
  return withTables(file, path, async (connection, sources) => {
    const tables: TableProfile[] = [];
    for (const source of sources) tables.push(await profileTable(connection, source));
    return tables;
  });
}

async function withJoins(dataset: Dataset, dir: string, profiles: readonly FileProfile[]): Promise<FileProfile[]> {
  return joinsOf(profiles, async (name, use) => {
    const file = dataset.files.find((one) => one.name === name);
    if (file === undefined) throw new Error(`Expected a file of the dataset, got \`${name}\``);
    return withTables(file, resolve(dir, name), use);
  });
}

/** Opens a file's tables for `use`; errors of the readers become ours, with the file's name. */
async function withTables<T>(
  file: DataFile,
  path: string,
  use: (connection: DuckDBConnection, sources: readonly TableSource[]) => Promise<T>,
): Promise<T> {
  return withScratch(async (scratch) => {
    // DuckDB reads a path as a glob: the link has a name without brackets or stars.
    const link = join(scratch, "table");
    await symlink(path, link);
    return withDatabase(scratch, async (connection) => {
      try {
        // A missing or unreadable file is told as such, not as one of a wrong format.
        await stat(link);
        const opened = { path: link, gzip: isGzip(file.name), scratch };
        return await use(connection, await tableFormats[file.format].open(connection, opened));
      } catch (error) {
        throw readable(error, file.name, file.format, link);
      }
    });
  });
}

async function profileTable(connection: DuckDBConnection, source: TableSource): Promise<TableProfile> {
  const { columns, sheet } = source;
  await connection.run(`SET memory_limit = '${memoryFor(columns.length) + (source.extraMemoryMb ?? 0)}MB'`);
  const wide = columns.length > blockColumns;
  const table = wide ? "wide" : "t";
  await connection.run(`CREATE OR REPLACE TABLE ${table} AS ${source.select}`);
  const [counted] = await query(connection, `SELECT count(*) AS rows FROM ${table}`);
  const rows = Number(counted?.rows);
  if (rows === 0) throw new UsageError("expected at least one row, got none: leave the file out or fill it");
  const profile: TableProfile = { ...(sheet !== undefined && { sheet }), rows, columns: [] };
  for (const [index, column] of columns.entries()) {
    if (wide && index % blockColumns === 0) {
      const block = columns.slice(index, index + blockColumns).map((_, offset) => `c${index + offset}`);
      await connection.run(`CREATE OR REPLACE TABLE t AS SELECT ${block.join(", ")} FROM wide`);
    }
    profile.columns.push(await profileColumn(connection, `c${index}`, column, rows));
  }
  const keys = await keysOf(connection, table, profile);
  return keys.length > 0 ? { ...profile, keys } : profile;
}

function readable(error: unknown, file: string, format: string, link: string): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error;
  if (error instanceof UsageError) {
    return new UsageError(`Cannot profile \`${file}\` as ${format.toUpperCase()}: ${error.message}`, { cause: error });
  }
  if ("code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT")) {
    return new StoreError(`Could not profile \`${file}\` in \`${tmpdir()}\`: ${error.message}.`, { cause: error });
  }
  if (/^(Out of Memory|IO) Error/.test(error.message)) {
    return new StoreError(
      `Could not profile \`${file}\` in \`${tmpdir()}\` (TMPDIR names another folder): ${reason(error, link, file)}.`,
      { cause: error },
    );
  }
  if (!/^[A-Z][A-Za-z ]+ Error: /.test(error.message)) return error;
  return new UsageError(
    `Expected \`${file}\` to be a ${format.toUpperCase()} table, got one that cannot be read (${reason(error, link, file)}): mend it or leave it out`,
    { cause: error },
  );
}

// The parser's own words, without its settings and its advice, which are about SQL.
function reason(error: Error, link: string, file: string): string {
  const [said = ""] = error.message.replaceAll(link, file).split(/\n(?:Possible|\s+file = |LINE \d+:)|\n\n/);
  const text = said
    .replace(/^[A-Z][A-Za-z ]+ Error: /, "")
    .trim()
    .replaceAll("\n", "; ");
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
