import { mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type ZodType, z } from "zod";
import { shellWord } from "../audit/text.ts";
import { dataset } from "../domain/dataset.ts";
import { fullDisk, StoreError, UsageError } from "../domain/errors.ts";
import { type RunSummary, runSummary } from "../domain/run.ts";
import { type RunSnapshot, runSnapshot } from "../domain/run-snapshot.ts";
import { writeTextFile } from "../exports/atomic-file.ts";

/** What one run was: everything needed to explain it or to run it again. Written once, before anything is spent. */
export const manifest = z.object({
  run: z.string(),
  recipe: z.string(),
  configPath: z.string(),
  /** The config after defaults, as the recipe saw it. */
  config: z.unknown(),
  configHash: z.string(),
  /** Tracemill's version. */
  version: z.string(),
  node: z.string(),
  seed: z.number().int(),
  /** How many seeds or questions were started, where `--limit` or `--preview` said so. */
  limit: z.number().int().optional(),
  preview: z.boolean().optional(),
  prompts: z.record(z.string(), z.string()),
  models: z.record(z.string(), z.record(z.string(), z.unknown())),
  sandbox: z.object({
    backend: z.string(),
    environment: z.string(),
    image: z.string().nullable(),
    kernel: z.string().optional(),
    runtime: z.string().optional(),
    versions: z.record(z.string(), z.string()),
    limits: z.record(z.string(), z.number()),
  }),
  datasets: z.array(dataset),
  /** Stage names in the order of the line, so that stages nothing has reached yet can be shown. */
  stages: z.array(z.string()).optional(),
  startedAt: z.string(),
  argv: z.array(z.string()),
});
export type Manifest = z.infer<typeof manifest>;

/** The command that started a run, for the same shell and folder. Secrets were cut out when it was written down. */
export function commandOf({ argv, configPath }: Manifest): string {
  const words = argv.length > 0 ? argv : ["run", configPath]; // Another program that uses the library has no command line of ours.
  return ["npx", "tracemill", ...words.map(shellWord)].join(" ");
}

/** Where the files of one run lie. `storePath` is the store shared by all runs of the same output folder. */
export interface RunFolder {
  readonly run: string;
  readonly path: string;
  readonly manifestPath: string;
  readonly eventsPath: string;
  readonly logPath: string;
  readonly summaryPath: string;
  readonly statusPath: string;
  readonly examplesPath: string;
  readonly exportsPath: string;
  /** Which values of the store the run used, a line each. */
  readonly usedPath: string;
  readonly storePath: string;
}

const latestName = "latest";

/** The layout of the run folder at `path`; looks at nothing on disk. */
export function runFolderAt(path: string): RunFolder {
  return {
    run: basename(path),
    path,
    manifestPath: join(path, "manifest.json"),
    eventsPath: join(path, "events.jsonl"),
    logPath: join(path, "run.log"),
    summaryPath: join(path, "summary.json"),
    statusPath: join(path, "status.json"),
    examplesPath: join(path, "examples.csv"),
    exportsPath: join(path, "exports"),
    usedPath: join(path, "used-keys.txt"),
    storePath: storePathOf(join(path, "..", "..")),
  };
}

/** Where the store of everything paid for lies below an output folder. */
export function storePathOf(output: string): string {
  return join(output, "store", "values");
}

/**
 * Makes `<output>/runs/<UTC time>-<first 8 hex of configHash>/exports/` and points `runs/latest` at it. A second run of the same
 * config within one second gets `-2` appended. @throws {UsageError} where the folder cannot be made; {StoreError} on a full disk.
 */
export async function createRunFolder(options: { output: string; configHash: string; now: Date }): Promise<RunFolder> {
  const runs = join(options.output, "runs");
  const time = options.now.toISOString().replace(/[-:]|\.\d+/g, "");
  try {
    await mkdir(runs, { recursive: true });
    const folder = await firstFree(runs, `${time}-${options.configHash.slice(0, 8)}`);
    await mkdir(folder.exportsPath);
    await pointLatest(runs, folder.run);
    return folder;
  } catch (cause) {
    const message = `Expected to make a run's folder in \`${runs}\`, got: ${String((cause as Error).message)}.`;
    const full = fullDisk(codeOf(cause));
    if (full !== null) throw new StoreError(`Cannot make a run's folder in ${runs}: ${full}.`, { cause });
    if (codeOf(cause) === undefined) throw cause;
    throw new UsageError(`${message} Name a folder that can be written with --output.`, { cause });
  }
}

async function firstFree(runs: string, base: string): Promise<RunFolder> {
  for (let count = 1; ; count++) {
    const folder = runFolderAt(join(runs, count === 1 ? base : `${base}-${count}`));
    try {
      await mkdir(folder.path);
      return folder;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
  }
}

/** Replaces `runs/latest` in one step, so that a reader never finds it missing. */
async function pointLatest(runs: string, run: string): Promise<void> {
  const temporary = join(runs, `.${latestName}.${process.pid}`);
  await rm(temporary, { force: true });
  try {
    await symlink(run, temporary, "dir");
  } catch (error) {
    // Some file systems and Windows accounts have no links: a text file that holds the name does the same work.
    if (!["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL"].includes(codeOf(error) ?? "")) throw error;
    await writeFile(temporary, `${run}\n`);
  }
  await rename(temporary, join(runs, latestName));
}

/**
 * Finds a run by `latest`, id, unique prefix of an id, or path of its folder.
 * @throws {UsageError} listing the recent runs when there is none or more than one.
 */
export async function findRun(output: string, which: string): Promise<RunFolder> {
  const runs = join(output, "runs");
  const ids = await runIds(runs);
  if (which === latestName) {
    const latest = await readLatest(runs);
    if (latest !== null && ids.includes(latest)) return runFolderAt(join(runs, latest));
    throw new UsageError(`Expected \`${join(runs, latestName)}\` to point to a run. ${recent(runs, ids)}`);
  }
  if (ids.includes(which)) return runFolderAt(join(runs, which));
  if (await isRunFolder(which)) return runFolderAt(resolve(which));
  const matches = ids.filter((id) => id.startsWith(which));
  if (matches.length === 1) return runFolderAt(join(runs, matches[0] as string));
  if (matches.length > 1) {
    throw new UsageError(
      `Expected one run, got \`${which}\`, which begins ${matches.length}: write more of it. ${recent(runs, matches)}`,
    );
  }
  throw new UsageError(`Expected a run (\`latest\`, an id or a folder), got \`${which}\`. ${recent(runs, ids)}`);
}

/** Every run of an output folder, oldest first. */
export async function listRuns(output: string): Promise<RunFolder[]> {
  const runs = join(output, "runs");
  return (await runIds(runs)).map((id) => runFolderAt(join(runs, id)));
}

async function runIds(runs: string): Promise<string[]> {
  try {
    const entries = await readdir(runs, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    if (codeOf(error) !== "EACCES" && codeOf(error) !== "ENOTDIR") throw error;
    throw new UsageError(
      `Expected a folder of runs at \`${runs}\`, got ${(error as Error).message.split(", ")[0]}: name another with --output`,
      { cause: error },
    );
  }
}

async function readLatest(runs: string): Promise<string | null> {
  const path = join(runs, latestName);
  try {
    return basename(await readlink(path));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    if (codeOf(error) !== "EINVAL" && codeOf(error) !== "UNKNOWN") throw error;
    return (await readFile(path, "utf8")).trim();
  }
}

async function isRunFolder(path: string): Promise<boolean> {
  const folder = runFolderAt(resolve(path));
  return (await exists(folder.manifestPath)) || (await exists(folder.eventsPath));
}

function recent(runs: string, ids: readonly string[]): string {
  if (ids.length === 0) {
    return `There are no runs in \`${runs}\`: make one with \`npx tracemill run <config>\`, or name another folder with --output.`;
  }
  const shown = ids.slice(-5).reverse();
  return `Recent runs in \`${runs}\`, newest first:\n${shown.map((id) => `  ${id}`).join("\n")}`;
}

/** Writes JSON so that a reader, also after a kill, finds the old file or the whole new one. @throws {StoreError} when the disk refuses. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeTextFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** The run's manifest, or null where the run died before it was written. @throws {UsageError} when the file is not one. */
export function readManifest(folder: RunFolder): Promise<Manifest | null> {
  return readJson(folder.manifestPath, manifest, "a run's manifest");
}

/** The run's summary, or null while it runs or when it died. @throws {UsageError} when the file is not one. */
export function readSummary(folder: RunFolder): Promise<RunSummary | null> {
  return readJson(folder.summaryPath, runSummary, "a run's summary");
}

/** The run's last snapshot; null where it wrote none or that of another version. @throws {UsageError} when the file is none. */
export async function readStatus(folder: RunFolder): Promise<RunSnapshot | null> {
  const written = await readJson(folder.statusPath, z.looseObject({ version: z.number() }), "a run's status");
  return written?.version === 2 ? readJson(folder.statusPath, runSnapshot, "a run's status") : null;
}

async function readJson<T>(path: string, schema: ZodType<T>, what: string): Promise<T | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `Expected \`${path}\` to be ${what} in JSON, got text that does not parse: put the file back, or name another run`,
      { cause: error },
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`Expected \`${path}\` to be ${what}, got:\n${z.prettifyError(parsed.error)}`, {
    cause: parsed.error,
  });
}

/** Whether something lies at `path`. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return false;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
