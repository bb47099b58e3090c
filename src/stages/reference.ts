import { z } from "zod";
import type { Dataset } from "../domain/dataset.ts";
import { contentId } from "../domain/hash.ts";
import type { OwnQuestion, Query, Reference, Task } from "../domain/task.ts";
import type { BoundedText, StepResult } from "../domain/trajectory.ts";
import { type EachStage, each, pass, type Rejected, reject } from "../engine/stage.ts";
import { inferReference } from "../metrics/infer.ts";
import { agreesWithOutput } from "../metrics/reference-output.ts";
import { concurrency } from "./ranges.ts";
import type { OpenSession } from "./solving.ts";

/** `concurrency`: reference codes re-run at once. */
export const referenceOptions = z.strictObject({ concurrency: concurrency.default(8) });

interface ReferenceOptions {
  readonly openSession: OpenSession;
  readonly concurrency: number;
}

/**
 * Runs a query's reference code in a fresh sandbox and admits the query as a Task when the code prints the reference answer.
 * Rejects `reference_error` (the code failed or hit a limit), `reference_mismatch` and `reference_unreadable`.
 */
export function reference(options: ReferenceOptions): EachStage<Query, Task> {
  return each({
    name: "reference",
    concurrency: options.concurrency,
    keep: true,
    async run(query, { signal }) {
      const expected = inferReference(query.referenceAnswer, query.answerFormat, query.constraints);
      const broken = await vet({ ...options, ...query, code: query.referenceCode, expected, signal });
      if (broken !== null) return broken;
      return pass(taskOf({ ...query, context: "", reference: expected, metadata: {} }));
    },
  });
}

/**
 * Admits a question of the user's own as a Task. Reference code that came with it has to print the reference answer, with the
 * rejections of `reference`; a question without code is taken at its word.
 */
export function ownReference(options: ReferenceOptions): EachStage<OwnQuestion, Task> {
  return each({
    name: "reference",
    concurrency: options.concurrency,
    keep: true,
    async run(question, { signal }) {
      const { reference: expected, referenceCode: code } = question;
      const broken =
        expected === null || code === null ? null : await vet({ ...options, ...question, code, expected, signal });
      return broken ?? pass({ ...taskOf(question), own: question.own });
    },
  });
}

type Asked = Pick<
  Task,
  "dataset" | "context" | "question" | "constraints" | "answerFormat" | "reference" | "submission"
>;

/** A task by what it asks: its id says nothing of where the question came from. */
function taskOf(query: Asked & Pick<Task, "difficulty" | "metadata"> & { readonly id: string }): Task {
  const { dataset, context, question, constraints, answerFormat, reference, submission } = query;
  const asked = {
    ...{ dataset, context, question, constraints, answerFormat, reference },
    ...(submission === undefined ? {} : { submission }),
  };
  return {
    id: contentId("task", { ...asked, dataset: dataset.id }),
    queryId: query.id,
    difficulty: query.difficulty,
    metadata: query.metadata,
    ...asked,
  };
}

/** Runs reference code in a fresh sandbox; the rejection where it does not print the answer, else null. */
async function vet(options: {
  readonly openSession: OpenSession;
  readonly id: string;
  readonly dataset: Dataset;
  readonly code: string;
  readonly expected: Reference;
  readonly signal: AbortSignal;
}): Promise<Rejected | null> {
  const { id, dataset, code, expected, signal } = options;
  await using session = options.openSession({ dataset, attempt: `reference/${id}`, signal });
  const { result } = await session.run(code, { signal });
  const output = printed(result);
  if (result.end !== "ok") {
    return reject("reference_error", `The reference code ended with ${result.end}`, {
      end: result.end,
      exception: result.exception,
      output: output.slice(-2000),
    });
  }
  const agreement = agreesWithOutput(expected, output);
  if (agreement.value === 1) return null;
  const reason = agreement.value === null ? "reference_unreadable" : "reference_mismatch";
  return reject(reason, agreement.reason, { referenceAnswer: expected.answer, output: output.slice(-2000) });
}

/** What the code printed, then its last value: the text a reference answer is looked for in. */
function printed(result: StepResult): string {
  return [result.stdout, ...(result.result === null ? [] : [result.result])].map(whole).join("\n").trim();
}

/** What is left of a text; where something was dropped, a line break, so that no number is made of two halves. */
function whole({ head, tail, droppedBytes }: BoundedText): string {
  return droppedBytes === 0 ? head + tail : `${head}\n${tail}`;
}
