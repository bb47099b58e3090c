// The reference file of a question that asks for a file: read on the host, kept by its hash, shown to no sandbox.
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Blobs } from "../contracts.ts";
import type { Dataset } from "../domain/dataset.ts";
import { sha256 } from "../domain/hash.ts";
import { namesBelowScratch, type SubmissionRule } from "../domain/submission.ts";
import type { Reference } from "../domain/task.ts";
import { fileMetrics } from "../metrics/index.ts";
import type { FieldProblem } from "./reference-of.ts";
import type { TaskLine } from "./task-line.ts";

const maxReferenceBytes = 256_000_000;
const bytesOfMb = 1_000_000;

type Found = { readonly reference: Reference } | { readonly problem: FieldProblem };

/** What a line says of the file that it asks for; null where it asks for none. */
export function submissionOf(
  line: TaskLine,
): { readonly submission: SubmissionRule | null } | { readonly problem: FieldProblem } {
  const { submission, reference_file } = line;
  if (!submission) {
    if (!reference_file) return { submission: null };
    return problem(
      "reference_file",
      "a file to compare with, but no `submission` says which file the agent leaves: add it",
    );
  }
  const place = namesBelowScratch(submission.file);
  if ("outside" in place) {
    return problem(
      "submission.file",
      `${place.outside}, e.g. \`/scratch/submission.csv\`; got \`${submission.file.slice(0, 100)}\``,
    );
  }
  return { submission: { path: submission.file, maxBytes: Math.round(submission.maxMb * bytesOfMb) } };
}

/** Reads reference files, each once for each way it is compared, and keeps them in `blobs` where those are given. */
export function referenceFiles(blobs: Blobs | null) {
  const known = new Map<string, Promise<Found>>();

  /** The reference of a line that names a file; `path` is the line's own file. A file reference finds itself right. */
  return async (line: TaskLine, path: string, dataset: Dataset): Promise<Found> => {
    const { reference_file: named, metric: written, params = {} } = line;
    for (const field of ["reference_answer", "reference_code"] as const) {
      if ((line[field] ?? null) === null) continue;
      return problem(field, "expected one reference, got this and `reference_file`: leave one out");
    }
    const names = fileMetrics.map(({ name }) => `\`${name}\``).join(", ");
    const metric = fileMetrics.find(({ name }) => name === (written ?? fileMetrics[0]?.name));
    if (metric === undefined) return problem("metric", `expected a metric of files (${names}), got \`${written}\``);
    const file = resolve(dirname(path), named ?? "");
    const key = JSON.stringify([file, metric.name, params]);
    const looked = known.get(key) ?? look(file, metric.name, params ?? {});
    known.set(key, looked);
    const found = await looked;
    if ("problem" in found) return found;
    const hash = found.reference.file?.sha256;
    const shown = dataset.files.find((data) => data.sha256 === hash);
    if (shown === undefined) return found;
    return problem(
      "reference_file",
      `\`${named}\` is also the data file \`${shown.name}\`, so every agent would read the answer: take it out of the data`,
    );
  };

  async function look(file: string, metricName: string, params: Record<string, unknown>): Promise<Found> {
    const wayOut = "check the path (it is relative to this file), or leave `reference_file` out";
    const bytes = await readBounded(file);
    if (typeof bytes === "string")
      return problem("reference_file", `expected a file at \`${file}\`, got ${bytes}: ${wayOut}`);
    const hash = blobs === null ? sha256(bytes) : await blobs.put(bytes);
    const size = bytes.byteLength;
    const reference: Reference = { answer: "", metric: metricName, params, file: { sha256: hash, bytes: size } };
    const metric = fileMetrics.find(({ name }) => name === metricName);
    const itself = { path: file, sha256: hash, bytes: size, diverged: false };
    const own = await metric?.score({ reference, submission: null, file: itself, read: async () => bytes });
    if (own?.value === 1) return { reference };
    const field = own?.reason.includes("params") ? "params" : "reference_file";
    return problem(field, `\`${metricName}\` cannot compare with it: ${own?.reason}. Mend the file or \`params\``);
  }
}

/** The file's bytes, or why there are none. */
async function readBounded(path: string): Promise<Uint8Array | string> {
  try {
    await using file = await open(path, "r");
    const found = await file.stat();
    if (!found.isFile()) return "something that is no file";
    if (found.size > maxReferenceBytes) return `${found.size} bytes, more than ${maxReferenceBytes}`;
    return await file.readFile();
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    return String(error.code);
  }
}

function problem(field: string, message: string): { problem: FieldProblem } {
  return { problem: { field, message } };
}
