// SP-R2, SP-R3 and OA-R14: a validation file that shares nothing with the training file.
import type { ExportProblem } from "../contracts.ts";
import { hashOfFile } from "./file-hash.ts";
import { problemList } from "./problem-list.ts";
import { questionsOf, sharedLines, shinglesOf, withoutShared, wordsOf } from "./questions.ts";

const tooSimilar = 0.7;
const wordsPerShingle = 3;

/**
 * What a validation (or test) file shares with the training file: the file itself, a source dataset or a data file where rows name
 * them (SP-R2, OA-R14), a question, or nearly one (SP-R3: Jaccard similarity of word 3-grams of 0.7 or more, the lines of both files' templates left
 * out). Holds the shingles of the validation file's questions. @throws {UsageError} where either file holds no question.
 */
export async function splitProblems(trainPath: string, validationPath: string): Promise<ExportProblem[]> {
  const found = problemList();
  if ((await hashOfFile(trainPath)) === (await hashOfFile(validationPath))) {
    const message = `Expected other rows than in \`${trainPath}\`, got the same file as validation; split by source dataset (\`export.split\`)`;
    for (const rule of ["SP-R2", "OA-R14"]) found.add({ rule, line: 0, field: "", message });
    return found.all();
  }
  // A small validation file does not show its template; the training file, made of the same prompts, does.
  const shared = new Set([...(await sharedLines(validationPath)), ...(await sharedLines(trainPath))]);
  const questions: { line: number; shingles: ReadonlySet<string> }[] = [];
  const index = new Map<string, number[]>();
  const groups = new Map<string, number>();
  const shingled = (text: string) => new Set(shinglesOf(wordsOf(withoutShared(text, shared)), wordsPerShingle));
  const data = new Map<string, number>();
  for await (const { line, text, group, files } of questionsOf(validationPath)) {
    if (group !== null) groups.set(group, line);
    for (const file of files) data.set(file, line);
    const shingles = shingled(text);
    for (const shingle of shingles) {
      const at = index.get(shingle);
      if (at === undefined) index.set(shingle, [questions.length]);
      else at.push(questions.length);
    }
    questions.push({ line, shingles });
  }
  const told = new Set<string>();
  const shares = (line: number, field: string, what: string, name: string, at: number | undefined) => {
    if (at === undefined || told.has(name)) return;
    told.add(name);
    const message = `Expected ${what} of its own, got \`${name}\` also in line ${at} of the validation file; split by source dataset (\`export.split\`)`;
    for (const rule of ["SP-R2", "OA-R14"]) found.add({ rule, line, field, message });
  };
  for await (const { line, text, group, files } of questionsOf(trainPath)) {
    if (group !== null) shares(line, "group", "source datasets", group, groups.get(group));
    for (const file of files) shares(line, "files", "data files", file, data.get(file));
    const near = nearest(shingled(text), { questions, index });
    if (near !== null && near.similarity >= tooSimilar)
      found.add({
        rule: "SP-R3",
        line,
        field: "",
        message: `Expected no question of the validation file, got one ${Math.round(near.similarity * 100)} % like its line ${near.line}; split by source dataset, or drop one of them`,
      });
  }
  return found.all();
}

interface Indexed {
  readonly questions: readonly { readonly line: number; readonly shingles: ReadonlySet<string> }[];
  readonly index: ReadonlyMap<string, readonly number[]>;
}

function nearest(shingles: ReadonlySet<string>, { questions, index }: Indexed) {
  const common = new Map<number, number>();
  for (const shingle of shingles) for (const at of index.get(shingle) ?? []) common.set(at, (common.get(at) ?? 0) + 1);
  let best: { similarity: number; line: number } | null = null;
  for (const [at, both] of common) {
    const other = questions[at];
    if (other === undefined) continue;
    const similarity = both / (shingles.size + other.shingles.size - both);
    if (best === null || similarity > best.similarity) best = { similarity, line: other.line };
  }
  return best;
}
