import { z } from "zod";
import { ownPlace } from "./task.ts";
import { message, toolDefinition } from "./trajectory.ts";

/** A message of an example. `train` is the loss flag: true trains on it; always false unless the role is assistant. */
export const exampleMessage = message.extend({ train: z.boolean() });
export type ExampleMessage = z.infer<typeof exampleMessage>;

/** One line of training data. `group` is the source dataset's id: splits never cut through a group. */
export const example = z.strictObject({
  id: z.string(),
  messages: z.array(exampleMessage),
  /** The functions that were offered; absent where actions are text. */
  tools: z.array(toolDefinition).exactOptional(),
  group: z.string(),
  taskId: z.string(),
  queryId: z.string(),
  trajectoryId: z.string(),
  /** Named changes made to recorded text on the way here, in order; empty when the text is as recorded. */
  transforms: z.array(z.string()),
  /** Where the user's own question stood; absent where a model asked it. */
  own: ownPlace.optional(),
  /** True where the task had no reference answer: nothing told right from wrong. Absent otherwise. */
  unreferenced: z.literal(true).optional(),
});
export type Example = z.infer<typeof example>;

/** The part of an example that a trainer reads; also a row of a file that others made. */
export type Conversation = Pick<Example, "messages" | "tools">;
