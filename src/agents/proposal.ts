import { z } from "zod";
import { answerText } from "../domain/answer-text.ts";
import { isRecord, jsonInReply } from "../domain/reply-json.ts";
import { difficulties } from "../domain/task.ts";
import { repairJson } from "../prompts/repair-json.ts";

const maxProposals = 50;
const maxTextChars = 500_000;

const text = (maxChars: number) => z.string().trim().min(1).max(maxChars);
const proposed = z.object({
  question: text(4_000),
  constraints: z
    .union([z.string(), z.array(z.string()).transform((lines) => lines.join("\n"))])
    .nullish()
    .transform((constraints) => (constraints ?? "").trim())
    .pipe(z.string().max(8_000)),
  answerFormat: text(4_000),
  referenceCode: z.string().transform(withoutFence).pipe(text(40_000)),
  referenceAnswer: z.unknown().transform(answerText).pipe(text(8_000)),
  difficulty: z.string().trim().toLowerCase().pipe(z.enum(difficulties)),
});

/** A question with its reference, as proposed and checked for shape; `referenceAnswer` as one text, names as `@name[value]`. */
export type ProposedQuestion = z.output<typeof proposed>;

/** An item of the answer that is no usable question: `raw` is the item as JSON (cut), `why` says what is wrong. */
export interface ProposalProblem {
  readonly index: number;
  readonly why: string;
  readonly raw: string;
}

/** Reads a proposer's answer: a JSON array in a fence, in prose or slightly broken. Bad items are problems, not lost; no array gives neither. */
export function parseProposals(answerText: string): {
  readonly proposals: ProposedQuestion[];
  readonly problems: ProposalProblem[];
} {
  const items = readArray(answerText.slice(0, maxTextChars)) ?? [];
  const proposals: ProposedQuestion[] = [];
  const problems: ProposalProblem[] = [];
  for (const [index, item] of items.entries()) {
    const parsed = proposed.safeParse(camelKeys(item));
    const raw = JSON.stringify(item).slice(0, 20_000);
    if (index >= maxProposals) problems.push({ index, why: `More than ${maxProposals} questions in one answer`, raw });
    else if (parsed.success) proposals.push(parsed.data);
    else problems.push({ index, why: z.prettifyError(parsed.error), raw });
  }
  return { proposals, problems };
}

function readArray(answer: string): unknown[] | null {
  const list = jsonInReply(answer, {
    openings: ["["],
    accept: (value) => (Array.isArray(value) && value.some(isRecord) ? (value as unknown[]) : null),
    repair: repairJson,
  });
  if (list !== null) return list.value;
  // One question without its list.
  const one = jsonInReply(answer, {
    openings: ["{"],
    accept: (value) => (isRecord(value) && "question" in value ? value : null),
    repair: repairJson,
  });
  return one === null ? null : [one.value];
}

function camelKeys(item: unknown): unknown {
  if (!isRecord(item)) return item;
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => [
      key.trim().replace(/[\s_-]+([A-Za-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}

function withoutFence(code: string): string {
  const fenced = /^\s*```[\w+-]*[ \t]*\r?\n([\s\S]*?)\r?\n?[ \t]*```\s*$/.exec(code);
  return fenced?.[1] ?? code;
}
