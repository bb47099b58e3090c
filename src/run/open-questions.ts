// The user's own questions of a run: read through and checked once, then streamed.
import { basename, dirname, extname, resolve } from "node:path";
import { plural } from "../audit/text.ts";
import type { Blobs } from "../contracts.ts";
import type { Dataset } from "../domain/dataset.ts";
import { UsageError } from "../domain/errors.ts";
import type { OwnQuestion } from "../domain/task.ts";
import { datasetFinder } from "../tasks/find-data.ts";
import { readQuestions, type TaskFile } from "../tasks/own-questions.ts";
import { type Survey, surveyQuestions } from "../tasks/survey.ts";
import { spread } from "./spread.ts";

const errorsShown = 10;

export interface OpenedQuestions {
  readonly survey: Survey;
  /** What the line starts from; may be iterated more than once. */
  readonly questions: AsyncIterable<OwnQuestion>;
  /** How many it gives. */
  readonly count: number;
}

/** The files of a config's `tasks:`, relative to the config. */
export function taskFiles(named: string | readonly string[], base: string): TaskFile[] {
  const names = typeof named === "string" ? [named] : named;
  return [...new Set(names)].map((name) => ({ name, path: resolve(base, name) }));
}

/** What a dataset of a question's own files is called. */
export function nameOfFiles(files: readonly string[]): string {
  return files
    .map((file) => basename(file, extname(file)))
    .join("+")
    .slice(0, 60);
}

/**
 * Checks every line and finds its data before anything is spent. With a `limit`, only so many questions, spread over the datasets.
 * @throws {UsageError} with the first problems, or where there is no question.
 */
export async function openQuestions(options: {
  readonly files: readonly TaskFile[];
  readonly datasets: readonly Dataset[];
  /** Loads a question's own files, relative to `base`. @throws {UsageError} */
  readonly load: (files: readonly string[], base: string) => Promise<Dataset>;
  /** Where reference files are kept. */
  readonly blobs: Blobs;
  readonly limit: number | undefined;
  readonly seed: number;
}): Promise<OpenedQuestions> {
  const { files, blobs, limit } = options;
  const findDataset = datasetFinder({
    datasets: options.datasets,
    load: (paths, file) => options.load(paths, dirname(file.path)),
  });
  const asked: { id: string; group: string }[] = [];
  const note = (question: OwnQuestion) => {
    if (limit !== undefined && question.repeats === null) asked.push({ id: question.id, group: question.dataset.id });
  };
  const survey = await surveyQuestions(files, findDataset, note, blobs);
  const names = files.map((file) => file.name).join(" ");
  if (survey.errorCount > 0) {
    const shown = survey.errors
      .slice(0, errorsShown)
      .map(({ file, line, field, message }) => `- ${file}:${line} ${field}: ${message}`);
    const more = survey.errorCount - shown.length;
    throw new UsageError(
      [
        `Expected questions in \`tasks\` (${names}), got ${plural(survey.errorCount, "problem")} (\`npx tracemill check-tasks --config\` and this config show them all):`,
        ...shown,
        ...(more > 0 ? [`- … and ${more} more`] : []),
      ].join("\n"),
    );
  }
  if (survey.questions === 0) {
    throw new UsageError(
      `Expected at least one question in \`tasks\` (${names}), got none: one JSON object a line, see \`npx tracemill check-tasks --schema\``,
    );
  }
  const chosen =
    limit === undefined
      ? null
      : new Set(spread(asked, { limit, seed: options.seed, groupOf: ({ group }) => group }).map(({ id }) => id));

  async function* questions(): AsyncGenerator<OwnQuestion> {
    for await (const read of readQuestions(files, findDataset, blobs)) {
      if ("problems" in read) {
        throw new UsageError(
          `Expected \`${read.file.name}\` to stay as it is while the run reads it, but line ${read.line} changed: run again once it is written`,
        );
      }
      if (chosen === null || chosen.has(read.question.id)) yield read.question;
    }
  }

  return {
    survey,
    questions: { [Symbol.asyncIterator]: questions },
    count: chosen?.size ?? survey.questions,
  };
}
