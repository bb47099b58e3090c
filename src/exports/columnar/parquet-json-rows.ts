import { z } from "zod";
import type { Conversation, ExampleMessage } from "../../domain/example.ts";
import type { LineProblem } from "../chat-line.ts";
import { exampleProblems } from "../problems.ts";
import type { Row } from "./parquet-format.ts";

const tool = z.object({
  type: z.literal("function"),
  function: z.object({ name: z.string(), description: z.string(), parameters: z.record(z.string(), z.unknown()) }),
});
const call = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({
    name: z.string(),
    arguments: z.record(z.string(), z.unknown(), "Expected arguments as an object, as chat templates read them"),
  }),
});
const message = z.object({
  role: z.enum(["system", "user", "assistant", "tool"]),
  content: z.string(),
  reasoning_content: z.string().optional(),
  tool_calls: z.array(call).optional(),
  tool_call_id: z.string().optional(),
  weight: z.union([z.literal(0), z.literal(1)]).optional(),
});
const row = z.object({ messages: z.array(message), tools: z.array(tool).nullish() });

/** A row of the profile `parquet-json`. */
export type JsonRow = Row & { readonly messages: readonly object[] };

/** A row as the conversation it holds; an assistant message without a weight trains. Null for one of another shape. */
export function jsonConversation(value: unknown): Conversation | null {
  const read = row.safeParse(value);
  return read.success ? conversationOf(read.data) : null;
}

/** PQ-R2 for a row of another shape, and the canonical rules of a conversation. */
export function jsonRowProblems(value: Row): LineProblem[] {
  const read = row.safeParse(value);
  if (!read.success)
    return read.error.issues.map(({ path, message }) => ({ rule: "PQ-R2", field: path.join("."), message }));
  const named = Object.fromEntries(["group", "taskId", "queryId", "trajectoryId"].map((name) => [name, "unknown"]));
  const ids = named as Record<"group" | "taskId" | "queryId" | "trajectoryId", string>;
  const field = typeof value.id === "string" ? value.id : "";
  return exampleProblems({ ...conversationOf(read.data), ...ids, id: "unknown", transforms: [] }).map((problem) => ({
    ...problem,
    field,
  }));
}

function conversationOf({ messages, tools }: z.output<typeof row>): Conversation {
  return {
    messages: messages.map(messageOf),
    ...(tools === null || tools === undefined ? {} : { tools: tools.map((each) => each.function) }),
  };
}

function messageOf(read: z.output<typeof message>): ExampleMessage {
  const { role, content, reasoning_content: reasoning, tool_calls: calls, tool_call_id: toolCallId, weight } = read;
  return {
    ...{ role, content, train: role === "assistant" && weight !== 0 },
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(calls === undefined ? {} : { toolCalls: calls.map(toolCallOf) }),
    ...(toolCallId === undefined ? {} : { toolCallId }),
  };
}

function toolCallOf({ id, function: { name, arguments: given } }: z.output<typeof call>) {
  return { id, name, arguments: JSON.stringify(given) };
}
