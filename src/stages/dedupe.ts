import { z } from "zod";
import { hashOf } from "../domain/hash.ts";
import type { Query } from "../domain/task.ts";
import { type AllStage, all, type Rejected, reject } from "../engine/stage.ts";
import { share } from "./ranges.ts";

/** `nearDuplicate`: the similarity from which two questions are one. */
export const dedupeOptions = z.strictObject({ nearDuplicate: share.default(0.85) });

interface QuestionShape {
  readonly id: string;
  readonly datasetId: string;
  readonly exact: string;
  readonly question: string;
  readonly shingles: number[];
  /** What the question is about, sorted: its words that the reference code uses too (columns, values, numbers, functions). */
  readonly subjects: string;
}

const wordsPerShingle = 3;

/**
 * Drops questions asked before on the same dataset: `exact_duplicate` after normalising case and white space, and
 * `near_duplicate` when the Jaccard similarity of the word 3-gram sets of question and constraints (the resemblance of Broder 1997,
 * computed exactly) is at least `nearDuplicate` (0 to 1) and both are about the same things: with long constraints, questions that differ only in the
 * column are as similar as that, and are two questions. Of a pair the one with the smaller id stays.
 */
export function dedupe(options: z.output<typeof dedupeOptions>): AllStage<Query, QuestionShape> {
  return all({
    name: "dedupe",
    project: (query) => {
      const words = normalise(`${query.question} ${query.constraints}`).split(" ");
      return {
        id: query.id,
        datasetId: query.dataset.id,
        exact: hashOf([query.dataset.id, words, normalise(query.answerFormat)]),
        question: query.question.slice(0, 200),
        shingles: shinglesOf(words),
        subjects: subjectsOf(`${query.question} ${query.constraints}`, query.referenceCode),
      };
    },
    decide: (shapes) => {
      const exact = new Map<string, QuestionShape>();
      const index = new Map<string, QuestionShape[]>(); // dataset and shingle -> kept questions that have it
      return shapes.map((shape): Rejected | null => {
        const twin = exact.get(shape.exact);
        if (twin !== undefined) {
          return reject("exact_duplicate", `Asked before as ${twin.id}`, {
            duplicateOf: twin.id,
            question: shape.question,
          });
        }
        const near = nearest(shape, index);
        if (near !== null && near.similarity >= options.nearDuplicate) {
          return reject("near_duplicate", `Nearly the same as ${near.shape.id}`, {
            duplicateOf: near.shape.id,
            similarity: near.similarity,
            threshold: options.nearDuplicate,
            question: shape.question,
            other: near.shape.question,
          });
        }
        exact.set(shape.exact, shape);
        for (const shingle of shape.shingles) {
          const key = `${shape.datasetId}/${shingle}`;
          const holders = index.get(key);
          if (holders === undefined) index.set(key, [shape]);
          else holders.push(shape);
        }
        return null;
      });
    },
  });
}

function normalise(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_.%@[\]<>=+-]+/gu, " ")
    .trim();
}

const pythonKeywords = new Set("and as else for from if import in is not or with".split(" "));

function subjectsOf(question: string, code: string): string {
  const used = new Set(plainWords(code));
  return [...new Set(plainWords(question))]
    .filter((word) => used.has(word) && !pythonKeywords.has(word))
    .sort()
    .join(" ");
}

function plainWords(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function shinglesOf(words: readonly string[]): number[] {
  const shingles = new Set<number>();
  for (let start = 0; start <= Math.max(0, words.length - wordsPerShingle); start++) {
    shingles.add(Number.parseInt(hashOf(words.slice(start, start + wordsPerShingle)).slice(0, 12), 16));
  }
  return [...shingles];
}

function nearest(
  shape: QuestionShape,
  index: ReadonlyMap<string, readonly QuestionShape[]>,
): { shape: QuestionShape; similarity: number } | null {
  const shared = new Map<QuestionShape, number>();
  for (const shingle of shape.shingles) {
    for (const holder of index.get(`${shape.datasetId}/${shingle}`) ?? []) {
      shared.set(holder, (shared.get(holder) ?? 0) + 1);
    }
  }
  let best: { shape: QuestionShape; similarity: number } | null = null;
  for (const [other, count] of shared) {
    if (other.subjects !== shape.subjects) continue;
    const similarity = count / (shape.shingles.length + other.shingles.length - count);
    if (best === null || similarity > best.similarity) best = { shape: other, similarity };
  }
  return best;
}
