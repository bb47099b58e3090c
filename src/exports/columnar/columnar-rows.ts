import { z } from "zod";
import type { Conversation, ExampleMessage } from "../../domain/example.ts";
import type { ToolDefinition } from "../../domain/trajectory.ts";
import type { LineProblem } from "../chat-line.ts";
import { exampleProblems } from "../problems.ts";

const json = <T extends z.ZodType>(shape: T) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: "custom", message: "Expected JSON" });
        return z.NEVER;
      }
    })
    .pipe(shape);
const calls = json(
  z.array(
    z.strictObject({
      id: z.string(),
      type: z.literal("function"),
      function: z.strictObject({ name: z.string(), arguments: z.string() }),
    }),
  ),
);
const functions = json(
  z.array(
    z.strictObject({
      type: z.literal("function"),
      function: z.strictObject({
        name: z.string(),
        description: z.string(),
        parameters: z.record(z.string(), z.unknown()),
      }),
    }),
  ),
);

const row = z.strictObject({
  id: z.string(),
  messages: z.array(
    z.strictObject({
      role: z.enum(["system", "user", "assistant", "tool"]),
      content: z.string(),
      weight: z.union([z.literal(0), z.literal(1), z.null()]),
      reasoning: z.string().nullish(),
      tool_calls: calls.nullish(),
      tool_call_id: z.string().nullish(),
    }),
  ),
  group: z.string(),
  task_id: z.string(),
  query_id: z.string(),
  trajectory_id: z.string(),
  transforms: z.array(z.string()),
  tools: functions.nullish(),
});

/** What a row read back from Parquet or Arrow breaks: its shape (under `shapeRule`), the canonical rules, and C7 for the weights. */
export function rowProblems(value: unknown, shapeRule: string): LineProblem[] {
  const read = row.safeParse(value);
  if (!read.success)
    return read.error.issues.map((issue) => ({ rule: shapeRule, field: issue.path.join("."), message: issue.message }));
  const { id, messages, group, transforms, tools } = read.data;
  const problems = exampleProblems({
    id,
    group,
    transforms,
    messages: messages.map(messageOf),
    ...(tools === null || tools === undefined ? {} : { tools: tools.map((tool): ToolDefinition => tool.function) }),
    taskId: read.data.task_id,
    queryId: read.data.query_id,
    trajectoryId: read.data.trajectory_id,
  }).map((problem): LineProblem => ({ ...problem, field: id }));
  for (const [index, { role, weight }] of messages.entries())
    if ((role === "assistant") === (weight === null))
      problems.push({
        rule: "C7",
        field: `messages[${index}].weight`,
        message: `Expected 0 or 1 on assistant messages and null on others, got ${weight} on ${role}`,
      });
  return problems;
}

/** A row of Parquet or Arrow as the conversation it holds; null for one of another shape. */
export function conversationOf(value: unknown): Conversation | null {
  const read = row.safeParse(value);
  if (!read.success) return null;
  const { messages, tools } = read.data;
  return {
    messages: messages.map(messageOf),
    ...(tools === null || tools === undefined ? {} : { tools: tools.map((tool): ToolDefinition => tool.function) }),
  };
}

function messageOf(message: z.output<typeof row>["messages"][number]): ExampleMessage {
  const { role, content, weight, reasoning, tool_calls: made, tool_call_id: answered } = message;
  return {
    role,
    content,
    train: weight === 1,
    ...(reasoning === null || reasoning === undefined ? {} : { reasoning }),
    ...(made === null || made === undefined
      ? {}
      : { toolCalls: made.map((call) => ({ id: call.id, ...call.function })) }),
    ...(answered === null || answered === undefined ? {} : { toolCallId: answered }),
  };
}
