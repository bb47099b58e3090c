import type { Judge, Model } from "../contracts.ts";
import { FailureError } from "../domain/errors.ts";
import { meanScore } from "../domain/mean.ts";
import type { Message, Verdict } from "../domain/trajectory.ts";
import type { Prompt } from "../prompts/load.ts";
import { askForJson } from "../prompts/structured.ts";
import type { Criterion } from "./criteria.ts";
import { readReview, reviewShape } from "./read-review.ts";
import { recordText, taskText } from "./record.ts";

/** What the rubric judge is made of. */
export interface RubricJudgeOptions {
  readonly name: string;
  readonly model: Model;
  /** `system` with {{criteria}}, `record` with {{task}} and {{record}}. */
  readonly prompts: { readonly system: Prompt; readonly record: Prompt };
  readonly criteria: readonly Criterion[];
  /** Independent samples; a criterion's score is their mean. */
  readonly votes: number;
  /** The record is cut, visibly, to about this many characters. */
  readonly maxRecordChars?: number;
  /** How often an unreadable review is asked for again, in the same conversation. */
  readonly maxRepairs?: number;
  /** Conversations without a readable review that one run pays for, a vote. The next run goes on with samples not asked yet. */
  readonly maxUnreadable?: number;
}

type Vote = Verdict["votes"][number];

// So many samples of one vote without a readable review say that this judge cannot do it.
const mostSamples = 20;

/**
 * Lets a model score a candidate by a rubric ("LLM as a judge", Zheng et al. 2023; here with criteria of its own, and no reference is
 * shown). Measures and never decides. A vote is the first readable review among its samples, so that what one run could not read does not
 * stand in the way of the next. @throws {FailureError} judge, when none could be read; provider.
 * @throws {RejectionError} context_overflow, content_filter, refusal.
 */
export function rubricJudge(options: RubricJudgeOptions): Judge {
  const { name, model, prompts, criteria, votes, maxRecordChars = 60_000, maxRepairs = 1, maxUnreadable = 2 } = options;
  prompts.system.expectPlaces(["criteria"]);
  prompts.record.expectPlaces(["task", "record"]);
  const names = criteria.map((criterion) => criterion.name);
  const schema = reviewShape(names);
  const listed = criteria.map((criterion) => `- ${criterion.name}: ${criterion.description}`).join("\n");

  async function vote(asked: readonly Message[], index: number, signal: AbortSignal): Promise<Vote> {
    const unread: string[] = [];
    let cutAt: number | null = null;
    // A remembered conversation is read again for nothing and does not count against what this run pays for.
    for (let tried = 0, paid = 0; tried < mostSamples && paid < maxUnreadable; tried++) {
      const review = await askForJson({
        model,
        messages: asked,
        name: "review",
        schema,
        read: (text) => readReview(text, names),
        again: (problem) => askAgain(problem, names),
        sample: index + tried * votes, // no two votes share a sample
        signal,
        maxRepairs,
      });
      const { completions } = review;
      if ("value" in review) {
        const read = completions.at(-1);
        return {
          criteria: review.value.criteria,
          repairs: [...unread.map((why) => `sample_unreadable: ${why}`), ...review.repairs],
          completions: completions.map(({ key }) => key),
          ...(read?.servedBy === undefined ? {} : { servedBy: read.servedBy }),
        };
      }
      unread.push(review.problems.join("; then "));
      cutAt = review.tokenLimit;
      if (!completions.every(({ remembered }) => remembered)) paid++;
    }
    throw new FailureError(
      "judge",
      [
        `Expected a readable review from judge \`${name}\` (model \`${model.name}\`, vote ${index}), got ${unread.length} conversations without one; the last: ${unread.at(-1)}.`,
        ...(cutAt === null ? [] : [moreTokens(model.name, cutAt)]),
        unread.length < mostSamples
          ? "The next run asks for further samples."
          : "No more are asked for: name another judge, or more `maxTokens` for it.",
      ].join(" "),
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
    names.map((name, index) => [name, meanScore(votes.map(({ criteria }) => criteria[index]?.score ?? Number.NaN))]),
  );
}

function moreTokens(alias: string, limit: number): string {
  return `Raise \`models.${alias}.maxTokensMost\` above ${limit} (a model that thinks first needs room before it writes JSON): what was received stays remembered, and the same question is asked with more.`;
}

function askAgain(problem: string, names: readonly string[]): string {
  return `Your review could not be used: ${problem}. Return it again as one JSON object and nothing else, {"criteria": [{"name", "score", "evidence", "justification"}, ...]}, with each of ${names.join(", ")} exactly once and every score a number from 0 to 1.`;
}
