import type { WriteOptions } from "../../contracts.ts";
import type { Row } from "./parquet-format.ts";
import { type Column, schemaOf } from "./schema.ts";

/** Writes row groups, one a call, and then the footer. What it made is on its way to disk when a call returns. */
export interface ParquetEngine {
  write(rows: readonly Row[]): Promise<void>;
  finish(): Promise<void>;
}

/** Where an engine's bytes go, in order. */
export type Sink = (chunk: Uint8Array) => Promise<void>;

/** Opens the library that writes Parquet, with these columns. @throws {UsageError} from `write` for a cell that the engine would not keep. */
export async function openParquetEngine(
  name: NonNullable<WriteOptions<never>["parquetEngine"]>,
  columns: readonly Column[],
  sink: Sink,
): Promise<ParquetEngine> {
  if (name === "parquetjs-lite") return (await import("./parquetjs-lite.ts")).openParquetJsLite(columns, sink);
  const { ByteWriter, ParquetWriter } = await import("hyparquet-writer");
  const bytes = new ByteWriter();
  const parquet = new ParquetWriter({ writer: bytes, schema: schemaOf(columns) });
  const drain = async () => {
    await sink(bytes.getBytes());
    bytes.index = 0;
  };
  return {
    async write(rows) {
      const columnData = columns.map(({ elements, statistics }) => {
        const name = elements[0]?.name ?? "";
        return { name, data: rows.map((row) => row[name]), ...(statistics === false ? { statistics } : {}) };
      });
      await parquet.write({ columnData, rowGroupSize: rows.length });
      await drain();
    },
    async finish() {
      await parquet.finish();
      await drain();
    },
  };
}
