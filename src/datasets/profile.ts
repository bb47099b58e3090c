import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import type { Dataset, FileProfile } from "../domain/dataset.ts";
import { StoreError, UsageError } from "../domain/errors.ts";
import { profileColumn } from "./column.ts";
import { tableFormats } from "./index.ts";
import { query } from "./table.ts";

/** Part of a remembered profile's identity: bumped whenever the same file gets another profile. */
export const profileVersion = 1;

/**
 * What each file of a dataset holds. `dir` is the folder of the loader's copies. A pure function of the files' names and contents.
 * @throws {UsageError} when a file is not a table with rows. @throws {StoreError} when there is no room to read it.
 */
export async function profileDataset(dataset: Dataset, dir: string): Promise<FileProfile[]> {
  const scratch = await mkdtemp(join(tmpdir(), "tracemill-profile-"));
  try {
    const profiles: FileProfile[] = [];
    for (const file of dataset.files) {
      // DuckDB reads a path as a glob: the link has a name without brackets or stars.
      const link = join(scratch, `table-${profiles.length}`);
      await symlink(resolve(dir, file.name), link);
      profiles.push(
        await withConnection(scratch, async (connection) => {
          try {
            const columns = await tableFormats[file.format].read(connection, link);
            return await profileTable(connection, file.name, columns);
          } catch (error) {
            throw readable(error, file.name, file.format, link);
          }
        }),
      );
    }
    return profiles;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function withConnection<T>(scratch: string, use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: "1GB",
    // One thread: sums over floats come out the same every time.
    threads: "1",
    temp_directory: join(scratch, "spill"),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function profileTable(
  connection: DuckDBConnection,
  file: string,
  columns: Awaited<ReturnType<(typeof tableFormats)["csv"]["read"]>>,
): Promise<FileProfile> {
  const [counted] = await query(connection, "SELECT count(*) AS rows FROM t");
  const rows = Number(counted?.rows);
  if (rows === 0) throw new UsageError("expected at least one row, got none: leave the file out or fill it");
  const profile: FileProfile = { file, rows, columns: [] };
  for (const [index, column] of columns.entries()) {
    profile.columns.push(await profileColumn(connection, `c${index}`, column, rows));
  }
  return profile;
}

function readable(error: unknown, file: string, format: string, link: string): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error;
  if (error instanceof UsageError) {
    return new UsageError(`Cannot profile \`${file}\` as ${format.toUpperCase()}: ${error.message}`, { cause: error });
  }
  if (/^(Out of Memory|IO) Error/.test(error.message)) {
    return new StoreError(`Could not profile \`${file}\` in \`${tmpdir()}\`: ${reason(error, link, file)}.`, {
      cause: error,
    });
  }
  if (/is not utf-8 encoded/i.test(error.message)) {
    return new UsageError(
      `Expected \`${file}\` to be UTF-8, got other bytes (${reason(error, link, file).split("; Original Line")[0]}): convert it, for example with iconv -f latin1 -t utf-8`,
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
