// Lines of the user's own questions, checked and bound to their data.
import { explain, type Issue } from "../config/explain.ts";
import type { Blobs } from "../contracts.ts";
import type { Dataset } from "../domain/dataset.ts";
import { contentId, hashOf } from "../domain/hash.ts";
import { isRecord } from "../domain/reply-json.ts";
import type { OwnQuestion } from "../domain/task.ts";
import { type FileLine, readLines } from "./read-lines.ts";
import { referenceFiles, submissionOf } from "./reference-file.ts";
import { type FieldProblem, referenceOf } from "./reference-of.ts";
import { type TaskLine, taskLine } from "./task-line.ts";

/** A file of questions: `name` as the user wrote it, `path` where it lies. */
export interface TaskFile {
  readonly name: string;
  readonly path: string;
}

/** Binds a line to its data. Without a config a dataset is known by its name only. */
export type FindDataset = (
  line: TaskLine,
  file: TaskFile,
) => Promise<{ readonly dataset: Dataset } | { readonly problem: FieldProblem }>;

/** One line that holds something: the question, or everything that is wrong with it. */
export type ReadQuestion =
  | { readonly file: TaskFile; readonly line: number; readonly question: OwnQuestion }
  | { readonly file: TaskFile; readonly line: number; readonly problems: readonly FieldProblem[] };

/**
 * Reads files of questions line by line, in order, holding one line and a hash for each question. A question that stood before, by all
 * that makes a task, comes with `repeats`. Reference files are kept in `blobs`; without, they are only looked at. @throws {UsageError} when a file cannot be read.
 */
export async function* readQuestions(
  files: readonly TaskFile[],
  findDataset: FindDataset,
  blobs: Blobs | null = null,
): AsyncGenerator<ReadQuestion> {
  const readReference = referenceFiles(blobs);
  const asked = new Map<string, { readonly place: string; times: number }>();
  for (const file of files) {
    for await (const row of readLines(file.path)) {
      const read = parseLine(row);
      const bound =
        read.line === null ? { problems: [] } : await bind(read.line, file, { findDataset, readReference }, read.wrong);
      const found =
        read.problems.length === 0
          ? bound
          : { problems: [...read.problems, ...("problems" in bound ? bound.problems : [])] };
      if ("problems" in found) yield { file, line: row.line, problems: found.problems };
      else yield { file, line: row.line, question: identify(found, { file: file.name, line: row.line, id: found.id }) };
    }
  }

  function identify({ asks, question }: Bound, own: OwnQuestion["own"]): OwnQuestion {
    const key = hashOf(asks).slice(0, 16);
    const before = asked.get(key);
    if (before === undefined) asked.set(key, { place: `${own.file}:${own.line}`, times: 1 });
    else before.times += 1;
    const id = contentId("query", { asks, ...(before && { occurrence: before.times - 1 }) });
    return { ...question, id, own, repeats: before?.place ?? null };
  }
}

interface Bound {
  readonly id: string | null;
  /** What makes two questions one task. */
  readonly asks: Readonly<Record<string, unknown>>;
  readonly question: Omit<OwnQuestion, "id" | "own" | "repeats">;
}

/** A line as far as it can be read: where some fields are wrong, the others are still looked at. */
interface ParsedLine {
  readonly line: TaskLine | null;
  readonly problems: readonly FieldProblem[];
  readonly wrong: ReadonlySet<string>;
}

function parseLine({ text, problem }: FileLine): ParsedLine {
  const unreadable = (message: string): ParsedLine => ({
    line: null,
    problems: [{ field: "(line)", message }],
    wrong: new Set(),
  });
  if (problem !== null) return unreadable(problem);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const hint =
      text.startsWith("[") || text === "{" ? "; one line is one question, not a list over several lines" : "";
    return unreadable(`expected one JSON object, got ${excerpt(text)} (${error.message})${hint}`);
  }
  const parsed = taskLine.safeParse(value);
  if (parsed.success) return { line: parsed.data, problems: [], wrong: new Set() };
  const problems = parsed.error.issues
    .flatMap((issue) => explain(taskLine, value, issue as Issue))
    .map(({ at, message }) => ({ field: at === "(top level)" ? "(line)" : at, message }));
  const wrong = new Set(problems.map(({ field }) => field.split(".")[0] ?? field));
  const rest = isRecord(value) ? Object.entries(value).filter(([field]) => !wrong.has(field)) : [];
  const line = taskLine.safeParse({ question: "(wrong)", ...Object.fromEntries(rest) }).data ?? null;
  return { line: isRecord(value) ? line : null, problems, wrong };
}

async function bind(
  line: TaskLine,
  file: TaskFile,
  { findDataset, readReference }: { findDataset: FindDataset; readReference: ReturnType<typeof referenceFiles> },
  wrong: ReadonlySet<string>,
): Promise<Bound | { problems: FieldProblem[] }> {
  const [data, asked] = [await findDataset(line, file), submissionOf(line)];
  const checked =
    !line.reference_file || "problem" in data ? referenceOf(line) : await readReference(line, file.path, data.dataset);
  if ("problem" in data || "problem" in checked || "problem" in asked) {
    // What follows from a field that is wrong already is not told again.
    const told = (fields: readonly string[]) => fields.some((field) => wrong.has(field));
    return {
      problems: [
        ...("problem" in data && !told(dataFields) ? [data.problem] : []),
        ...("problem" in asked && !told(["submission"]) ? [asked.problem] : []),
        ...("problem" in checked && !told(answerFields) ? [checked.problem] : []),
      ],
    };
  }
  const { dataset } = data;
  const { reference } = checked;
  const submission = asked.submission === null ? {} : { submission: asked.submission };
  const question = {
    dataset,
    context: line.context ?? "",
    question: line.question,
    constraints: line.constraints ?? "",
    answerFormat: line.answer_format ?? "",
    difficulty: line.difficulty ?? null,
    reference,
    referenceCode: line.reference_code ?? null,
    ...submission,
    metadata: {
      ...line.metadata,
      ...(line.split ? { split: line.split } : {}),
      ...(line.licence ? { licence: line.licence } : {}),
    },
  };
  const { context, constraints, answerFormat } = question;
  const asks = {
    ...{ dataset: dataset.id, context, question: line.question, constraints, answerFormat, reference },
    ...submission,
  };
  return { id: line.id ?? null, asks, question };
}

const dataFields = ["dataset", "files"];
const answerFields = [
  "reference_answer",
  "reference_file",
  "metric",
  "params",
  "reference_code",
  "answer_format",
  "answerFormat",
];

function excerpt(text: string): string {
  return `\`${text.length > 60 ? `${text.slice(0, 60)}…` : text}\``;
}
