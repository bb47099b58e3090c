import { z } from "zod";
import { contentId } from "../domain/hash.ts";
import type { Query, Task } from "../domain/task.ts";
import type { BoundedText, StepResult } from "../domain/trajectory.ts";
import { type EachStage, each, pass, reject } from "../engine/stage.ts";
import { inferReference } from "../metrics/infer.ts";
import { agreesWithOutput } from "../metrics/reference-output.ts";
import { concurrency } from "./ranges.ts";
import type { OpenSession } from "./solving.ts";

/** `concurrency`: reference codes re-run at once. */
export const referenceOptions = z.strictObject({ concurrency: concurrency.default(8) });

/**
 * Runs a query's reference code in a fresh sandbox and admits the query as a Task when the code prints the reference answer.
 * Rejects `reference_error` (the code failed or hit a limit), `reference_mismatch` and `reference_unreadable`.
 */
export function reference(options: {
  readonly openSession: OpenSession;
  readonly concurrency: number;
}): EachStage<Query, Task> {
  return each({
    name: "reference",
    concurrency: options.concurrency,
    keep: true,
    async run(query, { signal }) {
      await using session = options.openSession({ dataset: query.dataset, attempt: `reference/${query.id}`, signal });
      const { result } = await session.run(query.referenceCode, { signal });
      const output = printed(result);
      if (result.end !== "ok") {
        return reject("reference_error", `The reference code ended with ${result.end}`, {
          end: result.end,
          exception: result.exception,
          output: output.slice(-2000),
        });
      }
      const expected = inferReference(query.referenceAnswer, query.answerFormat, query.constraints);
      const agreement = agreesWithOutput(expected, output);
      if (agreement.value !== 1) {
        const code = agreement.value === null ? "reference_unreadable" : "reference_mismatch";
        return reject(code, agreement.reason, {
          referenceAnswer: query.referenceAnswer,
          output: output.slice(-2000),
        });
      }
      const asked = {
        dataset: query.dataset,
        context: "",
        question: query.question,
        constraints: query.constraints,
        answerFormat: query.answerFormat,
        reference: expected,
      };
      return pass<Task>({
        id: contentId("task", { ...asked, dataset: query.dataset.id }),
        queryId: query.id,
        difficulty: query.difficulty,
        metadata: {},
        ...asked,
      });
    },
  });
}

/** What the code printed, then its last value: the text a reference answer is looked for in. */
function printed(result: StepResult): string {
  return [result.stdout, ...(result.result === null ? [] : [result.result])].map(whole).join("\n").trim();
}

/** What is left of a text; where something was dropped, a line break, so that no number is made of two halves. */
function whole({ head, tail, droppedBytes }: BoundedText): string {
  return droppedBytes === 0 ? head + tail : `${head}\n${tail}`;
}
