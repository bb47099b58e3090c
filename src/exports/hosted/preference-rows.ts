import type { PreferencePair } from "../../domain/products.ts";
import { type JsonObject, wireTools } from "../chat-line.ts";
import { type ChatStyle, chatMessage } from "./chat-rows.ts";

/**
 * A pair as the services take it: the conversation so far, and the two messages in which the tries first differ. None where one of these calls
 * a function or says nothing: the services compare text only.
 */
export function* preferenceRows(pair: PreferencePair, style: Omit<ChatStyle, "weight">): Generator<JsonObject> {
  const [chosen] = pair.chosen;
  const [rejected] = pair.rejected;
  if (chosen === undefined || rejected === undefined) return;
  for (const { content, toolCalls } of [chosen, rejected]) if (content === "" || toolCalls !== undefined) return;
  const tools = wireTools(pair);
  const plain = { weight: false, ...style };
  yield {
    input: {
      messages: pair.prompt.map((message) => chatMessage(message, plain)),
      ...(tools === null ? {} : { tools }),
    },
    preferred_output: [chatMessage(chosen, plain)],
    non_preferred_output: [chatMessage(rejected, plain)],
  };
}
