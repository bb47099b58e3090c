import { z } from "zod";
import type { LineProblem } from "./chat-line.ts";
import { exampleProblems } from "./problems.ts";

const row = z.strictObject({
  id: z.string(),
  messages: z.array(
    z.strictObject({
      role: z.enum(["system", "user", "assistant"]),
      content: z.string(),
      weight: z.union([z.literal(0), z.literal(1), z.null()]),
    }),
  ),
  group: z.string(),
  task_id: z.string(),
  query_id: z.string(),
  trajectory_id: z.string(),
  transforms: z.array(z.string()),
});

/** What a row read back from Parquet or Arrow breaks: its shape (under `shapeRule`), the canonical rules, and C7 for the weights. */
export function rowProblems(value: unknown, shapeRule: string): LineProblem[] {
  const read = row.safeParse(value);
  if (!read.success)
    return read.error.issues.map((issue) => ({ rule: shapeRule, field: issue.path.join("."), message: issue.message }));
  const { id, messages, group, transforms } = read.data;
  const problems = exampleProblems({
    id,
    group,
    transforms,
    messages: messages.map(({ role, content, weight }) => ({ role, content, train: weight === 1 })),
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
