import type { Companion, Exporter } from "../../contracts.ts";
import type { Conversation, Example, ExampleMessage } from "../../domain/example.ts";
import type { LabelledTry, PreferencePair } from "../../domain/products.ts";
import { parseJson } from "../../domain/reply-json.ts";
import type { ToolCall, ToolDefinition } from "../../domain/trajectory.ts";
import { isObject, type JsonObject } from "../chat-line.ts";
import type { JsonlRules } from "../jsonl-check.ts";
import { exampleFormat, jsonlFormat } from "../jsonl-format.ts";
import { perStep } from "../render/per-step.ts";
import { argumentsOf } from "../render/template-messages.ts";
import { datasetInfoProblems } from "./dataset-info.ts";
import { llamaFactoryLine } from "./llama-factory-rules.ts";
import { conversationOf, splitThinking, trainsWhole, withThinking } from "./rows.ts";

/** The seven tags; one that is left out counts as None (LF-R1). */
const tags = {
  role_tag: "from",
  content_tag: "value",
  user_tag: "human",
  assistant_tag: "gpt",
  observation_tag: "observation",
  function_tag: "function_call",
  system_tag: "system",
} as const;

type Turn = { readonly from: string; readonly value: string };

/** A message as ShareGPT has it; null where the format has no place for it: text beside a call, or several calls at once. */
function turnOf({ role, content, reasoning, toolCalls }: ExampleMessage): Turn | null {
  if (role === "user") return { from: tags.user_tag, value: content };
  if (role === "tool") return { from: tags.observation_tag, value: content };
  if (toolCalls === undefined) return { from: tags.assistant_tag, value: withThinking(reasoning, content) };
  const [call, ...more] = toolCalls;
  if (content !== "" || call === undefined || more.length > 0) return null;
  const made = JSON.stringify({ name: call.name, arguments: argumentsOf(call.arguments) });
  return { from: tags.function_tag, value: withThinking(reasoning, made) };
}

interface Shared {
  readonly conversations: Turn[];
  readonly system: string;
  readonly tools: string;
}

/**
 * Messages as a row; null where it has no place for one of them, or where questions and answers do not alternate up to `ends` (LF-R2).
 * `system` and `tools` are always there: the trainer reads every column of dataset_info.json, and fails on one that no row has.
 */
function sharegpt(
  messages: readonly ExampleMessage[],
  { tools = [], ends }: { readonly tools: readonly ToolDefinition[] | undefined; readonly ends: "answer" | "question" },
): Shared | null {
  const [first] = messages;
  const spoken = first?.role === "system" ? messages.slice(1) : messages;
  const turns = spoken.map(turnOf).filter((turn) => turn !== null);
  const alternates = spoken.every(({ role }, index) => (role === "assistant") === (index % 2 === 1));
  if (turns.length < spoken.length || !alternates || (spoken.length % 2 === 0) !== (ends === "answer")) return null;
  const functions = tools.map(({ name, description, parameters }) => ({ name, description, parameters }));
  return {
    conversations: turns,
    system: first?.role === "system" ? first.content : "",
    tools: functions.length === 0 ? "" : JSON.stringify(functions),
  };
}

function* wholeRows(example: Example): Generator<JsonObject> {
  const row = trainsWhole(example) ? sharegpt(example.messages, { tools: example.tools, ends: "answer" }) : null;
  if (row !== null) yield { ...row };
}

function* stepRows(example: Example): Generator<JsonObject> {
  for (const step of perStep(example)) {
    const row = sharegpt(step.messages, { tools: step.tools, ends: "answer" });
    if (row !== null) yield { ...row };
  }
}

const rules = (line: JsonlRules["line"]) => (): JsonlRules => ({
  lines: "LF-R2",
  rows: { rule: "LF-R2", fewest: 1 },
  length: { rule: "LF-R5" },
  line,
});

/** LLaMA-Factory's ShareGPT format (LF-R1..R6), for `train_on_prompt: false, mask_history: false`: every assistant turn is trained, so an example with a masked one has no row here and all of its rows in `llama-factory-steps`. */
export function llamaFactoryExporter(): Exporter {
  return withRegistry(
    exampleFormat({
      name: "llama-factory",
      about: "LLaMA-Factory SFT (ShareGPT): examples whose every assistant message is trained",
      fileName: "llama-factory.jsonl",
      rows: wholeRows,
      rules: rules(llamaFactoryLine(["conversations"])),
      conversation: (line) => readSharegpt(line),
      companions: (files) => [registry(files, {})],
    }),
  );
}

/** The same with a row for each trained message, for `mask_history: true` (LF-R7). */
export function llamaFactoryStepsExporter(): Exporter {
  return withRegistry(
    exampleFormat({
      name: "llama-factory-steps",
      about: "LLaMA-Factory SFT (ShareGPT), a row for each trained message, for mask_history: true",
      fileName: "llama-factory-steps.jsonl",
      rows: stepRows,
      rules: rules(llamaFactoryLine(["conversations"])),
      conversation(line) {
        const read = readSharegpt(line);
        if (read === null) return null;
        const last = read.messages.length - 1;
        return { ...read, messages: read.messages.map((message, index) => ({ ...message, train: index === last })) };
      },
      companions: (files) => [registry(files, {})],
    }),
  );
}

/** LLaMA-Factory's ranking format for DPO and its kin: the conversation, and the two messages in which the tries first differ. */
export function llamaFactoryPreferenceExporter(): Exporter<PreferencePair> {
  return withRegistry(
    jsonlFormat<PreferencePair>({
      name: "llama-factory-preference",
      about: "LLaMA-Factory ranking (DPO): the messages in which two tries first differ",
      product: "preference",
      fileName: "llama-factory-preference.jsonl",
      *rows({ prompt, chosen, rejected, tools }) {
        const row = sharegpt(withoutThinking(prompt), { tools, ends: "question" });
        const [better, worse] = [chosen, rejected].map(([first]) => (first === undefined ? null : turnOf(first)));
        if (row !== null && better && worse) yield { ...row, chosen: better, rejected: worse };
      },
      rules: rules(llamaFactoryLine(["conversations", "chosen", "rejected"])),
      companions: (files) => [registry(files, { ranking: true, columns: { chosen: "chosen", rejected: "rejected" } })],
    }),
    ["chosen", "rejected"],
  );
}

/** LLaMA-Factory's KTO format: a conversation and whether it is good. The trainer compares its last turn; all before is the prompt. */
export function llamaFactoryKtoExporter(): Exporter<LabelledTry> {
  return withRegistry(
    jsonlFormat<LabelledTry>({
      name: "llama-factory-kto",
      about: "LLaMA-Factory KTO (ShareGPT): each try with a label",
      product: "kto",
      fileName: "llama-factory-kto.jsonl",
      *rows({ messages, tools, label }) {
        const row = sharegpt([...withoutThinking(messages.slice(0, -1)), ...messages.slice(-1)], {
          tools,
          ends: "answer",
        });
        if (row !== null) yield { ...row, label };
      },
      rules: rules(llamaFactoryLine(["conversations", "label"])),
      companions: (files) => [registry(files, { columns: { kto_tag: "label" } })],
    }),
    ["label"],
  );
}

const withoutThinking = (messages: readonly ExampleMessage[]) =>
  messages.map(({ reasoning: _, ...message }) => message);

/** Its check looks at dataset_info.json beside the file as well (LF-R1). */
function withRegistry<Item>(exporter: Exporter<Item>, columns: readonly string[] = []): Exporter<Item> {
  return {
    ...exporter,
    check: async (path, options) => [
      ...(await exporter.check(path, options)),
      ...(await datasetInfoProblems(path, ["conversations", ...columns])),
    ],
  };
}

/** dataset_info.json beside the data: an entry for each file, every tag and column written out (LF-R1). Rows have every column. */
function registry(
  files: readonly { readonly file: string; readonly split: string }[],
  { columns = {}, ...more }: { readonly columns?: Readonly<Record<string, string>>; readonly ranking?: boolean },
): Companion {
  const entries = files.map(({ file, split }) => [
    nameOf(file, split),
    {
      file_name: file,
      formatting: "sharegpt",
      ...more,
      columns: { messages: "conversations", system: "system", tools: "tools", ...columns },
      tags,
    },
  ]);
  return { name: "dataset_info.json", text: `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n` };
}

/** What a file is called in dataset_info.json: letters, digits and underscores. */
function nameOf(file: string, split: string): string {
  const stem = file.replace(/\.jsonl$/, "").replaceAll(/[^A-Za-z0-9]+/g, "_");
  return stem.includes(split) || split === "train" ? stem : `${stem}_${split}`;
}

function readSharegpt({ conversations, system, tools }: JsonObject): Conversation | null {
  if (!Array.isArray(conversations)) return null;
  const messages: ExampleMessage[] = [];
  if (typeof system === "string" && system !== "") messages.push({ role: "system", content: system, train: false });
  let calls = 0;
  for (const turn of conversations as unknown[]) {
    if (!isObject(turn) || typeof turn.value !== "string") return null;
    const { from, value } = turn;
    if (from === tags.user_tag) messages.push({ role: "user", content: value, train: false });
    else if (from === tags.observation_tag)
      messages.push({ role: "tool", content: value, toolCallId: `call_${calls}`, train: false });
    else if (from === tags.assistant_tag) messages.push({ role: "assistant", ...splitThinking(value), train: true });
    else if (from === tags.function_tag) {
      const { content, ...thinking } = splitThinking(value);
      const toolCalls = readCalls(content, calls);
      if (toolCalls === null) return null;
      calls += toolCalls.length;
      messages.push({ role: "assistant", content: "", ...thinking, toolCalls, train: true });
    } else if (from === tags.system_tag && messages.length === 0)
      messages.push({ role: "system", content: value, train: false });
    else return null;
  }
  return conversationOf(messages, readFunctions(tools));
}

/** One call, or a list of them; null where it is neither. */
function readCalls(text: string, before: number): ToolCall[] | null {
  const value = parseJson(text);
  const given: unknown[] = Array.isArray(value) ? value : [value];
  const calls = given.map((call, index): ToolCall | null =>
    isObject(call) && typeof call.name === "string"
      ? { id: `call_${before + index + 1}`, name: call.name, arguments: JSON.stringify(call.arguments ?? {}) }
      : null,
  );
  return calls.length === 0 || calls.includes(null) ? null : (calls as ToolCall[]);
}

function readFunctions(text: unknown): ToolDefinition[] | null | undefined {
  if (text === undefined || text === null || text === "") return undefined;
  const value = typeof text === "string" ? parseJson(text) : text;
  if (!Array.isArray(value)) return null;
  const tools = (value as unknown[]).map((tool): ToolDefinition | null => {
    const given = isObject(tool) && isObject(tool.function) ? tool.function : tool;
    if (!isObject(given) || typeof given.name !== "string") return null;
    const { name, description, parameters } = given;
    return {
      name,
      description: typeof description === "string" ? description : "",
      parameters: isObject(parameters) ? parameters : {},
    };
  });
  return tools.includes(null) ? null : (tools as ToolDefinition[]);
}
