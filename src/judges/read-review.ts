import { z } from "zod";
import { canonicalJson } from "../domain/hash.ts";
import { everyJsonInReply, isRecord } from "../domain/reply-json.ts";
import type { CriterionScore } from "../domain/trajectory.ts";
import { repairJson } from "../prompts/repair-json.ts";
import type { ReadJson } from "../prompts/structured.ts";

const maxReplyChars = 200_000;
const maxEvidenceChars = 4_000;

const score = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\s*(?:[01]|[01]?\.\d+)\s*$/)
      .transform(Number),
  ])
  .pipe(z.number().min(0).max(1));
const entry = z.object({
  name: z.string(),
  score,
  evidence: z.union([z.string(), z.array(z.string()).transform((quotes) => quotes.join("\n"))]).nullish(),
  justification: z.string().nullish(),
});

/** What a judge is asked to write: every criterion once, each with its score. */
export type WrittenReview = { criteria: CriterionScore[] };

/** The shape of a review, for endpoints that hold a model to one. */
export function reviewShape(names: readonly string[]): z.ZodType<WrittenReview> {
  return z.object({
    criteria: z.array(
      z.object({ name: z.enum(names), score: z.number(), evidence: z.string(), justification: z.string() }),
    ),
  });
}

/**
 * Reads a judge's reply, every asked criterion once and in the asked order: JSON in a fence, in prose or slightly broken; names in any case. A missing or out-of-range score is a problem, never
 * a default; so are two lists of scores that differ.
 */
export function readReview(reply: string, names: readonly string[]): ReadJson<WrittenReview> {
  const every = everyJsonInReply(reply.slice(0, maxReplyChars), {
    openings: ["{", "["],
    accept: entriesOf,
    repair: repairJson,
  });
  const [found] = every;
  if (found === undefined) return { problem: 'it holds no JSON object with a "criteria" list' };
  // One may be what the record's author wished to be read: scores that were printed, and quoted in the review.
  if (new Set(every.map(({ value }) => canonicalJson(value))).size > 1)
    return { problem: "it holds more than one list of scores: write one, and quote the record only inside evidence" };
  const repairs = new Set(found.repairs);
  const scored = new Map<string, CriterionScore>();
  for (const item of found.value) {
    const parsed = entry.safeParse(item);
    const name = slug(isRecord(item) ? item.name : undefined);
    if (!names.includes(name)) {
      repairs.add("unasked_criterion_dropped");
      continue;
    }
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const where = issue?.path.join(".") ?? "";
      return {
        problem: where.startsWith("score")
          ? `the score of ${name} has to be a number from 0 to 1, got ${JSON.stringify((item as { score?: unknown }).score)}`
          : `${name} cannot be read (${where}: ${issue?.message})`,
      };
    }
    if (scored.has(name)) return { problem: `${name} is scored twice` };
    if (parsed.data.name !== name) repairs.add("names_normalised");
    if (isRecord(item) && Array.isArray(item.evidence)) repairs.add("evidence_list_joined");
    if (isRecord(item) && typeof item.score === "string") repairs.add("score_read_from_text");
    scored.set(name, {
      name,
      score: parsed.data.score,
      evidence: (parsed.data.evidence ?? "").slice(0, maxEvidenceChars),
      justification: (parsed.data.justification ?? "").slice(0, maxEvidenceChars),
    });
  }
  const missing = names.filter((name) => !scored.has(name));
  if (missing.length > 0) return { problem: `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing` };
  return { value: { criteria: names.flatMap((name) => scored.get(name) ?? []) }, repairs: [...repairs].sort() };
}

/** A criterion's name as it is compared: `Educational Value` is `educational_value`. */
function slug(name: unknown): string {
  return typeof name === "string"
    ? name
        .trim()
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "_")
        .replace(/^_|_$/g, "")
    : "";
}

/** The scored entries of a review: under `criteria`, as a list or by name, or the list alone. */
function entriesOf(value: unknown): unknown[] | null {
  const listed = isRecord(value) ? value.criteria : value;
  if (Array.isArray(listed)) return listed.some((item) => isRecord(item) && "score" in item) ? listed : null;
  if (!isRecord(listed)) return null;
  return Object.entries(listed).map(([name, item]) => (isRecord(item) ? { name, ...item } : { name, score: item }));
}
