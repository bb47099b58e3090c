// Messages as trainers that render chat templates take them: arguments as objects, thinking apart. And what several trainers' rules share.
import type { Conversation, Example, ExampleMessage } from "../../domain/example.ts";
import type { ToolCall, ToolDefinition } from "../../domain/trajectory.ts";
import { wireTool } from "../../domain/wire-calls.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import { readMessage, readTools } from "../hosted/chat-rows.ts";
import { argumentsOf } from "../render/template-messages.ts";

/** How a trainer writes messages. `flag`: the key of the loss flag, and the messages that carry it. */
export interface ObjectStyle {
  readonly flag?: { readonly name: string; readonly on: "assistant" | "all" };
  /** Arguments as JSON text instead of an object. */
  readonly argumentsAsText?: boolean;
}

/** Messages with arguments as objects, `reasoning_content`, and the name of the function on its answer. */
export function objectMessages(messages: readonly ExampleMessage[], style: ObjectStyle = {}): JsonObject[] {
  const names = new Map<string, string>();
  return messages.map(({ role, content, reasoning, toolCalls, toolCallId, train }) => {
    for (const { id, name } of toolCalls ?? []) names.set(id, name);
    const { flag } = style;
    return {
      role,
      ...(toolCallId === undefined ? {} : { name: names.get(toolCallId) ?? "", tool_call_id: toolCallId }),
      content,
      ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
      ...(toolCalls === undefined ? {} : { tool_calls: toolCalls.map((call) => objectCall(call, style)) }),
      ...(flag !== undefined && (flag.on === "all" || role === "assistant") ? { [flag.name]: train } : {}),
    };
  });
}

function objectCall({ id, name, arguments: text }: ToolCall, { argumentsAsText = false }: ObjectStyle): JsonObject {
  return { id, type: "function", function: { name, arguments: argumentsAsText ? text : argumentsOf(text) } };
}

/** The functions as JSON text: a column of text is never filled with nulls where rows differ (TR-R3). */
export function toolsText(tools: readonly ToolDefinition[] | undefined): string | null {
  return tools === undefined || tools.length === 0 ? null : JSON.stringify(tools.map(wireTool));
}

/** Messages read back, every assistant message trained unless its flag says otherwise; null where they are none. */
export function readMessages(value: unknown, flag?: string): ExampleMessage[] | null {
  if (!Array.isArray(value)) return null;
  const messages = (value as unknown[]).map((one): ExampleMessage | null => {
    const message = readMessage(one);
    if (message === null || flag === undefined || !isObject(one)) return message;
    return { ...message, train: message.role === "assistant" && one[flag] !== false };
  });
  return messages.includes(null) ? null : (messages as ExampleMessage[]);
}

/** Functions read back from a list or its JSON text; undefined where there are none, null where it is none of these. */
export function readToolsOrText(value: unknown): ToolDefinition[] | null | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") return readTools(value);
  try {
    return readTools(JSON.parse(value));
  } catch {
    return null; // No JSON is no list of functions.
  }
}

/** A conversation of messages and functions; null where either could not be read. */
export function conversationOf(
  messages: ExampleMessage[] | null,
  tools: ToolDefinition[] | null | undefined,
): Conversation | null {
  if (messages === null || tools === null) return null;
  return { messages, ...(tools === undefined ? {} : { tools }) };
}

/** Whether a trainer that trains every assistant message trains this example as it is meant: no assistant message is masked. */
export function trainsWhole({ messages }: Pick<Example, "messages">): boolean {
  return messages.every(({ role, train }) => role !== "assistant" || train);
}

/** Thinking as trainers without a place of its own for it take it: a block before the text. */
export function withThinking(reasoning: string | undefined, text: string): string {
  return reasoning === undefined ? text : `<think>\n${reasoning}\n</think>\n\n${text}`;
}

/** A text's thinking block and the rest of it. */
export function splitThinking(text: string): { readonly reasoning?: string; readonly content: string } {
  const [whole, reasoning] = /^<think>\n?([\s\S]*?)\n?<\/think>\s*/.exec(text) ?? [];
  return whole === undefined || reasoning === undefined
    ? { content: text }
    : { reasoning, content: text.slice(whole.length) };
}

/** What messages with arguments as objects break, under a trainer's numbers. */
export function* objectMessageProblems(
  value: unknown,
  { shape, object, at }: { readonly shape: string; readonly object: string; readonly at: string },
): Generator<LineProblem> {
  if (!Array.isArray(value) || value.length === 0) {
    yield { rule: shape, field: at, message: `Expected a list of at least one message, got ${shown(value)}` };
    return;
  }
  for (const [index, message] of (value as unknown[]).entries()) {
    const field = `${at}[${index}]`;
    if (!isObject(message) || !["system", "user", "assistant", "tool"].includes(String(message.role))) {
      const got = isObject(message) ? message.role : message;
      yield {
        rule: shape,
        field: `${field}.role`,
        message: `Expected system, user, assistant or tool, got ${shown(got)}`,
      };
      continue;
    }
    if (typeof message.content !== "string")
      yield { rule: shape, field: `${field}.content`, message: `Expected a string, got ${shown(message.content)}` };
    if (message.tool_calls === undefined || message.tool_calls === null) continue;
    const calls: unknown[] = Array.isArray(message.tool_calls) ? message.tool_calls : [message.tool_calls];
    for (const [call, made] of calls.entries()) {
      const given = isObject(made) && isObject(made.function) ? made.function : made;
      if (isObject(given) && typeof given.name === "string" && isObject(given.arguments)) continue;
      const got = isObject(given) ? given.arguments : given;
      const wayOut = typeof got === "string" ? "; write the object itself, templates would encode the text again" : "";
      yield {
        rule: object,
        field: `${field}.tool_calls[${call}].function.arguments`,
        message: `Expected an object, got ${shown(got)}${wayOut}`,
      };
    }
  }
}
