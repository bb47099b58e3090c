import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { exists, listRuns, type RunFolder, readManifest, readSummary } from "../archive/run-folder.ts";
import { shortKey } from "../archive/used-keys.ts";
import { count, plural } from "../audit/text.ts";
import { measureFile } from "../datasets/keep.ts";
import { UsageError } from "../domain/errors.ts";
import { contentId } from "../domain/hash.ts";
import { readEvents } from "../engine/events.ts";
import { type StoreScan, scanStore } from "../engine/store-scan.ts";
import { type BlobFile, blobsOfValue, isWhole as isWholeBlob, listBlobs } from "./store-blobs.ts";
import { foldersIn, type StorePlaces, workTicker } from "./store-folder.ts";
import { kindOfKey, problemOfValue } from "./store-values.ts";

/** One damaged thing: where it lies (a key of the store, or a path), what is wrong, the way out, and whether removing it mends it. */
export interface StoreProblem {
  readonly where: string;
  readonly problem: string;
  readonly wayOut: string;
  readonly kind: "value" | "dataset" | "blob" | "run";
}

/** What `store verify` looked at and found; `problems` are in the order met. */
export interface StoreCheck {
  readonly values: number;
  readonly datasets: number;
  readonly blobs: number;
  readonly runs: number;
  readonly problems: StoreProblem[];
}

/** Looks at every blob, every value, every dataset's files and every run's files. Holds keys, never values. */
export async function verifyStore(places: StorePlaces): Promise<StoreCheck> {
  const tick = workTicker();
  const problems: StoreProblem[] = [];
  const bodies = new Set<string>();
  const blobs = (await listBlobs(places.blobs)).filter(({ sha256 }) => sha256 !== null);
  const whole = await wholeBlobs(blobs, problems, tick);
  let values = 0;
  await using store = scanStore(places.values);
  for (const { key, text } of store.entries()) {
    values += 1;
    if (values % 1000 === 0) tick(`looked at ${count(values)} values`);
    const problem = problemOfValue(key, text);
    if (problem !== null) problems.push({ where: key, problem, wayOut: wayOutOf(key), kind: "value" });
    else if (kindOfKey(key) === "body") bodies.add(shortKey(key));
    for (const hash of blobsOfValue(key, text)) {
      if (whole.has(hash)) continue;
      problems.push({
        where: key,
        problem: `its bytes ${hash} are not in blobs/`,
        wayOut: wayOutOf(key),
        kind: "value",
      });
      break;
    }
  }
  const hasBody = (key: string) => bodies.has(shortKey(key)) || isWhole(store, key);
  const datasets = await foldersIn(places.datasets);
  for (const name of datasets) {
    tick(`looking at dataset ${name}`);
    const problem = await datasetProblem(join(places.datasets, name), name);
    if (problem === null) continue;
    const wayOut = "`npx tracemill store verify --fix` removes it, and the next run copies your files anew";
    problems.push({ where: join(places.datasets, name), problem, wayOut, kind: "dataset" });
  }
  const runs = await listRuns(places.output);
  for (const run of runs) {
    tick(`looking at run ${run.run}`);
    problems.push(...(await runProblems(run, hasBody)));
  }
  return { values, datasets: datasets.length, blobs: blobs.length, runs: runs.length, problems };
}

/** The hashes of blobs that are whole; the others become problems. */
async function wholeBlobs(
  blobs: readonly BlobFile[],
  problems: StoreProblem[],
  tick: (what: string) => void,
): Promise<Set<string>> {
  const whole = new Set<string>();
  for (const blob of blobs) {
    tick(`looking at blob ${whole.size} of ${blobs.length}`);
    if (blob.sha256 !== null && (await isWholeBlob(blob))) whole.add(blob.sha256);
    else {
      const wayOut = "`npx tracemill store verify --fix` removes it, and the next run that needs it makes it again";
      problems.push({ where: blob.path, problem: "its bytes are not those it is named after", wayOut, kind: "blob" });
    }
  }
  return whole;
}

/** Whether a value lies in the store by now: a run under way keeps bodies after the store was looked through. */
function isWhole(store: StoreScan, key: string): boolean {
  for (const found of store.entries(key)) return found.key === key && problemOfValue(key, found.text) === null;
  return false;
}

/** Removes the damaged datasets and blobs found, and the damaged values through `remove`, so that they are computed anew. Returns how many. */
export async function mendStore(
  problems: readonly StoreProblem[],
  remove: (key: string) => Promise<void>,
): Promise<number> {
  const mendable = problems.filter(({ kind }) => kind !== "run");
  for (const { kind, where } of mendable) {
    if (kind === "value") await remove(where);
    else await rm(where, { recursive: true, force: true });
  }
  return mendable.length;
}

function wayOutOf(key: string): string {
  const remove = "`npx tracemill store verify --fix` removes it";
  if (kindOfKey(key) === "completion") return `${remove}, and the next run that needs it asks (and pays) again`;
  if (kindOfKey(key) === "waiver") return `${remove}; waive the item again`;
  return `${remove}, and the next run that needs it computes it again`;
}

/** A dataset's folder is named by its files' names and contents, so it is its own checksum. */
async function datasetProblem(folder: string, id: string): Promise<string | null> {
  if (id.startsWith(".staging-")) return "it is a copy that was cut short";
  const names = (await readdir(folder)).sort();
  const files: { name: string; sha256: string }[] = [];
  for (const name of names) files.push({ name, sha256: (await measureFile(join(folder, name))).sha256 });
  return contentId("dataset", files) === id ? null : "its files are not those it was made from";
}

const exportManifest = z.looseObject({
  files: z.array(z.looseObject({ file: z.string(), bytes: z.number(), sha256: z.string() })),
});

async function runProblems(run: RunFolder, hasBody: (key: string) => boolean): Promise<StoreProblem[]> {
  const problems: StoreProblem[] = [];
  const add = (where: string, problem: string) =>
    problems.push({
      where,
      problem,
      wayOut: "run its command again: a new run makes it anew from the store",
      kind: "run",
    });
  const read = async (where: string, look: () => Promise<unknown>) => {
    try {
      await look();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      add(where, error instanceof UsageError ? error.message : `it cannot be read: ${error.message}`);
    }
  };
  await read(run.manifestPath, () => readManifest(run));
  await read(run.summaryPath, () => readSummary(run));
  if (await exists(run.eventsPath)) {
    let missing = 0;
    await read(run.eventsPath, async () => {
      for await (const event of readEvents(run.eventsPath)) {
        if (event.type !== "item") continue;
        for (const key of Object.values(event.bodies ?? {})) if (!hasBody(key)) missing += 1;
      }
    });
    if (missing > 0) add(run.path, `${plural(missing, "item body")} of it not in the store`);
  }
  const listed = join(run.exportsPath, "manifest.json");
  if (!(await exists(listed))) return problems;
  await read(listed, async () => {
    const { files } = exportManifest.parse(JSON.parse(await readFile(listed, "utf8")));
    for (const { file, bytes, sha256 } of files) {
      const path = join(run.exportsPath, file);
      if (!(await exists(path))) add(path, "it is missing");
      else {
        const found = await measureFile(path);
        if (found.bytes !== bytes || found.sha256 !== sha256) add(path, "it is not the file that its manifest lists");
      }
    }
  });
  return problems;
}

/** The check as text for a terminal, `mended` of its problems removed. */
export function checkText(check: StoreCheck, mended: number): string {
  const blobs = check.blobs === 0 ? "" : `, ${plural(check.blobs, "blob")}`;
  const looked = `Looked at ${plural(check.values, "value")}${blobs}, ${plural(check.datasets, "dataset")} and ${plural(check.runs, "run")}`;
  if (check.problems.length === 0) return `${looked}: all whole.`;
  const lines = check.problems.map(({ where, problem, wayOut }) => `  ${where}\n    ${problem}\n    ${wayOut}`);
  const removed = mended === 0 ? "" : `; ${mended} removed`;
  return `${looked}: ${plural(check.problems.length, "problem")}${removed}.\n${lines.join("\n")}`;
}
