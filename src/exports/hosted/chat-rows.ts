// Conversations as OpenAI's chat format writes them, and the reading of such lines: the ground of every hosted format.
import type { Conversation, ExampleMessage } from "../../domain/example.ts";
import type { Message, ToolCall, ToolDefinition } from "../../domain/trajectory.ts";
import { isObject, type JsonObject, wireCalls, wireTools } from "../chat-line.ts";

/** How a service writes a message: whether assistant messages carry `weight`, and under which key their thinking stands (null: it has no place for it). */
export interface ChatStyle {
  readonly weight: boolean;
  readonly reasoning: "reasoning_content" | "reasoning" | null;
}

/** A message in that style. Keys in one order: role, content, thinking, calls, the answered call, weight. */
export function chatMessage(message: Message & { readonly train?: boolean }, style: ChatStyle): JsonObject {
  const { role, content, reasoning, toolCallId, train } = message;
  const calls = wireCalls(message);
  return {
    role,
    content,
    ...(style.reasoning === null || reasoning === undefined ? {} : { [style.reasoning]: reasoning }),
    ...(calls === null ? {} : { tool_calls: calls }),
    ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
    ...(style.weight && role === "assistant" ? { weight: train === false ? 0 : 1 } : {}),
  };
}

/** A conversation's line: `messages`, and `tools` where functions were offered. */
export function chatRow(conversation: Conversation, style: ChatStyle): JsonObject {
  const tools = wireTools(conversation);
  return {
    messages: conversation.messages.map((message) => chatMessage(message, style)),
    ...(tools === null ? {} : { tools }),
  };
}

const roles = new Set<unknown>(["system", "user", "assistant", "tool"]);

/** A line read back; a message without `weight` counts as trained, as the services count it. Null where it is no conversation. */
export function readChat(line: JsonObject): Conversation | null {
  if (!Array.isArray(line.messages)) return null;
  const messages = (line.messages as unknown[]).map(readMessage);
  const tools = line.tools === undefined ? undefined : readTools(line.tools);
  if (messages.includes(null) || tools === null) return null;
  return { messages: messages as ExampleMessage[], ...(tools === undefined ? {} : { tools }) };
}

/** A chat message read back; null for what is none. */
export function readMessage(value: unknown): ExampleMessage | null {
  if (!isObject(value)) return null;
  const role = value.role === "developer" ? "system" : value.role;
  if (!roles.has(role)) return null;
  const content = value.content ?? "";
  if (typeof content !== "string") return null;
  const reasoning = value.reasoning_content ?? value.reasoning;
  const calls = value.tool_calls === undefined || value.tool_calls === null ? [] : readCalls(value.tool_calls);
  if (calls === null) return null;
  return {
    role: role as ExampleMessage["role"],
    content,
    ...(typeof reasoning === "string" ? { reasoning } : {}),
    ...(calls.length === 0 ? {} : { toolCalls: calls }),
    ...(typeof value.tool_call_id === "string" ? { toolCallId: value.tool_call_id } : {}),
    train: role === "assistant" && value.weight !== 0,
  };
}

/** Calls read back, whether their arguments are text or an object; null where one is no call. */
export function readCalls(value: unknown): ToolCall[] | null {
  if (!Array.isArray(value)) return null;
  const calls = (value as unknown[]).map((call): ToolCall | null => {
    if (!isObject(call) || !isObject(call.function) || typeof call.function.name !== "string") return null;
    const { name, arguments: given } = call.function;
    const text = typeof given === "string" ? given : JSON.stringify(given ?? {});
    return { id: typeof call.id === "string" ? call.id : "", name, arguments: text };
  });
  return calls.includes(null) ? null : (calls as ToolCall[]);
}

/** Functions read back; null where one is none. */
export function readTools(value: unknown): ToolDefinition[] | null {
  if (!Array.isArray(value)) return null;
  const tools = (value as unknown[]).map((tool): ToolDefinition | null => {
    if (!isObject(tool) || !isObject(tool.function) || typeof tool.function.name !== "string") return null;
    const { name, description, parameters } = tool.function;
    return {
      name,
      description: typeof description === "string" ? description : "",
      parameters: isObject(parameters) ? parameters : {},
    };
  });
  return tools.includes(null) ? null : (tools as ToolDefinition[]);
}
