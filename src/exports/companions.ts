import { join, relative } from "node:path";
import type { Companion, ExportedFile, Exporter } from "../contracts.ts";
import { parseJson } from "../domain/reply-json.ts";
import { writeTextFile } from "./atomic-file.ts";
import { isObject } from "./chat-line.ts";

interface Written {
  readonly exporter: { readonly name: string; readonly companions?: Exporter["companions"] };
  readonly files: readonly ExportedFile[];
}

/** Writes what belongs beside each format's files: into its folder, or all into one, where JSON objects of one name become one object. Returns the paths. */
export async function writeCompanions(
  formats: readonly Written[],
  { folder, folders }: { readonly folder: string; readonly folders: boolean },
): Promise<string[]> {
  const texts = new Map<string, string>();
  for (const { exporter, files } of formats) {
    if (exporter.companions === undefined || files.length === 0) continue;
    const at = folders ? join(folder, exporter.name) : folder;
    const named = files.map(({ path, split }) => ({ file: relative(at, path), split: split ?? "train" }));
    for (const companion of exporter.companions(named)) {
      const path = join(at, companion.name);
      texts.set(path, merged(texts.get(path), companion));
    }
  }
  for (const [path, text] of texts) await writeTextFile(path, text);
  return [...texts.keys()];
}

function merged(before: string | undefined, { name, text }: Companion): string {
  if (before === undefined || before === text) return text;
  const [first, second] = [parseJson(before), parseJson(text)];
  if (!isObject(first) || !isObject(second))
    throw new Error(`Expected one text for ${name}, got two formats with one each`);
  return `${JSON.stringify({ ...first, ...second }, null, 2)}\n`;
}
