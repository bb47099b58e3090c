import type { Exporter } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import type { Example, ExampleMessage } from "../../domain/example.ts";
import { wireTools } from "../chat-line.ts";
import { refusingBroken } from "../problems.ts";
import { type BatchLimits, charactersOf, type Parts, partsOf } from "./batches.ts";
import { type ArgumentCells, argumentColumns, cellOf, columnOf } from "./json-columns.ts";
import { type Layout, parquetFormat } from "./parquet-format.ts";
import { argumentsOf } from "./parquet-json.ts";
import { checkParquet } from "./parquet-read.ts";
import { type Column, type Elements, flag, list, struct, text } from "./schema.ts";
import { verlConversation, verlSftRules } from "./verl-sft-rules.ts";

/**
 * Parquet for verl's multi-turn SFT: `messages` and `tools` as physical lists of structs, `enable_thinking` where there is reasoning. verl
 * trains every assistant message (VE-R4), so an example with a masked one has no row here.
 */
export function verlSftExporter(limits?: BatchLimits): Exporter {
  return verlSft("verl-sft", "examples without masked steps, for verl's multi-turn SFT", false, limits);
}

/** The same with every example and a field `trainable` in each message, which only newer copies of verl obey (its pull request 5472). */
export function verlSftTrainableExporter(limits?: BatchLimits): Exporter {
  return verlSft("verl-sft-trainable", "examples with `trainable`, for copies of verl that obey it", true, limits);
}

function verlSft(name: string, about: string, trainable: boolean, limits?: BatchLimits): Exporter {
  return parquetFormat<Example>({
    ...{ name, about, fileName: `${name}.parquet`, limits },
    weigh: ({ messages }) => charactersOf(messages),
    guard: refusingBroken,
    layout: (batch, before) => layoutOf(batch, before as SftLayout | null, trainable),
    check: (path, options = {}) => checkParquet(path, verlSftRules(options, trainable)),
    conversation: verlConversation,
  });
}

type SftLayout = Layout<Example> & { readonly parts: Parts; readonly tools: string };

function layoutOf(batch: readonly Example[], before: SftLayout | null, trainable: boolean): SftLayout {
  const parts = partsOf(batch, before?.parts ?? null);
  const offered = (example: Example) => JSON.stringify(wireTools(example));
  const tools = before?.tools ?? (batch[0] === undefined ? "null" : offered(batch[0]));
  for (const example of batch)
    if (offered(example) !== tools)
      throw new UsageError(
        `Expected examples that offer the same functions in one verl file, got ${example.id} with others: run the scaffolds apart`,
      );
  if (before !== null) return before;
  const { calls, cells } = callColumns(batch[0]);
  const message = struct(
    "element",
    ...[text("role"), text("content")],
    ...(parts.reasoning ? [text("reasoning_content")] : []),
    ...calls,
    ...(trainable ? [flag("trainable")] : []),
  );
  const statistics = false;
  const columns: Column[] = [
    { elements: list("messages", message), statistics },
    ...(tools === "null" ? [] : [{ elements: columnOf("tools", JSON.parse(tools), "tools"), statistics } as const]),
    ...(parts.reasoning ? [{ elements: flag("enable_thinking"), statistics } as const] : []),
    ...["id", "group", "task_id", "query_id", "trajectory_id"].map((name) => ({ elements: text(name) })),
  ];
  const row = (example: Example) => {
    const masked = example.messages.some(({ role, train }) => role === "assistant" && !train);
    if (masked && !trainable) return null;
    const messages = example.messages.map((each) => messageCell(each, example.id, { parts, trainable, cells }));
    if (messages.includes(null)) return null;
    return {
      messages,
      ...(tools === "null" ? {} : { tools: cellOf(wireTools(example)) }),
      ...(parts.reasoning
        ? { enable_thinking: example.messages.some(({ reasoning }) => reasoning !== undefined) }
        : {}),
      ...{ id: example.id, group: example.group, task_id: example.taskId },
      ...{ query_id: example.queryId, trajectory_id: example.trajectoryId },
    };
  };
  return { parts, tools, columns, row };
}

/** The fields of calls by the one function that is offered. @throws {UsageError} for several, whose arguments would be filled up with each other's as nulls. */
function callColumns(example: Example | undefined): { calls: Elements[]; cells: ArgumentCells } {
  const [tool, ...others] = example?.tools ?? [];
  if (tool === undefined) return { calls: [], cells: () => null };
  if (others.length > 0)
    throw new UsageError(
      `Expected one function in a verl file, got ${others.length + 1}: their arguments would be filled up with nulls; export in a JSONL format`,
    );
  const { elements, cells } = argumentColumns(tool.name, tool.parameters);
  const call = struct("element", text("id"), text("type"), struct("function", text("name"), elements));
  return { calls: [list("tool_calls", call), text("tool_call_id")], cells };
}

function messageCell(
  message: ExampleMessage,
  id: string,
  { parts, trainable, cells }: { readonly parts: Parts; readonly trainable: boolean; readonly cells: ArgumentCells },
) {
  const calls = message.toolCalls?.map((call) => ({ ...call, given: cells(argumentsOf(call.arguments, id)) })) ?? null;
  // A field that is missing would be read as null, and written into the prompt.
  if (calls?.some(({ given }) => given === null)) return null;
  return {
    role: message.role,
    content: message.content,
    ...(parts.reasoning ? { reasoning_content: message.reasoning ?? null } : {}),
    ...(parts.calls
      ? {
          tool_calls:
            calls?.map(({ id: callId, name, given }) => ({
              ...{ id: callId, type: "function" },
              function: { name, arguments: given },
            })) ?? null,
          tool_call_id: message.toolCallId ?? null,
        }
      : {}),
    ...(trainable ? { trainable: message.train } : {}),
  };
}
