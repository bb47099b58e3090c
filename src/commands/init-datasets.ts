// What `tracemill init` finds out about a user's files: which can be read, what they hold, and which belong together.
import { stat } from "node:fs/promises";
import { basename, dirname, relative, resolve } from "node:path";
import { bytesText } from "../audit/text.ts";
import type { Remember } from "../contracts.ts";
import { type FoundFile, surveyFiles } from "../datasets/find.ts";
import { measureFile } from "../datasets/keep.ts";
import { profileDataset } from "../datasets/profile.ts";
import type { DataFile, Dataset, FileProfile, Join } from "../domain/dataset.ts";
import { UsageError } from "../domain/errors.ts";
import { contentId } from "../domain/hash.ts";

/** A dataset that a config is to name: its entry's paths, its tables, and why its files belong together. */
export interface ProposedDataset {
  readonly name: string;
  readonly paths: readonly string[];
  readonly profile: readonly FileProfile[];
  readonly because: readonly string[];
}

export interface Proposal {
  readonly datasets: readonly ProposedDataset[];
  readonly leftOut: readonly { readonly path: string; readonly why: string }[];
  /** Whether `data` itself, as one entry, means these datasets. */
  readonly whole: boolean;
}

interface ReadFile {
  readonly found: FoundFile;
  readonly file: DataFile;
  readonly path: string;
}

// More files than this are hardly one subject, whatever they share.
const mostTogether = 12;

/**
 * Profiles the data files that `data` means and proposes datasets: files that join are one, the others one each. What cannot be read is
 * left out with the reason. `say` hears of files that take long. @throws {UsageError} when nothing is left.
 */
export async function proposeDatasets(
  data: string,
  options: {
    readonly base: string;
    readonly passOver: readonly string[];
    readonly remember: Remember;
    readonly say: (line: string) => void;
  },
): Promise<Proposal> {
  const { base, remember, say } = options;
  const entry = (path: string) => entryOf(path, base);
  const survey = await surveyFiles(data, { base: process.cwd(), option: "the data", passOver: options.passOver });
  const leftOut = [...survey.unusable, ...survey.foreign].map(({ path, why }) => ({ path: entry(path), why }));
  const reads: ReadFile[] = [];
  for (const found of survey.found) {
    const read = await readOne(found, { reads, remember, say });
    if ("why" in read) leftOut.push({ path: entry(found.path), why: read.why });
    else reads.push(read);
  }
  if (reads.length === 0) {
    const told = leftOut.map(({ path, why }) => `- ${path}: ${why}`).join("\n");
    throw new UsageError(`Expected at least one file that can be read in \`${data}\`, got none:\n${told}`);
  }
  const joined = await joinedProfiles(reads, remember);
  const datasets = groupsOf(reads, joined).map((group) => proposed(group, { joined, data, all: reads, entry }));
  const apart = datasets.every(({ paths }) => paths.length === 1);
  return { datasets: distinctNames(datasets), leftOut, whole: apart && leftOut.length === 0 };
}

async function readOne(
  found: FoundFile,
  { reads, remember, say }: { reads: readonly ReadFile[]; remember: Remember; say: (line: string) => void },
): Promise<ReadFile | { why: string }> {
  try {
    const { size } = await stat(found.path);
    if (size === 0) return { why: "an empty file: fill it" };
    using _told = tellWhileReading(basename(found.path), size, say);
    const file = { name: found.path, format: found.format, ...(await measureFile(found.path)) };
    const twin = reads.find((other) => other.file.sha256 === file.sha256 && other.file.format === file.format);
    if (twin !== undefined) return { why: `the same content as ${basename(twin.path)}` };
    const dataset = { id: contentId("dataset", [file.sha256]), name: found.label, files: [file] };
    await profileDataset(dataset, "/", { remember });
    return { found, file, path: found.path };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { why: error.message.replaceAll(found.path, basename(found.path)) };
  }
}

const longBytes = 32 * 1024 * 1024;

/** Says that a large file is being read, and every ten seconds that it still is. */
function tellWhileReading(name: string, bytes: number, say: (line: string) => void): Disposable {
  if (bytes < longBytes) return { [Symbol.dispose]: () => undefined };
  const startedMs = Date.now();
  say(`reading ${name} (${bytesText(bytes)})`);
  const timer = setInterval(
    () => say(`still reading ${name}, ${Math.round((Date.now() - startedMs) / 1000)} s`),
    10_000,
  );
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** All tables with the joins between them; each `file` is the file's path. */
async function joinedProfiles(reads: readonly ReadFile[], remember: Remember): Promise<FileProfile[]> {
  const files = reads.map(({ file }) => file);
  const id = contentId(
    "dataset",
    files.map(({ name, sha256 }) => ({ name, sha256 })),
  );
  const all: Dataset = { id, name: "all", files };
  return profileDataset(all, "/", { remember });
}

/** Joins that make files one subject: a shared day or year does not. */
function binds({ column, shape }: Join, from: FileProfile): boolean {
  const kind = from.columns.find(({ name }) => name === column)?.kind;
  return kind !== "date" && shape !== "many to many" && !/year|date|month|day|time/i.test(column);
}

function groupsOf(reads: readonly ReadFile[], joined: readonly FileProfile[]): ReadFile[][] {
  const groups = new Map(reads.map((read) => [read.path, [read]]));
  for (const table of joined) {
    for (const join of table.joins ?? []) {
      const [a, b] = [groups.get(table.file), groups.get(join.to.file)];
      if (a === undefined || b === undefined || a === b || !binds(join, table)) continue;
      const together = [...a, ...b];
      const names = new Set(together.map(({ path }) => basename(path)));
      // In one dataset file names have to differ.
      if (together.length > mostTogether || names.size < together.length) continue;
      for (const { path } of together) groups.set(path, together);
    }
  }
  return [...new Set(groups.values())].map((group) => group.sort((x, y) => (x.path < y.path ? -1 : 1)));
}

function proposed(
  group: readonly ReadFile[],
  options: {
    joined: readonly FileProfile[];
    data: string;
    all: readonly ReadFile[];
    entry: (path: string) => string;
  },
): ProposedDataset {
  const own = new Set(group.map(({ path }) => path));
  const profile = options.joined
    .filter(({ file }) => own.has(file))
    .map((table) => ({ ...table, joins: (table.joins ?? []).filter(({ to }) => own.has(to.file)) }));
  const [only] = group;
  const folder = basename(dirname(only?.path ?? ""));
  const stems = group.map(({ found }) => basename(found.label));
  const name =
    group.length === 1
      ? (only?.found.label ?? "")
      : group.length === options.all.length && folder !== ""
        ? folder
        : stems.length <= 3
          ? stems.join("-")
          : `${stems.slice(0, 2).join("-")}-and-${stems.length - 2}-more`;
  return {
    name,
    paths: group.map(({ path }) => options.entry(path)),
    profile,
    because: group.length === 1 ? [] : profile.flatMap((table) => table.joins.map((join) => sentenceOf(table, join))),
  };
}

/** One join as people read it. */
export function sentenceOf(table: FileProfile, { column, to, shape, found }: Join): string {
  const place = ({ file, sheet }: { file: string; sheet?: string | undefined }) =>
    sheet === undefined ? basename(file) : `${basename(file)} (${sheet})`;
  return `${place(table)} "${column}" joins ${place(to)} "${to.column}": ${shape}, ${Number((found * 100).toFixed(1))} % of values found`;
}

function distinctNames(datasets: readonly ProposedDataset[]): ProposedDataset[] {
  const taken = new Map<string, number>();
  return datasets.map((dataset) => {
    const times = (taken.get(dataset.name) ?? 0) + 1;
    taken.set(dataset.name, times);
    return times === 1 ? dataset : { ...dataset, name: `${dataset.name}-${times}` };
  });
}

/** A path as a config names it: relative to the config's folder where it lies below it; of a package as it is. */
export function entryOf(path: string, base: string): string {
  if (path.startsWith("package:")) return path;
  const inside = relative(base, resolve(path));
  return inside.startsWith("..") ? resolve(path) : `./${inside}`;
}
