// CR-R1: croissant.json tells the truth about the folder; and manifest.json, where there is one.
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, shown } from "../chat-line.ts";
import { hashOfFile } from "../file-hash.ts";
import type { ProblemList } from "../problem-list.ts";

interface Folder {
  readonly files: readonly string[];
  readonly found: ProblemList;
}

/** Checks every file that croissant.json and manifest.json list: it is there, with that hash and size. Returns the files, with rows where they are known. */
export async function checkHashes(
  folder: string,
  { files, found }: Folder,
): Promise<ReadonlyMap<string, { readonly rows: number | null }>> {
  const listed = new Map<string, { readonly rows: number | null }>();
  const hashes = new Map<string, string>();
  for (const [name, rule] of [
    ["croissant.json", "CR-R1"],
    ["manifest.json", "HF-R2"],
  ] as const) {
    const isCroissant = name === "croissant.json";
    const add = (field: string, message: string) => found.add({ rule, line: 0, field, message });
    const text = await readFile(join(folder, name), "utf8").catch(() => null);
    if (text === null) {
      if (isCroissant) add(name, "Expected croissant.json in the folder, got none");
      continue;
    }
    const value: unknown = parseJson(text);
    const list = isObject(value) ? (isCroissant ? value.distribution : value.files) : undefined;
    if (!isObject(value) || !Array.isArray(list)) {
      add(name, `Expected a list of files in ${name}, got ${shown(list)}`);
      continue;
    }
    for (const entry of (list as unknown[]).filter(isObject)) {
      const file = isCroissant ? entry.contentUrl : entry.file;
      if (/FileSet$/.test(String(entry["@type"]))) continue;
      if (typeof file !== "string" || file === "") {
        add(name, `Expected the name of a file in ${name}, got ${shown(file)}`);
        continue;
      }
      // What lies elsewhere is not this folder's to prove.
      if (URL.canParse(file)) continue;
      listed.set(file, { rows: typeof entry.rows === "number" ? entry.rows : (listed.get(file)?.rows ?? null) });
      if (!files.includes(file)) {
        add(name, `Expected the file \`${file}\` that ${name} lists, got none`);
        continue;
      }
      const sha256 = hashes.get(file) ?? (await hashOfFile(join(folder, file)));
      hashes.set(file, sha256);
      if (sha256 !== entry.sha256)
        add(name, `Expected \`${file}\` to have the sha256 that ${name} lists, got another; export again`);
      const { size } = await stat(join(folder, file));
      const told = isCroissant ? entry.contentSize : entry.bytes;
      if (told !== undefined && Number.parseInt(String(told), 10) !== size)
        add(name, `Expected \`${file}\` to have the size that ${name} lists (${shown(told)}), got ${size} bytes`);
    }
    if (isCroissant) checkStructure(value, found);
  }
  return listed;
}

const wanted = ["@context", "@type", "name", "description", "license", "url", "creator", "datePublished"] as const;

/** What Croissant 1.0 asks of the whole, and that record sets read files that are listed. */
function checkStructure(metadata: JsonObject, found: ProblemList): void {
  const add = (field: string, message: string) => found.add({ rule: "CR-R1", line: 0, field, message });
  for (const name of wanted)
    if (metadata[name] === undefined) add(name, `Expected \`${name}\` in croissant.json, got none`);
  const version = metadata["dct:conformsTo"] ?? metadata.conformsTo;
  if (!/^http:\/\/mlcommons\.org\/croissant\/1\.\d+$/.test(String(version)))
    add("dct:conformsTo", `Expected http://mlcommons.org/croissant/1.0, got ${shown(version)}`);
  const ids = new Set(objectsOf(metadata.distribution).map((entry) => entry["@id"]));
  for (const { field, "@id": id } of objectsOf(metadata.recordSet))
    for (const source of objectsOf(field).flatMap(sourcesOf)) {
      const read = source.fileObject ?? source.fileSet;
      const from = isObject(read) ? read["@id"] : undefined;
      if (!ids.has(from))
        add("recordSet", `Expected the fields of ${shown(id)} to come from a listed file, got ${shown(from)}`);
    }
}

function sourcesOf({ source, subField }: JsonObject): JsonObject[] {
  return [...(isObject(source) ? [source] : []), ...objectsOf(subField).flatMap(sourcesOf)];
}

function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? (value as unknown[]).filter(isObject) : [];
}
