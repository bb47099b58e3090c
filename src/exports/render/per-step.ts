import type { Example, ExampleMessage } from "../../domain/example.ts";
import { contentId } from "../../domain/hash.ts";

/**
 * An example as one row for each message it trains: everything before it as context, and that message last. Thinking in the context is left
 * out: the model that said the message was not shown it either. An example of one trained message, the last, stays as it is.
 */
export function perStep(example: Example): readonly Example[] {
  const trained = example.messages.flatMap(({ train }, index) => (train ? [index] : []));
  if (trained.length === 1 && trained[0] === example.messages.length - 1) {
    const thinks = example.messages.slice(0, -1).some(({ reasoning }) => reasoning !== undefined);
    if (!thinks) return [example];
  }
  return trained.map((last) => {
    const messages = example.messages
      .slice(0, last + 1)
      .map((message, index): ExampleMessage => (index === last ? message : asContext(message)));
    return {
      ...example,
      id: contentId("example", { trajectory: example.trajectoryId, messages }),
      messages,
      transforms: [...example.transforms, "per_step"],
    };
  });
}

function asContext({ reasoning: _, ...message }: ExampleMessage): ExampleMessage {
  return { ...message, train: false };
}
