// What leaves a run beside examples: one ledger, many products. Each is read from the stored bodies and the ends of a finished run.
import { z } from "zod";
import { type Example, exampleMessage } from "./example.ts";
import { difficulties, reference } from "./task.ts";
import { candidate, message, toolDefinition } from "./trajectory.ts";

/** The products a format can hold. `sft` are examples. */
export const productNames = ["sft", "preference", "kto", "rl", "steps", "trajectories"] as const;
/** One of `productNames`. */
export type ProductName = (typeof productNames)[number];

/** Why a candidate was rejected: the stage, its reason code and the sentence of the decision. */
export const rejectionReason = z.strictObject({ stage: z.string(), code: z.string(), message: z.string() });
export type RejectionReason = z.infer<typeof rejectionReason>;

/** Whose an item is: `group` is the source dataset's id (splits never cut through it), `dataset` its name. */
const origin = { group: z.string(), dataset: z.string(), taskId: z.string(), queryId: z.string() };

/**
 * An accepted and a rejected try at one task. `prompt` is what both said and were answered, byte for byte, up to the first assistant message in which
 * they differ (ids of calls are the accepted try's; thinking stands where both thought the same); `chosen` and `rejected` are everything from there on, with the loss flags of examples (`rejected`: as if it had been accepted).
 */
export const preferencePair = z.strictObject({
  id: z.string(),
  ...origin,
  prompt: z.array(exampleMessage),
  chosen: z.array(exampleMessage),
  rejected: z.array(exampleMessage),
  tools: z.array(toolDefinition).exactOptional(),
  chosenTrajectoryId: z.string(),
  rejectedTrajectoryId: z.string(),
  reason: rejectionReason,
});
export type PreferencePair = z.infer<typeof preferencePair>;

/** One try with a label: true where it was accepted, false where a gate of quality rejected it, for `reason`. */
export const labelledTry = z.strictObject({
  id: z.string(),
  ...origin,
  trajectoryId: z.string(),
  messages: z.array(exampleMessage),
  tools: z.array(toolDefinition).exactOptional(),
  label: z.boolean(),
  reason: rejectionReason.nullable(),
});
export type LabelledTry = z.infer<typeof labelledTry>;

/**
 * A task to practise on: what the agent is asked (`prompt`, as the rollouts asked it), its data files by name and content, and how an answer is
 * checked. `tried` and `accepted` count the run's own tries: how hard it was for the teacher.
 */
export const rlTask = z.strictObject({
  id: z.string(),
  ...origin,
  prompt: z.array(message),
  tools: z.array(toolDefinition).exactOptional(),
  scaffold: z.string(),
  files: z.array(z.strictObject({ name: z.string(), sha256: z.string(), bytes: z.number().int() })),
  reference,
  difficulty: z.enum(difficulties).nullable(),
  tried: z.number().int(),
  accepted: z.number().int(),
});
export type RlTask = z.infer<typeof rlTask>;

/**
 * A try with a label for each of its steps, for process reward models. `message` is the step's index in `messages`; `label` is null where nothing
 * recorded tells right from wrong, and `why` names what told (`ran`, `failed`, `invalid`, `repeated`, `accepted_answer`, `rejected_answer`, `unknown`).
 */
export const labelledSteps = z.strictObject({
  id: z.string(),
  ...origin,
  trajectoryId: z.string(),
  messages: z.array(exampleMessage),
  tools: z.array(toolDefinition).exactOptional(),
  steps: z.array(z.strictObject({ message: z.number().int(), label: z.boolean().nullable(), why: z.string() })),
  accepted: z.boolean(),
  reason: rejectionReason.nullable(),
});
export type LabelledSteps = z.infer<typeof labelledSteps>;

/** A candidate with its end: accepted (it became an example), or rejected for `reason`. */
export const endedCandidate = z.strictObject({
  id: z.string(),
  ...origin,
  candidate,
  accepted: z.boolean(),
  reason: rejectionReason.nullable(),
});
export type EndedCandidate = z.infer<typeof endedCandidate>;

/** What each product's items are. */
export interface ProductItems {
  readonly sft: Example;
  readonly preference: PreferencePair;
  readonly kto: LabelledTry;
  readonly rl: RlTask;
  readonly steps: LabelledSteps;
  readonly trajectories: EndedCandidate;
}
