import type { SchemaElement } from "hyparquet";
import type { CheckOptions, Exporter } from "../../contracts.ts";
import type { RlTask } from "../../domain/products.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import { checkParquet } from "./parquet-check.ts";
import { writeParquet } from "./parquet-file.ts";
import { type Column, flag, integer, list, struct, text } from "./parquet-schema.ts";

interface Row {
  readonly task: RlTask;
  readonly index: number;
}

// One physical type for each column in all rows, and no struct without a field: Parquet has none.
const columns: readonly Column<Row>[] = [
  { elements: [text("data_source")], value: ({ task }) => `tracemill/${task.dataset}` },
  {
    elements: list("prompt", struct("element", [text("role")], [text("content")])),
    value: ({ task }) => task.prompt.map(({ role, content }) => ({ role, content })),
    statistics: false,
  },
  { elements: [text("ability")], value: () => "data_science" },
  {
    elements: struct("reward_model", [text("style")], [text("ground_truth")], [text("metric")], [text("params")]),
    value: ({ task: { reference } }) => ({
      style: "rule",
      ground_truth: reference.file === undefined ? reference.answer : `sha256:${reference.file.sha256}`,
      metric: reference.metric,
      params: JSON.stringify(reference.params),
    }),
    statistics: false,
  },
  {
    elements: struct(
      "extra_info",
      [text("split")],
      [integer("index", "INT64")],
      [text("task_id")],
      [text("group")],
      [text("difficulty")],
      [integer("tried", "INT64")],
      [integer("accepted", "INT64")],
      [flag("need_tools_kwargs")],
      struct("tools_kwargs", struct("python", struct("create_kwargs", list("files", [text("element")])))),
    ),
    value: ({ task, index }) => ({
      split: "train",
      index: BigInt(index),
      task_id: task.id,
      group: task.group,
      difficulty: task.difficulty,
      tried: BigInt(task.tried),
      accepted: BigInt(task.accepted),
      need_tools_kwargs: true,
      tools_kwargs: { python: { create_kwargs: { files: task.files.map(({ name }) => name) } } },
    }),
    statistics: false,
  },
  { elements: [text("agent_name")], value: () => "tool_agent" },
];

/** Prompts longer than this verl leaves out at its own default; the configs that we write set the real one. */
const mostPromptTokens = 32_768;

/**
 * verl's RL rows (VR-R1..R5): the prompt as the rollouts asked it, the reference answer with the metric that compares it, the data files as
 * arguments of the tool. The reward function is the user's: docs/products.md says what the metrics do.
 */
export function verlRlExporter(): Exporter<RlTask> {
  return {
    name: "verl-rl",
    about: "verl RL: prompts with reference, metric and data files",
    product: "rl",
    fileName: "verl-rl.parquet",
    write(tasks, path, options = {}) {
      let index = 0;
      return writeParquet<RlTask, Row>(tasks, path, {
        ...options,
        rows: (task) => [{ task, index: index++ }],
        layout: {
          name: "verl-rl",
          charactersOf: ({ task }) => task.prompt.reduce((sum, { content }) => sum + content.length, 0),
          columns: () => columns,
        },
      });
    },
    check(path, options = {}) {
      const seen = new Set<bigint>();
      return checkParquet(path, { schema: schemaProblems, row: (row) => rowProblems(row, { seen, options }) });
    },
  };
}

const needed = ["data_source", "prompt", "ability", "reward_model", "extra_info"];

/** VR-R1, VR-R3: the five columns are there, the prompt as structs, the ground truth as text. */
function schemaProblems(elements: readonly SchemaElement[]): LineProblem[] {
  const names = new Set(elements.map(({ name }) => name));
  const problems: LineProblem[] = needed
    .filter((name) => !names.has(name))
    .map((name) => ({ rule: "VR-R1", field: name, message: `Expected the column \`${name}\`, got none` }));
  const prompt = elements.findIndex(({ name }) => name === "prompt");
  if (prompt !== -1 && (elements[prompt + 2]?.num_children ?? 0) === 0)
    problems.push({
      rule: "VR-R1",
      field: "prompt",
      message: "Expected a list of structs { role, content }, got another type; write the format `verl-rl`",
    });
  const truth = elements.find(({ name }) => name === "ground_truth");
  if (truth !== undefined && truth.converted_type !== "UTF8" && truth.logical_type?.type !== "STRING")
    problems.push({
      rule: "VR-R3",
      field: "reward_model.ground_truth",
      message: `Expected text in all rows, got ${truth.converted_type ?? truth.type ?? "a group"}; write numbers as text`,
    });
  return problems;
}

function rowProblems(
  row: JsonObject,
  { seen, options }: { readonly seen: Set<bigint>; readonly options: CheckOptions },
): LineProblem[] {
  const problems: LineProblem[] = [];
  const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });
  const prompt: unknown[] = Array.isArray(row.prompt) ? row.prompt : [];
  if (prompt.length === 0) report("VR-R1", "prompt", `Expected a list of messages, got ${shown(row.prompt)}`);
  const truth = isObject(row.reward_model) ? row.reward_model.ground_truth : undefined;
  if (typeof truth !== "string") report("VR-R3", "reward_model.ground_truth", `Expected text, got ${shown(truth)}`);
  const index = isObject(row.extra_info) ? row.extra_info.index : undefined;
  const whole = typeof index === "bigint" ? index : Number.isInteger(index) ? BigInt(index as number) : null;
  if (whole === null) report("VR-R4", "extra_info.index", "Expected a whole number, got none");
  else if (seen.has(whole)) report("VR-R4", "extra_info.index", `Expected an index of its own, got ${whole} again`);
  else seen.add(whole);
  const { renderer, maxTokens = mostPromptTokens } = options;
  if (renderer !== undefined && prompt.every(isMessage)) {
    const tokens = renderer.count({ messages: prompt.map((message) => ({ ...message, train: false })) });
    if (tokens > maxTokens)
      report("VR-R2", "prompt", `Expected at most ${maxTokens} tokens, got ${tokens}: verl would leave the row out`);
  }
  return problems;
}

function isMessage(value: unknown): value is { role: "system" | "user"; content: string } {
  return isObject(value) && (value.role === "system" || value.role === "user") && typeof value.content === "string";
}
