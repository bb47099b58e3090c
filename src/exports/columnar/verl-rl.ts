import { basename } from "node:path";
import type { Exporter, WriteOptions } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import { sha256 } from "../../domain/hash.ts";
import type { RlTask } from "../../domain/products.ts";
import { type BatchLimits, charactersOf } from "./batches.ts";
import { type Layout, parquetFormat } from "./parquet-format.ts";
import { checkParquet } from "./parquet-read.ts";
import { type Column, flag, int64, list, struct, text } from "./schema.ts";
import { verlRlRules } from "./verl-rl-rules.ts";

/**
 * Parquet of tasks for verl's reinforcement learning: `data_source`, `prompt`, `ability`, `reward_model` and `extra_info`, and `agent_name`
 * where functions are offered. `extra_info.index` is made of the task's id: unique over all files of a run.
 */
export function verlRlExporter(limits?: BatchLimits): Exporter<RlTask> {
  return parquetFormat<RlTask>({
    name: "verl-rl",
    about: "tasks with their reference answers, for verl's reinforcement learning",
    product: "rl",
    fileName: "verl-rl.parquet",
    limits,
    weigh: ({ prompt }) => charactersOf(prompt),
    layout,
    check: (path, options = {}) => checkParquet(path, verlRlRules(path, options)),
  });
}

function columnsFor(functions: readonly string[]): Column[] {
  const statistics = false;
  const created = (name: string) => struct(name, struct("create_kwargs", list("files", text("element"))));
  return [
    { elements: text("data_source") },
    { elements: list("prompt", struct("element", text("role"), text("content"))), statistics },
    { elements: text("ability") },
    { elements: struct("reward_model", text("style"), text("ground_truth")), statistics },
    {
      elements: struct(
        "extra_info",
        ...[text("split"), int64("index"), flag("need_tools_kwargs")],
        // A struct without fields cannot be written: where nothing is offered the key is not there.
        ...(functions.length === 0 ? [] : [struct("tools_kwargs", ...functions.map(created))]),
        ...[text("metric"), text("metric_params"), text("reference_file_sha256")],
        list("files", struct("element", text("name"), text("sha256"), int64("bytes"))),
        ...["task_id", "query_id", "group", "difficulty", "scaffold"].map((name) => text(name)),
        ...[int64("tried"), int64("accepted")],
      ),
      statistics,
    },
    ...(functions.length === 0 ? [] : [{ elements: text("agent_name") }]),
  ];
}

const offered = ({ tools = [] }: RlTask) => tools.map(({ name }) => name).sort();

type RlLayout = Layout<RlTask> & { readonly functions: readonly string[] };

function layout(
  batch: readonly RlTask[],
  before: Layout<RlTask> | null,
  _: WriteOptions<RlTask>,
  path: string,
): RlLayout {
  const functions = (before as RlLayout | null)?.functions ?? (batch[0] === undefined ? [] : offered(batch[0]));
  for (const task of batch)
    if (offered(task).join() !== functions.join())
      throw new UsageError(
        `Expected tasks that offer the same functions in one verl-rl file (${functions.join(", ") || "none"}), got ${task.id} with ${offered(task).join(", ") || "none"}: run the scaffolds apart`,
      );
  const split = /^(train|validation|test)-/.exec(basename(path))?.[1] ?? "train";
  return { functions, columns: columnsFor(functions), row: (task) => rowOf(task, functions, split) };
}

function rowOf(task: RlTask, functions: readonly string[], split: string) {
  const strange = task.prompt.find(
    ({ role, toolCalls }) => !["system", "user"].includes(role) || toolCalls !== undefined,
  );
  if (strange !== undefined)
    throw new Error(`Task ${task.id} has a ${strange.role} message in its prompt, which verl-rl has no place for`);
  const files = task.files.map(({ name }) => name);
  return {
    data_source: `tracemill/${task.dataset}`,
    prompt: task.prompt.map(({ role, content }) => ({ role, content })),
    ability: "data_science",
    reward_model: { style: "rule", ground_truth: task.reference.answer },
    extra_info: {
      split,
      index: indexOf(task.id),
      need_tools_kwargs: functions.length > 0,
      ...(functions.length === 0
        ? {}
        : { tools_kwargs: Object.fromEntries(functions.map((name) => [name, { create_kwargs: { files } }])) }),
      metric: task.reference.metric,
      metric_params: JSON.stringify(task.reference.params),
      reference_file_sha256: task.reference.file?.sha256 ?? null,
      files: task.files.map(({ name, sha256: hash, bytes }) => ({ name, sha256: hash, bytes: BigInt(bytes) })),
      task_id: task.taskId,
      query_id: task.queryId,
      group: task.group,
      difficulty: task.difficulty,
      scaffold: task.scaffold,
      tried: BigInt(task.tried),
      accepted: BigInt(task.accepted),
    },
    ...(functions.length === 0 ? {} : { agent_name: "tool_agent" }),
  };
}

/** The first 52 bits of the id's hash, so that every reader holds it exactly. */
const indexOf = (id: string): bigint => BigInt(`0x${sha256(id).slice(0, 13)}`);
