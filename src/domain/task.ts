import { z } from "zod";
import { dataset } from "./dataset.ts";
import { submissionRule } from "./submission.ts";

export const difficulties = ["easy", "medium", "hard"] as const;

/**
 * One item of a proposer's answer, as it was written. `problem` says why it cannot be read as a question; `fields` is null then. `repairs` names
 * what was done until it could be read, in order (`asked_again: …`, `cut_from_fence`, `jsonrepair`); absent where nothing was.
 */
export const proposal = z.strictObject({
  id: z.string(),
  seedId: z.string(),
  dataset,
  raw: z.string(),
  fields: z
    .strictObject({
      question: z.string(),
      constraints: z.string(),
      answerFormat: z.string(),
      referenceCode: z.string(),
      referenceAnswer: z.string(),
      difficulty: z.enum(difficulties),
    })
    .nullable(),
  problem: z.string().nullable(),
  repairs: z.array(z.string()).exactOptional(),
});
export type Proposal = z.infer<typeof proposal>;

/** A question a model proposed, with reference code and answer. The id is its proposal's content; `repairs` are the proposal's. */
export const query = z.strictObject({
  id: z.string(),
  seedId: z.string(),
  dataset,
  question: z.string(),
  constraints: z.string(),
  answerFormat: z.string(),
  referenceCode: z.string(),
  referenceAnswer: z.string(),
  difficulty: z.enum(difficulties),
  repairs: z.array(z.string()).exactOptional(),
});
export type Query = z.infer<typeof query>;

/**
 * How an answer is checked: `metric` names an entry of src/metrics/index.ts. With a `file` it is the submitted file that is checked, against
 * bytes kept under this hash, and `answer` is empty.
 */
export const reference = z.strictObject({
  answer: z.string(),
  metric: z.string(),
  params: z.record(z.string(), z.unknown()),
  file: z.strictObject({ sha256: z.string(), bytes: z.number().int() }).optional(),
});
export type Reference = z.infer<typeof reference>;

/** Where a question of the user's own stood: its file as the config names it, its line from 1, and the user's own id for it. */
export const ownPlace = z.strictObject({ file: z.string(), line: z.number().int(), id: z.string().nullable() });

/**
 * A question of the user's own. The id (`query_…`) is what is asked of which data, and how it is checked; never its place. `reference`
 * is null where no answer was given. `repeats` says where the same question stood before (`file:line`); only the first is used.
 */
export const ownQuestion = z.strictObject({
  id: z.string(),
  own: ownPlace,
  dataset,
  context: z.string(),
  question: z.string(),
  constraints: z.string(),
  answerFormat: z.string(),
  difficulty: z.enum(difficulties).nullable(),
  reference: reference.nullable(),
  referenceCode: z.string().nullable(),
  submission: submissionRule.optional(),
  metadata: z.record(z.string(), z.unknown()),
  repeats: z.string().nullable(),
});
export type OwnQuestion = z.infer<typeof ownQuestion>;

/**
 * A question admitted: bound to its data and to how its answer is checked. The agent never sees `reference` or `metadata`. A null
 * `reference`: the user's own question came without an answer, so nothing is known of right and wrong. `own` is absent where a model asked,
 * `submission` where no file is asked for.
 */
export const task = z.strictObject({
  id: z.string(),
  queryId: z.string(),
  dataset,
  context: z.string(),
  question: z.string(),
  constraints: z.string(),
  answerFormat: z.string(),
  difficulty: z.enum(difficulties).nullable(),
  reference: reference.nullable(),
  submission: submissionRule.optional(),
  metadata: z.record(z.string(), z.unknown()),
  own: ownPlace.optional(),
});
export type Task = z.infer<typeof task>;

/** One of k independent tries at a task; `index` counts from 0 and is the sample index of every completion in it. */
export const attempt = z.strictObject({ id: z.string(), task, index: z.number().int() });
export type Attempt = z.infer<typeof attempt>;
