import type { Message } from "../domain/trajectory.ts";
import { wireCall } from "../domain/wire-calls.ts";
import type { Abilities, ReasoningForm } from "./abilities.ts";

/** A message as chat completions write it. A plain one is exactly `{ role, content }`; one of tool calls alone has `content: null`. */
export function wireMessage(
  message: Message,
  { sendsReasoning, toolCallExtra }: Pick<Abilities, "sendsReasoning" | "toolCallExtra">,
): Readonly<Record<string, unknown>> {
  const { role, content, reasoning, toolCalls = [], toolCallId } = message;
  const thought = reasoning === undefined || reasoning === "" ? null : reasoning;
  return {
    role,
    content: content === "" && toolCalls.length > 0 ? null : content,
    ...(thought === null ? {} : withReasoning(thought, content, sendsReasoning)),
    ...(toolCalls.length === 0
      ? {}
      : { tool_calls: toolCalls.map((call) => ({ ...wireCall(call), ...toolCallExtra })) }),
    ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
  };
}

function withReasoning(thought: string, content: string, form: ReasoningForm): Readonly<Record<string, unknown>> {
  switch (form) {
    case "none":
      return {};
    case "reasoning_content":
    case "reasoning":
      return { [form]: thought };
    case "think_tags":
      return { content: `<think>\n${thought}\n</think>\n\n${content}` };
    case "thinking_parts":
      return {
        content: [
          { type: "thinking", thinking: [{ type: "text", text: thought }] },
          ...(content === "" ? [] : [{ type: "text", text: content }]),
        ],
      };
  }
}
