import { z } from "zod";
import { dataset } from "./dataset.ts";

export const difficulties = ["easy", "medium", "hard"] as const;

/** A question a model proposed, with reference code and answer. `occurrence` tells identical proposals of one exploration apart. */
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
  occurrence: z.number().int(),
});
export type Query = z.infer<typeof query>;

/** How an answer is checked: `metric` names an entry of src/metrics/index.ts. */
export const reference = z.strictObject({
  answer: z.string(),
  metric: z.string(),
  params: z.record(z.string(), z.unknown()),
});
export type Reference = z.infer<typeof reference>;

/** A question admitted: bound to its data and to how its answer is checked. The agent never sees `reference` or `metadata`. */
export const task = z.strictObject({
  id: z.string(),
  queryId: z.string(),
  dataset,
  context: z.string(),
  question: z.string(),
  constraints: z.string(),
  answerFormat: z.string(),
  difficulty: z.enum(difficulties),
  reference,
  metadata: z.record(z.string(), z.unknown()),
});
export type Task = z.infer<typeof task>;

/** One of k independent tries at a task; `index` counts from 0 and is the sample index of every completion in it. */
export const attempt = z.strictObject({ id: z.string(), task, index: z.number().int() });
export type Attempt = z.infer<typeof attempt>;
