import { UsageError } from "../domain/errors.ts";
import { holdsOf, identifier, literal, query, type TableFormat } from "./table.ts";

export const json: TableFormat = jsonFormat([".json"], "auto");
export const jsonl: TableFormat = jsonFormat([".jsonl", ".ndjson"], "newline_delimited");

function jsonFormat(extensions: readonly string[], layout: "auto" | "newline_delimited"): TableFormat {
  // Types are inferred from every record, and objects stay objects however rare their keys are.
  const options = `format = '${layout}', sample_size = -1, map_inference_threshold = -1, field_appearance_threshold = 0, maximum_object_size = 268435456`;
  return {
    extensions,
    async read(connection, path) {
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
