// HF-R1 to HF-R5 and C12: a folder that the Hugging Face Hub reads as a dataset repository.
import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative } from "node:path";
import { parse } from "yaml";
import type { ExportProblem, Target } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, shown } from "../chat-line.ts";
import { type ProblemList, problemList } from "../problem-list.ts";
import { columnsProblem } from "./config-columns.ts";
import { checkHashes } from "./croissant-rules.ts";
import { sizeCategory } from "./front-matter.ts";
import { hasUnlicensed } from "./licences.ts";

/** The check of a folder as a dataset repository of the Hub. */
export function hubTarget(): Target {
  return {
    name: "hf",
    about: "a folder as a dataset repository of the Hugging Face Hub: checked only",
    check: checkFolder,
  };
}

async function checkFolder(folder: string): Promise<ExportProblem[]> {
  const found = problemList();
  const files = await filesBelow(folder, found);
  const card = await readFile(join(folder, "README.md"), "utf8").catch(() => null);
  const front = frontOf(card, found);
  if (front !== null) {
    const named = await checkConfigs(front, { folder, files, found });
    checkLicence(front, found);
    await checkSize(front, { folder, found });
    const listed = await checkHashes(folder, { files, found });
    checkNamed(files, { card: card ?? "", globs: named, listed, found });
    if (hasUnlicensed(card ?? ""))
      found.add({
        rule: "C12",
        line: 0,
        field: "Sources",
        message:
          "Expected a licence for each source dataset, got some without; `datasets: [{ name, files, licence, url }]` states it, or `export.licence` for all",
        severity: "warning",
      });
  } else await checkHashes(folder, { files, found });
  return found.all();
}

/** HF-R2: nothing is published that nobody names. Files that hold no rows need no config: a loader finds nothing in them. */
function checkNamed(
  files: readonly string[],
  {
    card,
    globs,
    listed,
    found,
  }: {
    readonly card: string;
    readonly globs: readonly string[];
    readonly listed: ReadonlyMap<string, { readonly rows: number | null }>;
    readonly found: ProblemList;
  },
): void {
  for (const file of files) {
    if (globs.some((glob) => matches(file, glob)) || /(^|\/)\.|^(README|LICENSE|LICENCE|NOTICE)(\.\w+)?$/i.test(file))
      continue;
    if (file === "croissant.json" || file === "manifest.json") continue;
    const known = listed.get(file);
    if (isData(file) && known?.rows !== 0)
      add(
        found,
        "HF-R2",
        "configs",
        `Expected every data file in a config, got \`${file}\` in none; name it or take it out`,
      );
    else if (known === undefined && !card.includes(file))
      add(
        found,
        "HF-R2",
        "croissant.json",
        `Expected every file to be named in README.md or in croissant.json, got \`${file}\` in none; take it out, or it is published`,
      );
  }
}

function isData(file: string): boolean {
  return /\.(jsonl|parquet|arrow|csv|partial)$/.test(file);
}

function add(found: ProblemList, rule: string, field: string, message: string): void {
  found.add({ rule, line: 0, field, message });
}

async function filesBelow(folder: string, found: ProblemList): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    for (const entry of entries)
      if (!entry.isFile() && !entry.isDirectory())
        add(
          found,
          "HF-R2",
          relative(folder, join(entry.parentPath, entry.name)),
          "Expected files and folders only, got a link or a device, which would be left out; put the file itself there",
        );
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  } catch (cause) {
    throw new UsageError(`Expected a folder at \`${folder}\`, got: ${(cause as NodeJS.ErrnoException).code}`, {
      cause,
    });
  }
}

/** HF-R1: the card's YAML, from its first byte. */
function frontOf(card: string | null, found: ProblemList): JsonObject | null {
  const [, yaml] = /^---\n([\s\S]*?)\n---\n/.exec(card ?? "") ?? [];
  if (yaml === undefined) {
    add(
      found,
      "HF-R1",
      "README.md",
      `Expected YAML front matter as the first bytes of README.md, got ${card === null ? "no file" : "other text"}`,
    );
    return null;
  }
  try {
    const value: unknown = parse(yaml);
    if (isObject(value)) return value;
  } catch (error) {
    add(found, "HF-R1", "README.md", `Expected YAML front matter, got: ${(error as Error).message}`);
    return null;
  }
  add(found, "HF-R1", "README.md", "Expected YAML front matter with keys, got another value");
  return null;
}

/** HF-R2: each config is named once, each glob finds a file, and the files of one have the same columns. Returns the globs. */
async function checkConfigs(
  front: JsonObject,
  { folder, files, found }: { readonly folder: string; readonly files: readonly string[]; readonly found: ProblemList },
): Promise<string[]> {
  const globs: string[] = [];
  const names = new Set<unknown>();
  const configs = Array.isArray(front.configs) ? (front.configs as unknown[]) : [];
  if (configs.length === 0) add(found, "HF-R2", "configs", `Expected at least one config, got ${shown(front.configs)}`);
  for (const [index, config] of configs.entries()) {
    const field = `configs[${index}]`;
    const name = isObject(config) ? config.config_name : undefined;
    if (typeof name !== "string" || name === "" || names.has(name))
      add(found, "HF-R2", `${field}.config_name`, `Expected a name of its own, got ${shown(name)}`);
    names.add(name);
    const data = isObject(config) && Array.isArray(config.data_files) ? (config.data_files as unknown[]) : [];
    const loaded = new Set<string>();
    for (const entry of data) {
      const path = isObject(entry) ? entry.path : entry;
      for (const glob of (Array.isArray(path) ? path : [path]) as unknown[]) {
        const hits = typeof glob === "string" ? files.filter((file) => matches(file, glob)) : [];
        if (typeof glob === "string") globs.push(glob);
        for (const hit of hits) loaded.add(hit);
        if (hits.length === 0)
          add(found, "HF-R2", `${field}.data_files`, `Expected a file for ${shown(glob)}, got none`);
      }
    }
    if (data.length === 0) add(found, "HF-R2", `${field}.data_files`, "Expected data files, got none");
    const kinds = new Set([...loaded].map(extname));
    if (kinds.size > 1) {
      add(found, "HF-R2", field, `Expected one kind of file in a config, got ${[...kinds].join(" and ")}`);
      continue;
    }
    const differing = await columnsProblem(folder, [...loaded]);
    if (differing !== null) found.add({ rule: "HF-R2", line: 0, field, ...differing });
  }
  return globs;
}

function matches(file: string, glob: string): boolean {
  if (file === glob) return true;
  const pattern = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("**", "\0")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]")
    .replaceAll("\0", ".*");
  return new RegExp(`^${pattern}$`).test(file);
}

/** HF-R4: `other` needs a name. */
function checkLicence(front: JsonObject, found: ProblemList): void {
  if (typeof front.license !== "string")
    add(found, "HF-R4", "license", `Expected a licence, got ${shown(front.license)}`);
  else if (front.license === "other" && typeof front.license_name !== "string")
    add(found, "HF-R4", "license_name", "Expected `license_name` beside `license: other`, got none");
}

/** HF-R3, HF-R5: the size bucket is one of the Hub's and true. */
async function checkSize(
  front: JsonObject,
  { folder, found }: { readonly folder: string; readonly found: ProblemList },
): Promise<void> {
  const [bucket] = Array.isArray(front.size_categories) ? (front.size_categories as unknown[]) : [];
  if (typeof bucket !== "string" || !/^(n<1K|n>1T|1(0|00)?[KMB]?<n<1(0|00)?[KMBT])$/.test(bucket))
    add(found, "HF-R3", "size_categories", `Expected one of the Hub's sizes (n<1K, 1K<n<10K …), got ${shown(bucket)}`);
  const manifest: unknown = parseJson(await readFile(join(folder, "manifest.json"), "utf8").catch(() => ""));
  const formats = isObject(manifest) ? objectsOf(manifest.formats) : [];
  const sizes = formats.filter(({ product }) => product === "sft").map(({ items }) => Number(items));
  // Rows by step are more than the examples they were made of: the bucket may be of either.
  const rows = formats.map(({ files }) => objectsOf(files).reduce((sum, file) => sum + Number(file.rows), 0));
  const buckets = [...sizes, ...rows].map(sizeCategory);
  if (typeof bucket === "string" && buckets.length > 0 && !buckets.includes(bucket))
    add(
      found,
      "HF-R3",
      "size_categories",
      `Expected ${[...new Set(buckets)].join(" or ")} of what is in the folder, got ${bucket}`,
    );
  if (front.dataset_info !== undefined) checkInfo(front.dataset_info, { formats, found });
}

/** HF-R5: `dataset_info` may be left out; where it stands, its counts are those of the files. */
function checkInfo(
  info: unknown,
  { formats, found }: { readonly formats: readonly JsonObject[]; readonly found: ProblemList },
): void {
  for (const one of (Array.isArray(info) ? (info as unknown[]) : [info]).filter(isObject)) {
    const format =
      one.config_name === undefined ? formats[0] : formats.find((known) => known.format === one.config_name);
    for (const { name, num_examples: told } of objectsOf(one.splits)) {
      const files = objectsOf(format?.files).filter(({ split }) => split === name);
      const rows = files.length === 0 ? null : files.reduce((sum, file) => sum + Number(file.rows), 0);
      if (typeof told === "number" && (rows === null || rows === told)) continue;
      const message = `Expected num_examples of ${shown(name)}${rows === null ? "" : ` to be ${rows}`}, got ${shown(told)}; leave dataset_info out`;
      add(found, "HF-R5", "dataset_info", message);
    }
  }
}

function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? (value as unknown[]).filter(isObject) : [];
}
