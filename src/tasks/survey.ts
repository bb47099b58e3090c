import type { Blobs } from "../contracts.ts";
import { hashOf } from "../domain/hash.ts";
import type { OwnQuestion } from "../domain/task.ts";
import { type FindDataset, readQuestions, type TaskFile } from "./own-questions.ts";

/** What is wrong, or worth a thought, about one field of one line. */
export interface Remark {
  readonly file: string;
  readonly line: number;
  readonly field: string;
  readonly message: string;
}

/** What files of questions hold. Remarks are the first `remarksKept`; the counts are of all. */
export interface Survey {
  /** Lines that are questions, repetitions included. */
  readonly questions: number;
  readonly repeats: number;
  readonly withoutReference: number;
  readonly withCode: number;
  /** Questions by the metric that checks their answers. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly datasets: Readonly<Record<string, number>>;
  readonly errorCount: number;
  readonly errors: readonly Remark[];
  readonly warningCount: number;
  readonly warnings: readonly Remark[];
}

export const remarksKept = 1000;

/** Reads files of questions through and counts; `see` is handed every question. Holds a few hashes for each. @throws {UsageError} */
export async function surveyQuestions(
  files: readonly TaskFile[],
  findDataset: FindDataset,
  see: (question: OwnQuestion) => void = () => {},
  blobs: Blobs | null = null,
): Promise<Survey> {
  const [errors, warnings] = [remarks(), remarks()];
  const ids = new Map<string, string>();
  const asked = new Map<string, { readonly place: string; readonly answer: string }>();
  const metrics: Record<string, number> = {};
  const datasets: Record<string, number> = {};
  const counts = { questions: 0, repeats: 0, withoutReference: 0, withCode: 0 };
  for await (const read of readQuestions(files, findDataset, blobs)) {
    const at = { file: read.file.name, line: read.line };
    if ("problems" in read) {
      for (const problem of read.problems) errors.add({ ...at, ...problem });
      continue;
    }
    const { question } = read;
    const place = `${at.file}:${at.line}`;
    const { id } = question.own;
    if (id !== null) {
      const twin = ids.get(id);
      if (twin === undefined) ids.set(id, place);
      else
        errors.add({
          ...at,
          field: "id",
          message: `\`${id}\` is taken by ${twin}: give each question an id of its own, or none`,
        });
    }
    if (question.repeats !== null) {
      counts.repeats += 1;
      warnings.add({ ...at, field: "question", message: `the same as ${question.repeats}: a run uses it once` });
    } else noteOtherAnswer(question, place);
    counts.questions += 1;
    if (question.referenceCode !== null) counts.withCode += 1;
    if (question.reference === null) counts.withoutReference += 1;
    else increment(metrics, question.reference.metric);
    increment(datasets, question.dataset.name);
    see(question);
  }
  return {
    ...counts,
    metrics,
    datasets,
    errorCount: errors.count(),
    errors: errors.kept,
    warningCount: warnings.count(),
    warnings: warnings.kept,
  };

  function noteOtherAnswer({ dataset, question, constraints, reference, own }: OwnQuestion, place: string): void {
    const key = hashOf([dataset.id, question, constraints]).slice(0, 16);
    const answer = hashOf(reference).slice(0, 8);
    const before = asked.get(key);
    if (before === undefined) asked.set(key, { place, answer });
    else if (before.answer !== answer) {
      const message = `asked in ${before.place} too, there with another answer or another way to check it`;
      warnings.add({ file: own.file, line: own.line, field: "reference_answer", message });
    }
  }
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function remarks() {
  const kept: Remark[] = [];
  let count = 0;
  return {
    kept,
    count: () => count,
    add(remark: Remark) {
      count += 1;
      if (kept.length < remarksKept) kept.push(remark);
    },
  };
}
