import type { ChatRequest, Judge, Model } from "../contracts.ts";
import { FailureError } from "../domain/errors.ts";
import type { Message, Verdict } from "../domain/trajectory.ts";
import type { Prompt } from "../prompts/load.ts";
import type { Criterion } from "./criteria.ts";
import { readReview } from "./read-review.ts";
import { recordText, taskText } from "./record.ts";

export interface RubricJudgeOptions {
  readonly name: string;
  readonly model: Model;
  /** `system` with {{criteria}}, `record` with {{task}} and {{record}}. */
  readonly prompts: { readonly system: Pick<Prompt, "render">; readonly record: Pick<Prompt, "render"> };
  readonly criteria: readonly Criterion[];
  /** Independent samples; a criterion's score is their mean. */
  readonly votes: number;
  /** The record is cut, visibly, to about this many characters. */
  readonly maxRecordChars?: number;
  /** How often an unreadable review is asked for again, in the same conversation. */
  readonly maxRepairs?: number;
}

type Vote = Verdict["votes"][number];

/**
 * Lets a model score a candidate by a rubric. Measures and never decides. A review that stays unreadable, or lacks a criterion, is a
 * failure. @throws {FailureError} judge, provider. @throws {RejectionError} context_overflow, content_filter, refusal.
 */
export function rubricJudge(options: RubricJudgeOptions): Judge {
  const { name, model, prompts, criteria, votes, maxRecordChars = 60_000, maxRepairs = 1 } = options;
  const names = criteria.map((criterion) => criterion.name);
  const listed = criteria.map((criterion) => `- ${criterion.name}: ${criterion.description}`).join("\n");

  async function vote(asked: readonly Message[], sample: number, signal: AbortSignal): Promise<Vote> {
    const problems: string[] = [];
    let messages = [...asked];
    while (problems.length <= maxRepairs) {
      const request: ChatRequest = { messages, jsonSchema: { name: "review", schema: reviewSchema(names) } };
      const { text, finishReason } = await model.complete(request, { sample, signal });
      const review = readReview(text, names);
      if (!("problem" in review)) {
        return {
          criteria: review.criteria,
          repairs: [...problems.map((why) => `asked_again: ${why}`), ...review.repairs],
        };
      }
      const problem = finishReason === "length" ? `it was cut off (${review.problem})` : review.problem;
      problems.push(problem);
      messages = [
        ...messages,
        { role: "assistant", content: text.trim() === "" ? "(nothing)" : text },
        { role: "user", content: askAgain(problem, names) },
      ];
    }
    throw new FailureError(
      "judge",
      `Expected a readable review from judge \`${name}\` (model \`${model.name}\`, vote ${sample}), got ${problems.length} that are not: ${problems.join("; then ")}`,
    );
  }

  return {
    name,
    async judge({ task, candidate }, { signal }) {
      const messages: Message[] = [
        { role: "system", content: prompts.system.render({ criteria: listed }) },
        {
          role: "user",
          content: prompts.record.render({
            task: taskText(task),
            record: recordText(candidate.trajectory, maxRecordChars),
          }),
        },
      ];
      // All votes are awaited before one's failure is thrown: nothing goes on behind the back of a stage that has ended.
      const cast = await Promise.allSettled(
        Array.from({ length: votes }, (_, sample) => vote(messages, sample, signal)),
      );
      const received = cast.map((outcome) => {
        if (outcome.status === "rejected") throw outcome.reason;
        return outcome.value;
      });
      return { judge: name, votes: received, criteria: means(received, names) };
    },
  };
}

function means(votes: readonly Vote[], names: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    names.map((name, index) => {
      const sum = votes.reduce((total, { criteria }) => total + (criteria[index]?.score ?? Number.NaN), 0);
      // Twelve decimals: a mean of decimal scores is not below its threshold by a rounding error.
      return [name, Math.round((sum / votes.length) * 1e12) / 1e12];
    }),
  );
}

function askAgain(problem: string, names: readonly string[]): string {
  return `Your review could not be used: ${problem}. Return it again as one JSON object and nothing else, {"criteria": [{"name", "score", "evidence", "justification"}, ...]}, with each of ${names.join(", ")} exactly once and every score a number from 0 to 1.`;
}

function reviewSchema(names: readonly string[]): unknown {
  const text = { type: "string" };
  const properties = {
    name: { type: "string", enum: names },
    score: { type: "number" },
    evidence: text,
    justification: text,
  };
  const item = { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
  return {
    type: "object",
    properties: { criteria: { type: "array", items: item } },
    required: ["criteria"],
    additionalProperties: false,
  };
}
