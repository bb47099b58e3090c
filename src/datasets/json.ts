import { stat } from "node:fs/promises";
import { UsageError } from "../domain/errors.ts";
import { bytesOf, headOf, refuseOtherThanText, utf8Watch } from "./bytes.ts";
import { memoryFor } from "./database.ts";
import { type FileToRead, holdsOf, identifier, literal, query, type TableFormat } from "./table.ts";

export const json: TableFormat = jsonFormat([".json"], "auto");
export const jsonl: TableFormat = jsonFormat([".jsonl", ".ndjson"], "newline_delimited");

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

const what = "JSON";
const mebibyte = 1024 * 1024;
const usualRecordBytes = 16 * mebibyte;
const largeRecordFileBytes = 256 * mebibyte;

function jsonFormat(extensions: readonly string[], layout: "auto" | "newline_delimited"): TableFormat {
  return {
    extensions,
    mayBeGzip: true,
    async open(connection, file) {
      await checkText(file);
      const path = literal(file.path);
      const look = async (recordBytes: number) => {
        const options = optionsFor(layout, file, recordBytes);
        return { options, found: await query(connection, `DESCRIBE SELECT * FROM read_json(${path}, ${options})`) };
      };
      let extraMemoryMb = 0;
      const { options, found } = await look(usualRecordBytes).catch(async (error: unknown) => {
        // A file that is one object, or few, is read with buffers of its size.
        const { size } = await stat(file.path);
        const tooLarge = error instanceof Error && /maximum_object_size/.test(error.message);
        if (!tooLarge || file.gzip || size > largeRecordFileBytes) throw error;
        extraMemoryMb = Math.ceil((6 * size) / mebibyte);
        await connection.run(`SET memory_limit = '${memoryFor(0) + extraMemoryMb}MB'`);
        return look(size + 1);
      });
      const inferred = found.map((row) => ({
        name: String(row.column_name),
        type: storedType(String(row.column_type)),
      }));
      refuseCaseTwins(inferred.map(({ name }) => name));
      const scalars = inferred.length === 1 && inferred[0]?.name === "json";
      // Read again as written: "2020-01-05" keeps its own form, and a column of mixed types becomes text.
      const written = inferred.map(({ name, type }) => `${literal(name)}: ${literal(type)}`);
      const source = scalars
        ? `read_json(${path}, ${options})`
        : `read_json(${path}, ${options}, columns = {${written.join(", ")}})`;
      const selected = inferred.map(({ name }, index) => `${identifier(name)} AS c${index}`);
      return [
        {
          columns: inferred.map(({ name, type }) => ({ name, holds: type === "JSON" ? "nested" : holdsOf(type) })),
          select: `SELECT ${selected.join(", ")} FROM ${source}`,
          ...(extraMemoryMb > 0 && { extraMemoryMb }),
        },
      ];
    },
  };
}

// Types are inferred from every record, and objects stay objects however rare their keys are.
function optionsFor(layout: string, file: FileToRead, recordBytes: number): string {
  return [
    `format = '${layout}'`,
    `compression = '${file.gzip ? "gzip" : "uncompressed"}'`,
    "sample_size = -1",
    "map_inference_threshold = -1",
    "field_appearance_threshold = 0",
    `maximum_object_size = ${recordBytes}`,
  ].join(", ");
}

async function checkText(file: FileToRead): Promise<void> {
  const head = await headOf(file, 64 * 1024);
  // DuckDB takes a list behind the mark for one value; pandas refuses the file.
  if (head.subarray(0, 3).equals(byteOrderMark)) {
    throw new UsageError("expected JSON in UTF-8 without a byte order mark, got one: save it without");
  }
  refuseOtherThanText(head, what);
  const encoding = utf8Watch(what);
  for await (const chunk of bytesOf(file)) encoding.see(chunk);
  encoding.end();
}

// DuckDB knows "a" and "A" as one name, renames the second to "A_1" and loses its values.
function refuseCaseTwins(names: readonly string[]): void {
  const known = new Set(names.map((name) => name.toLowerCase()));
  const renamed = names.find((name) => /_\d+$/.test(name) && known.has(name.toLowerCase().replace(/_\d+$/, "")));
  if (renamed !== undefined) {
    const key = renamed.replace(/_\d+$/, "");
    throw new UsageError(
      `expected keys that differ in more than case, got \`${key}\` and \`${renamed}\` or a twin of it: rename one`,
    );
  }
}

function storedType(inferred: string): string {
  const holds = holdsOf(inferred);
  if (holds === "nested") return "JSON";
  return holds === "number" || holds === "boolean" ? inferred : "VARCHAR";
}
