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

/** A usable item of the answer. `repairs` names what was done until it could be read, those of the whole answer first. */
export interface ReadProposal {
  readonly fields: ProposedQuestion;
  readonly repairs: readonly string[];
}

/** An item of the answer that is no usable question: `raw` is the item as JSON (cut), `why` says what is wrong. */
export interface ProposalProblem {
  readonly index: number;
  readonly why: string;
  readonly raw: string;
  readonly repairs: readonly string[];
}

/** Reads a proposer's answer: a JSON array in a fence, in prose or slightly broken. Bad items are problems, not lost; no array gives neither. */
export function parseProposals(answerText: string): {
  readonly proposals: ReadProposal[];
  readonly problems: ProposalProblem[];
} {
  const { items, repairs } = readArray(answerText.slice(0, maxTextChars));
  const proposals: ReadProposal[] = [];
  const problems: ProposalProblem[] = [];
  for (const [index, item] of items.entries()) {
    const keyed = camelKeys(item);
    const parsed = proposed.safeParse(keyed);
    const raw = JSON.stringify(item).slice(0, 20_000);
    const refuse = (why: string) => problems.push({ index, why, raw, repairs });
    if (index >= maxProposals) refuse(`More than ${maxProposals} questions in one answer`);
    else if (parsed.success) proposals.push({ fields: parsed.data, repairs: [...repairs, ...repairsOf(keyed)] });
    else refuse(z.prettifyError(parsed.error));
  }
  return { proposals, problems };
}

/**
 * Why an answer cannot be read as proposals at all, in words for the proposer; null for one that can. What is wrong with single items is no reason.
 */
export function proposalsProblem(answerText: string): string | null {
  if (readArray(answerText.slice(0, maxTextChars)).items.length > 0) return null;
  return "The answer held no JSON list of questions that can be read: it has to be one JSON array of objects and nothing else.";
}

function readArray(answer: string): { readonly items: readonly unknown[]; readonly repairs: readonly string[] } {
  const list = jsonInReply(answer, {
    openings: ["["],
    accept: (value) => (Array.isArray(value) && value.some(isRecord) ? (value as unknown[]) : null),
    repair: repairJson,
  });
  if (list !== null) return { items: list.value, repairs: list.repairs };
  const one = jsonInReply(answer, {
    openings: ["{"],
    accept: (value) => (isRecord(value) && "question" in value ? value : null),
    repair: repairJson,
  });
  return one === null ? { items: [], repairs: [] } : { items: [one.value], repairs: [...one.repairs, "list_added"] };
}

/** What was changed inside an item that could be read. */
function repairsOf(item: unknown): string[] {
  if (!isRecord(item)) return [];
  const { referenceCode, constraints } = item;
  return [
    ...(typeof referenceCode === "string" && withoutFence(referenceCode) !== referenceCode
      ? ["reference_code_cut_from_fence"]
      : []),
    ...(Array.isArray(constraints) ? ["constraints_list_joined"] : []),
    ...(typeof item.referenceAnswer === "string" ? [] : ["reference_answer_written_as_text"]),
  ];
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
