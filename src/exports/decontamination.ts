// DC-R1, DC-R2, DC-R5: test questions in training data, by words in a row.
import type { ExportProblem } from "../contracts.ts";
import { problemList } from "./problem-list.ts";
import { questionsOf, sharedLines, shinglesOf, withoutShared, wordsOf } from "./questions.ts";

/** Words in a row that decide (open-r1, s1, Tülu 3 take 8), and those that are counted besides (GPT-3's 13). */
const decisive = 8;
const counted = 13;
/** A question of fewer words says too little to be told from any other text. */
const comparable = 4;

/** What a file shares with one file of test questions. Rows; `byCounted` of them share 13 words in a row. `tooShort` questions were not compared. */
export interface Contamination {
  readonly against: string;
  readonly questions: number;
  readonly tooShort: number;
  readonly rows: number;
  readonly contaminated: number;
  readonly byCounted: number;
}

/**
 * Rows whose question has 8 words in a row of a test question, or a line that is a test question of 4 to 7 words (DC-R1); the lines that most
 * questions of a file share are left out first. Finds what was copied and lightly edited; a question put in other words is not found (DC-R4 would
 * take embeddings, which are not computed here). Holds the test questions. @throws {UsageError} where either file holds no question.
 */
export async function decontaminate(
  path: string,
  against: string,
): Promise<{ readonly counts: Contamination; readonly problems: readonly ExportProblem[] }> {
  const found = problemList();
  const theirs = await sharedLines(against);
  const whole = new Map<string, number>();
  const short = new Map<string, number>();
  const long = new Set<string>();
  let questions = 0;
  let tooShort = 0;
  for await (const { line, text } of questionsOf(against)) {
    questions += 1;
    const words = wordsOf(withoutShared(text, theirs));
    if (words.length < comparable) tooShort += 1;
    else if (words.length < decisive) whole.set(words.join(" "), line);
    else for (const shingle of shinglesOf(words, decisive)) if (!short.has(shingle)) short.set(shingle, line);
    if (words.length >= counted) for (const shingle of shinglesOf(words, counted)) long.add(shingle);
  }
  const ours = await sharedLines(path);
  let rows = 0;
  let contaminated = 0;
  let byCounted = 0;
  for await (const { line, text } of questionsOf(path)) {
    rows += 1;
    const own = withoutShared(text, ours);
    const words = wordsOf(own);
    const inRow = shinglesOf(words, decisive).find((shingle) => short.has(shingle));
    const hit =
      inRow ??
      own
        .split("\n")
        .map((one) => wordsOf(one).join(" "))
        .find((one) => whole.has(one));
    if (hit === undefined) continue;
    contaminated += 1;
    if (shinglesOf(words, counted).some((shingle) => long.has(shingle))) byCounted += 1;
    const what = inRow === undefined ? "all of" : `${decisive} words in a row of`;
    found.add({
      rule: "DC-R1",
      line,
      field: "",
      message: `Expected no test question, got ${what} line ${short.get(hit) ?? whole.get(hit)} of ${against}: "${hit}"; drop the row`,
    });
  }
  return { counts: { against, questions, tooShort, rows, contaminated, byCounted }, problems: found.all() };
}

/** What a file shares with any of these files of test questions, with the counts of each as a warning (DC-R2, DC-R5). @throws as `decontaminate`. */
export async function againstProblems(path: string, against: readonly string[]): Promise<ExportProblem[]> {
  const problems: ExportProblem[] = [];
  for (const file of against) {
    const { counts, problems: found } = await decontaminate(path, file);
    problems.push(...found);
    const warn = (message: string) =>
      problems.push({ rule: "DC-R5", line: 0, field: "", message, severity: "warning" });
    if (counts.contaminated > 0)
      warn(
        `${counts.contaminated} of ${counts.rows} rows share 8 words in a row, or a whole short question, with ${file} (${counts.questions} questions), ${counts.byCounted} of them 13`,
      );
    if (counts.tooShort > 0)
      warn(
        `${counts.tooShort} of ${counts.questions} questions of ${file} have fewer than ${comparable} words of their own and were not compared`,
      );
  }
  return problems;
}
