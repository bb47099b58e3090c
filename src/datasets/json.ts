import { stat } from "node:fs/promises";
import { UsageError } from "../domain/errors.ts";
import { bytesOf, headOf, refuseOtherThanText, utf8Watch } from "./bytes.ts";
import { type FileToRead, holdsOf, identifier, literal, query, type TableFormat } from "./table.ts";

export const json: TableFormat = jsonFormat([".json"], "auto");
export const jsonl: TableFormat = jsonFormat([".jsonl", ".ndjson"], "newline_delimited");

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

const what = "JSON";
const mebibyte = 1024 * 1024;

function jsonFormat(extensions: readonly string[], layout: "auto" | "newline_delimited"): TableFormat {
  return {
    extensions,
    mayBeGzip: true,
    async open(connection, file) {
      await checkText(file);
      // Types are inferred from every record, and objects stay objects however rare their keys are.
      const options = [
        `format = '${layout}'`,
        `compression = '${file.gzip ? "gzip" : "uncompressed"}'`,
        "sample_size = -1",
        "map_inference_threshold = -1",
        "field_appearance_threshold = 0",
        `maximum_object_size = ${await recordLimit(file)}`,
      ].join(", ");
      const path = literal(file.path);
      const inferred = (await query(connection, `DESCRIBE SELECT * FROM read_json(${path}, ${options})`)).map(
        (row) => ({ name: String(row.column_name), type: storedType(String(row.column_type)) }),
      );
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
        },
      ];
    },
  };
}

/** Bytes one record may have: the reader's buffers are twice as large. A file that is one object may be large where it is small enough. */
async function recordLimit(file: FileToRead): Promise<number> {
  const { size } = await stat(file.path);
  if (file.gzip) return 32 * mebibyte;
  return size > 256 * mebibyte ? 32 * mebibyte : Math.max(16 * mebibyte, size + 1);
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
