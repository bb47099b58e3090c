import type { Conversation } from "../../domain/example.ts";
import { parseJson } from "../../domain/reply-json.ts";
import { wireTool } from "../../domain/wire-calls.ts";
import { isObject } from "../chat-line.ts";

/** A conversation as chat templates take it: arguments as objects, thinking as `reasoning_content`, the name of the function on its answer. */
export function templateInput({ messages, tools }: Conversation): Record<string, unknown> {
  const names = new Map<string, string>();
  const shaped = messages.map(({ role, content, reasoning, toolCalls, toolCallId }) => {
    for (const { id, name } of toolCalls ?? []) names.set(id, name);
    const name = toolCallId === undefined ? undefined : names.get(toolCallId);
    return {
      role,
      content,
      ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
      ...(toolCalls === undefined
        ? {}
        : {
            tool_calls: toolCalls.map((call) => ({
              id: call.id,
              type: "function",
              function: { name: call.name, arguments: argumentsOf(call.arguments) },
            })),
          }),
      ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
      ...(name === undefined ? {} : { name }),
    };
  });
  return { messages: shaped, ...(tools === undefined ? {} : { tools: tools.map(wireTool) }) };
}

/** A call's arguments as an object; text that is none stays text. */
export function argumentsOf(text: string): unknown {
  const value = parseJson(text);
  return isObject(value) ? value : text;
}
