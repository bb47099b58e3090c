import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";

/** Memory the engine may take for a table of usual width, and for each of its columns: one chunk of every column is held at once. */
const memoryMb = { base: 384, eachColumn: 0.2 };

/** The engine's memory for a table of so many columns, in MB. */
export function memoryFor(columns: number): number {
  return Math.ceil(memoryMb.base + memoryMb.eachColumn * columns);
}

/** Hands a folder below TMPDIR to `use` and removes it afterwards. */
export async function withScratch<T>(use: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), "tracemill-profile-"));
  try {
    return await use(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Hands a connection to an empty database to `use`; its tables lie on disk in `scratch`, so that they may be larger than memory. */
export async function withDatabase<T>(scratch: string, use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  // 100 ms to load, so only where a table is read.
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const folder = await mkdtemp(join(scratch, "database-"));
  const instance = await DuckDBInstance.create(join(folder, "tables"), {
    memory_limit: `${memoryFor(0)}MB`,
    // One thread: sums over floats come out the same every time.
    threads: "1",
    temp_directory: join(folder, "spill"),
    // What was freed goes back to the system, not to the next table's peak.
    allocator_flush_threshold: "1MB",
    allocator_bulk_deallocation_flush_threshold: "16MB",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  try {
    const connection = await instance.connect();
    try {
      await connection.run("SET TimeZone = 'UTC'");
      return await use(connection);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
    await rm(folder, { recursive: true, force: true });
  }
}
