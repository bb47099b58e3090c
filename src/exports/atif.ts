// Trajectories in the Agent Trajectory Interchange Format of the Harbor framework, version 1.5 (the first with tool definitions): one JSON object a line.
import { z } from "zod";
import type { Exporter } from "../contracts.ts";
import type { EndedCandidate } from "../domain/products.ts";
import type { Message } from "../domain/trajectory.ts";
import { wireTool } from "../domain/wire-calls.ts";
import type { LineProblem } from "./chat-line.ts";
import { jsonlFormat } from "./jsonl-format.ts";
import { argumentsOf } from "./render/template-messages.ts";

const version = "ATIF-v1.5";

const call = z.looseObject({
  tool_call_id: z.string(),
  function_name: z.string(),
  arguments: z.record(z.string(), z.unknown()),
});
const observation = z.looseObject({
  results: z.array(z.looseObject({ source_call_id: z.string().nullish(), content: z.string().nullish() })),
});
const step = z.looseObject({
  step_id: z.number().int().min(1),
  source: z.enum(["system", "user", "agent"]),
  message: z.string(),
  reasoning_content: z.string().exactOptional(),
  tool_calls: z.array(call).exactOptional(),
  observation: observation.exactOptional(),
});
const agent = z.looseObject({
  name: z.string(),
  version: z.string(),
  tool_definitions: z
    .array(z.looseObject({ type: z.literal("function"), function: z.looseObject({ name: z.string() }) }))
    .nullish(),
});
const trajectory = z.looseObject({
  schema_version: z.string().regex(/^ATIF-v1\.[0-5]$/, "Expected ATIF-v1.0 to ATIF-v1.5"),
  session_id: z.string().min(1),
  agent,
  steps: z.array(step).min(1),
});
type Step = z.infer<typeof step>;

/** Every try, accepted or rejected: its end stands in `extra`, with the ids that `tracemill why` takes. */
export function atifExporter(): Exporter<EndedCandidate> {
  return jsonlFormat<EndedCandidate>({
    name: "atif",
    about: `every try as a trajectory (${version}), accepted or rejected, with its reason`,
    product: "trajectories",
    fileName: "atif.jsonl",
    rows: (ended) => [rowOf(ended)],
    rules: () => ({ lines: "AT-R1", rows: { rule: "AT-R1", fewest: 1 }, line: lineProblems }),
  });
}

function rowOf({ id, candidate, group, dataset, taskId, queryId, accepted, reason }: EndedCandidate) {
  const { trajectory: made, scores } = candidate;
  const { inputTokens, outputTokens, cachedInputTokens, costUsd } = made.usage;
  return {
    schema_version: version,
    session_id: id,
    agent: {
      name: `tracemill/${made.scaffold}`,
      version: made.environment,
      model_name: made.model,
      ...(made.tools === undefined ? {} : { tool_definitions: made.tools.map(wireTool) }),
    },
    steps: stepsOf(made.messages, made.scaffold === "tools"),
    final_metrics: {
      total_prompt_tokens: inputTokens,
      total_completion_tokens: outputTokens,
      total_cached_tokens: cachedInputTokens,
      ...(costUsd === null ? {} : { total_cost_usd: costUsd }),
      total_steps: made.turns.length,
    },
    extra: {
      ...{ group, dataset, task_id: taskId, query_id: queryId, accepted, reason, exit: made.exit },
      submission: made.submission,
      scores: Object.fromEntries(scores.map(({ metric, value }) => [metric, value])),
    },
  };
}

/** Messages as steps: what answers a call is the observation of the step that called, and so is what a scaffold of text answers an action with. */
function stepsOf(messages: readonly Message[], native: boolean): Step[] {
  const steps: Step[] = [];
  for (const { role, content, reasoning, toolCalls, toolCallId } of messages) {
    const last = steps.at(-1);
    if (last?.source === "agent" && (role === "tool" || (role === "user" && !native))) {
      const results = [...(last.observation?.results ?? []), { source_call_id: toolCallId ?? null, content }];
      steps[steps.length - 1] = { ...last, observation: { results } };
      continue;
    }
    steps.push({
      step_id: steps.length + 1,
      source: role === "assistant" ? "agent" : role === "system" ? "system" : "user",
      message: content,
      ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
      ...(toolCalls === undefined
        ? {}
        : {
            tool_calls: toolCalls.map((made) => ({
              tool_call_id: made.id,
              function_name: made.name,
              arguments: objectOf(made.arguments),
            })),
          }),
    });
  }
  return steps;
}

function objectOf(text: string): Record<string, unknown> {
  const value = argumentsOf(text);
  return typeof value === "string" ? { text: value } : (value as Record<string, unknown>);
}

/**
 * AT-R1 the shape, AT-R2 steps count from 1, AT-R3 calls and thinking on agent steps only, observations on agent and system steps; an
 * observation that names a call names one of its step.
 */
function lineProblems(line: unknown): LineProblem[] {
  const read = trajectory.safeParse(line);
  if (!read.success)
    return read.error.issues.map(({ path, message }) => ({ rule: "AT-R1", field: path.join("."), message }));
  return read.data.steps.flatMap((one, index) => {
    const problems: LineProblem[] = [];
    const field = `steps[${index}]`;
    if (one.step_id !== index + 1)
      problems.push({ rule: "AT-R2", field: `${field}.step_id`, message: `Expected ${index + 1}, got ${one.step_id}` });
    const agentOnly = one.source === "agent" ? [] : ["tool_calls", "reasoning_content", "metrics", "model_name"];
    for (const name of one.source === "user" ? [...agentOnly, "observation"] : agentOnly)
      if (one[name] !== undefined && one[name] !== null)
        problems.push({
          rule: "AT-R3",
          field: `${field}.${name}`,
          message: `Expected no \`${name}\` on a ${one.source} step, got one; only an agent's step has it${name === "observation" ? ", or a system's" : ""}`,
        });
    const calls = new Set(one.tool_calls?.map(({ tool_call_id: id }) => id) ?? []);
    for (const { source_call_id: id } of one.observation?.results ?? [])
      if (id !== null && id !== undefined && !calls.has(id))
        problems.push({
          rule: "AT-R3",
          field: `${field}.observation`,
          message: `Expected the id of a call of this step, got \`${id}\``,
        });
    return problems;
  });
}
