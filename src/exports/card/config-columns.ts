import { join } from "node:path";
import { columnsOf } from "./columns.ts";

/**
 * How a file of one config differs in its columns from the first, where one does: loaders refuse such a config. Parquet by its schema, which is
 * sure; JSON lines by the columns of their first 100 rows, which may lack one that comes later.
 */
export async function columnsProblem(
  folder: string,
  files: readonly string[],
): Promise<{ readonly severity: "error" | "warning"; readonly message: string } | null> {
  let first: { readonly file: string; readonly columns: string } | null = null;
  for (const file of files) {
    const known = await columnsOf(join(folder, file));
    if (known === null) continue;
    const isSure = file.endsWith(".parquet");
    const columns = known
      .map(({ name, kind }) => (isSure ? `${name} ${kind}` : name))
      .sort()
      .join(", ");
    first ??= { file, columns };
    if (columns !== first.columns)
      return {
        severity: isSure ? "error" : "warning",
        message: `Expected the columns of \`${first.file}\` (${first.columns}) in every file of the config, got ${columns} in \`${file}\`; give it a config of its own`,
      };
  }
  return null;
}
