import { open } from "node:fs/promises";
import { UsageError } from "../domain/errors.ts";
import { holdsOf, identifier, literal, query, type TableFormat } from "./table.ts";

export const json: TableFormat = jsonFormat([".json"], "auto");
export const jsonl: TableFormat = jsonFormat([".jsonl", ".ndjson"], "newline_delimited");

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

function jsonFormat(extensions: readonly string[], layout: "auto" | "newline_delimited"): TableFormat {
  // Types are inferred from every record, and objects stay objects however rare their keys are.
  const options = `format = '${layout}', sample_size = -1, map_inference_threshold = -1, field_appearance_threshold = 0, maximum_object_size = 268435456`;
  return {
    extensions,
    async read(connection, path) {
      await refuseByteOrderMark(path);
      const inferred = (await query(connection, `DESCRIBE SELECT * FROM read_json(${literal(path)}, ${options})`)).map(
        (row) => ({ name: String(row.column_name), type: storedType(String(row.column_type)) }),
      );
      refuseCaseTwins(inferred.map(({ name }) => name));
      const scalars = inferred.length === 1 && inferred[0]?.name === "json";
      // Read again as written: "2020-01-05" keeps its own form, and a column of mixed types becomes text.
      const written = inferred.map(({ name, type }) => `${literal(name)}: ${literal(type)}`);
      const source = scalars
        ? `read_json(${literal(path)}, ${options})`
        : `read_json(${literal(path)}, ${options}, columns = {${written.join(", ")}})`;
      const selected = inferred.map(({ name }, index) => `${identifier(name)} AS c${index}`);
      await connection.run(`CREATE TABLE t AS SELECT ${selected.join(", ")} FROM ${source}`);
      return inferred.map(({ name, type }) => ({ name, holds: type === "JSON" ? "nested" : holdsOf(type) }));
    },
  };
}

// DuckDB takes a list behind the mark for one value; pandas refuses the file.
async function refuseByteOrderMark(path: string): Promise<void> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(3), 0, 3, 0);
  if (bytesRead === 3 && buffer.equals(byteOrderMark)) {
    throw new UsageError("expected JSON in UTF-8 without a byte order mark, got one: save it without");
  }
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
