import { basename, dirname, extname, relative } from "node:path";
import type { WrittenFormat } from "../write-all.ts";
import type { CardSubject } from "./subject.ts";

/** The card's front matter as the Hugging Face Hub reads it (HF-R2 to HF-R4). */
export function frontMatter(subject: CardSubject): Record<string, unknown> {
  const { title, formats, tally, owed, stopped, folder } = subject;
  const products = new Set(formats.map(({ product }) => product));
  return {
    license: "other",
    license_name: "mixed-see-sources",
    license_link: "README.md#sources",
    language: ["en"],
    pretty_name: title,
    size_categories: [sizeCategory(tally.examples())],
    task_categories: ["text-generation", ...(products.has("rl") ? ["reinforcement-learning"] : [])],
    tags: [
      "agent",
      "data-science",
      "synthetic",
      "croissant",
      ...(owed > 0 || stopped ? ["provisional"] : []),
      ...(subject.preview === true ? ["preview"] : []),
    ],
    // One config a format: files of one config share a schema, and each names a file that is there. A loader stops at one without rows.
    configs: formats
      .filter(({ files }) => files.some(({ rows }) => rows > 0))
      .map((format, index) => ({
        config_name: format.format,
        ...(index === 0 ? { default: true } : {}),
        data_files: dataFiles(format, folder),
      })),
  };
}

function dataFiles({ files }: WrittenFormat, folder: string): { split: string; path: string }[] {
  const splits = new Map<string, string[]>();
  for (const { path, split = "train", rows } of files)
    if (rows > 0) splits.set(split, [...(splits.get(split) ?? []), relative(folder, path)]);
  return [...splits].map(([split, paths]) => ({ split, path: globOf(paths) }));
}

/** One path, or the glob of all shards of a split. */
export function globOf(paths: readonly string[]): string {
  const [first = ""] = paths;
  if (paths.length === 1) return first;
  const name = basename(first).replace(/-\d{5}-of-\d{5}/, "-*");
  const folder = dirname(first);
  return folder === "." ? name : `${folder}/${name}`;
}

const units = ["", "K", "M", "B", "T"];

/** The Hub's size bucket (HF-R3): `n<1K`, `1K<n<10K`, `10K<n<100K`, `100K<n<1M` … */
export function sizeCategory(examples: number): string {
  if (examples < 1_000) return "n<1K";
  let low = 1_000;
  while (examples >= low * 10) low *= 10;
  if (low >= 1e12) return "n>1T";
  return `${short(low)}<n<${short(low * 10)}`;
}

function short(power: number): string {
  const unit = Math.floor(Math.log10(power) / 3 + 1e-9);
  return `${Math.round(power / 1000 ** unit)}${units[unit]}`;
}

/** The encoding of a data file. */
export function mediaTypeOf(path: string): string {
  const types: Readonly<Record<string, string>> = {
    ".jsonl": "application/jsonlines",
    ".parquet": "application/x-parquet", // Croissant's word, not IANA's: its readers know no other
    ".md": "text/markdown",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".arrow": "application/vnd.apache.arrow.stream",
  };
  return types[extname(path)] ?? "application/octet-stream";
}
