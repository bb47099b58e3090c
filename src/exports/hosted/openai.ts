import type { CheckOptions, Exporter } from "../../contracts.ts";
import type { PreferencePair, RlTask } from "../../domain/products.ts";
import { fractionalWeight, isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import type { JsonlRules } from "../jsonl-check.ts";
import { exampleFormat, jsonlFormat } from "../jsonl-format.ts";
import { chatMessage, chatRow, readChat } from "./chat-rows.ts";
import { openaiMessageProblems, openaiProblems } from "./openai-rules.ts";
import { preferenceRows } from "./preference-rows.ts";
import { inputMessages, preferenceProblems } from "./preference-rules.ts";
import { reinforcementRules } from "./reinforcement-rules.ts";

const style = { weight: true, reasoning: null } as const;
const mostBytes = 512 * 1024 * 1024;
/** Training context of gpt-4o and gpt-4o-mini in tokens, as the supervised fine-tuning guide gave it. */
const mostTokens = 65_536;

/** OpenAI's supervised format (OA-R1..R10, R13). It has no place for thinking that was kept apart. */
export function openaiExporter(): Exporter {
  return exampleFormat({
    name: "openai",
    about: "OpenAI supervised fine-tuning: chat lines with weights and calls, no thinking",
    fileName: "openai.jsonl",
    rows: (example) => [chatRow(example, style)],
    rules: openaiRules,
    conversation: readChat,
  });
}

/** The rules of a supervised file, for OpenAI's own service. */
function openaiRules(): JsonlRules {
  return {
    lines: "OA-R1",
    bytes: { rule: "OA-R3", most: mostBytes },
    rows: { rule: "OA-R2", fewest: 10, advised: 50 },
    argumentsAsText: true,
    length: { rule: "OA-R10", most: mostTokens },
    line: (line, { text }) => [...fractionalWeight(text, ["OA-R7"]), ...openaiProblems(line)],
  };
}

/** Azure's form of it: the same lines behind a byte order mark (AZ-R1..R3, R5). */
export function azureExporter(): Exporter {
  return exampleFormat({
    name: "azure",
    about: "Azure OpenAI supervised fine-tuning: OpenAI's lines with a byte order mark",
    fileName: "azure.jsonl",
    bom: true,
    rows: (example) => [chatRow(example, style)],
    rules: () => ({
      ...openaiRules(),
      ...azureFile(),
      line: (line, { text }) => [
        ...fractionalWeight(text, ["OA-R7"]),
        ...openaiProblems(line),
        ...lastAnswerProblems(line),
      ],
    }),
    conversation: readChat,
  });
}

function azureFile() {
  return {
    lines: "OA-R1",
    bom: { rule: "AZ-R1", expected: true },
    bytes: { rule: "AZ-R2", most: mostBytes },
    rows: { rule: "AZ-R3", fewest: 10, advised: 50 },
  } satisfies Partial<JsonlRules>;
}

/** AZ-R5: the last message is an assistant's, and says something. */
function* lastAnswerProblems({ messages }: JsonObject): Generator<LineProblem> {
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  if (isObject(last) && last.role === "assistant" && typeof last.content === "string" && last.content !== "") return;
  yield {
    rule: "AZ-R5",
    field: "messages",
    message: `Expected an assistant message with text last, got ${shown(last)}; end the conversation with an answer`,
  };
}

/** OpenAI's preference format for DPO (OA-R11): one message of text against another. */
export function openaiPreferenceExporter(): Exporter<PreferencePair> {
  return jsonlFormat<PreferencePair>({
    name: "openai-dpo",
    about: "OpenAI preference fine-tuning (DPO): the messages in which two tries first differ",
    product: "preference",
    fileName: "openai-dpo.jsonl",
    rows: (pair) => preferenceRows(pair, { reasoning: null }),
    rules: () => ({ ...preferenceFile(), line: (line) => openaiPreferenceProblems(line, true) }),
  });
}

/** The same for Azure (AZ-R6). */
export function azurePreferenceExporter(): Exporter<PreferencePair> {
  return jsonlFormat<PreferencePair>({
    name: "azure-dpo",
    about: "Azure OpenAI preference fine-tuning (DPO): OpenAI's lines with a byte order mark",
    product: "preference",
    fileName: "azure-dpo.jsonl",
    bom: true,
    rows: (pair) => preferenceRows(pair, { reasoning: null }),
    rules: () => ({
      ...preferenceFile(),
      ...azureFile(),
      line: (line) => openaiPreferenceProblems(line, false),
    }),
  });
}

function preferenceFile() {
  return {
    lines: "OA-R1",
    bytes: { rule: "OA-R3", most: mostBytes },
    rows: { rule: "OA-R2", fewest: 10, advised: 50 },
  } satisfies Partial<JsonlRules>;
}

function openaiPreferenceProblems(line: JsonObject, single: boolean): LineProblem[] {
  const rules = { columns: "OA-R4", outputs: single ? "OA-R11" : "AZ-R6", single };
  const problems = preferenceProblems(line, rules);
  const messages = inputMessages(line);
  if (messages === null) return problems;
  const tools = isObject(line.input) ? line.input.tools : undefined;
  return [...problems, ...openaiMessageProblems({ messages, tools }, { at: "input.messages", trained: false })];
}

/** OpenAI's reinforcement format (OA-R12): what is asked, and the reference as fields that a grader reads as `{{item.reference_answer}}`. */
export function openaiReinforcementExporter(): Exporter<RlTask> {
  return jsonlFormat<RlTask>({
    name: "openai-rft",
    about: "OpenAI reinforcement fine-tuning: the question, with reference and metric for a grader",
    product: "rl",
    fileName: "openai-rft.jsonl",
    rows: (task) => [
      {
        messages: task.prompt.map((message) => {
          const row = chatMessage(message, { weight: false, reasoning: null });
          return row.role === "system" ? { ...row, role: "developer" } : row;
        }),
        task_id: task.id,
        reference_answer: task.reference.answer,
        metric: task.reference.metric,
        metric_params: JSON.stringify(task.reference.params),
      },
    ],
    rules: (options: CheckOptions) => ({ ...preferenceFile(), ...reinforcementRules(options) }),
  });
}
