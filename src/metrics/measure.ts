import type { z } from "zod";
import type { Metric, MetricSubject } from "../contracts.ts";

const maxAnswerChars = 200_000;

/** What a metric found: right or wrong, or why it could not tell. */
export type Finding = { readonly right: boolean; readonly why: string } | { readonly unscored: string };

/** A metric from its comparison. Bad params, an unreadable reference and anything else of its own making leave the score null; no answer is 0. */
export function metricOf<Params>(definition: {
  readonly name: string;
  readonly version: number;
  readonly about?: string;
  readonly params: z.ZodType<Params>;
  readonly compare: (reference: string, submission: string, params: Params) => Finding;
}): Metric {
  const { name, version, about, compare } = definition;
  return {
    name,
    ...(about === undefined ? {} : { about }),
    version,
    score({ reference, submission }: MetricSubject) {
      const scored = (value: number | null, reason: string) => ({ metric: name, value, reason });
      const params = definition.params.safeParse(reference.params);
      if (!params.success) {
        const [issue] = params.error.issues;
        const at = issue?.path.join(".") ?? "";
        return scored(null, `Expected usable params, got ${at === "" ? "" : `\`${at}\`: `}${issue?.message}`);
      }
      if (reference.answer.trim() === "") return scored(null, "The reference is empty");
      if (submission !== null && submission.length > maxAnswerChars + 4 * reference.answer.length) {
        return scored(0, `The answer is far too long to be one (${submission.length} characters)`);
      }
      const finding = compare(reference.answer, submission ?? "", params.data);
      if ("unscored" in finding) return scored(null, finding.unscored);
      if (submission === null || submission.trim() === "") return scored(0, "There is no answer");
      return scored(finding.right ? 1 : 0, finding.why);
    },
  };
}

/** A value for a reason text: quoted, and cut where it is long. */
export function quote(text: string): string {
  const line = text.slice(0, 200).replace(/\s+/g, " ").trim();
  return `\`${line.length > 80 ? `${line.slice(0, 77)}...` : line}\``;
}
