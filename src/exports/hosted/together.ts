import type { CheckOptions, Exporter } from "../../contracts.ts";
import type { Example } from "../../domain/example.ts";
import type { PreferencePair } from "../../domain/products.ts";
import { fractionalWeight, isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import type { JsonlRules } from "../jsonl-check.ts";
import { exampleFormat, jsonlFormat } from "../jsonl-format.ts";
import { chatRow, readChat } from "./chat-rows.ts";
import { preferenceRows } from "./preference-rows.ts";
import { inputMessages, preferenceProblems } from "./preference-rules.ts";
import { imageRule, togetherMessageProblems, togetherProblems } from "./together-rules.ts";

/** As the documentation says; the service's older clients had less. */
const mostBytes = 100 * 1000 ** 3;
const file = {
  lines: "TG-R1",
  bytes: { rule: "TG-R3", most: mostBytes },
  rows: { rule: "TG-R2", fewest: 1 },
} as const;

/** Together AI's conversational format (TG-R1..R9, R11, R13). `mostBytes`: the size that the service takes, which has moved before. */
export function togetherExporter(limits: { readonly mostBytes?: number } = {}): Exporter {
  const bytes = { rule: "TG-R3", most: limits.mostBytes ?? mostBytes };
  return exampleFormat({
    name: "together",
    about: "Together AI, conversational: chat lines with weights, calls and thinking",
    fileName: "together.jsonl",
    rows: (example) => [chatRow(example, { weight: true, reasoning: "reasoning_content" })],
    rules: (options) => ({ ...conversationalRules(options), bytes }),
    conversation: readChat,
  });
}

function conversationalRules({ reasoning = false }: CheckOptions): JsonlRules {
  const images = imageRule();
  return {
    ...file,
    argumentsAsText: true,
    line: (line, { text }) => [
      ...fractionalWeight(text, ["TG-R8"]),
      ...togetherProblems(line),
      ...images(line),
      ...(reasoning ? reasoningProblems(line) : []),
    ],
  };
}

/** TG-R13: a model that reasons is trained on the last assistant message of a line alone, and wants thinking there. */
function reasoningProblems({ messages }: JsonObject): LineProblem[] {
  if (!Array.isArray(messages)) return [];
  const said = (messages as unknown[]).filter((message) => isObject(message) && message.role === "assistant");
  const earlier = said.slice(0, -1).filter((message) => isObject(message) && message.weight !== 0).length;
  const last = said.at(-1);
  const problems: LineProblem[] = [];
  if (earlier > 0)
    problems.push({
      rule: "TG-R13",
      field: "messages",
      message:
        `Expected the last assistant message alone to carry loss (only it is trained on a model that reasons), got ${earlier} before it; ` +
        "export one row a step: `export.perStep: true`",
    });
  if (isObject(last) && last.reasoning_content === undefined && last.reasoning === undefined)
    problems.push({
      rule: "TG-R13",
      field: "messages",
      message:
        "Expected thinking (`reasoning_content`) in the last assistant message of a model that reasons, got none",
      severity: "warning",
    });
  return problems;
}

const instructionColumns = ["prompt", "completion"];

/**
 * Together AI's instruction format: `prompt` and `completion`. Only an example that is one question and one answer, without a system prompt or
 * calls, can be said so; a conversation with a sandbox has no row here, for joining its messages would invent a template.
 */
export function togetherInstructionExporter(): Exporter {
  return exampleFormat({
    name: "together-instruction",
    about: "Together AI, instruction: prompt and completion, of examples with a single exchange",
    fileName: "together-instruction.jsonl",
    rows: instructionRows,
    rules: () => ({ ...file, line: instructionProblems }),
    conversation({ prompt, completion }) {
      if (typeof prompt !== "string" || typeof completion !== "string") return null;
      return {
        messages: [
          { role: "user", content: prompt, train: false },
          { role: "assistant", content: completion, train: true },
        ],
      };
    },
  });
}

function* instructionRows({ messages, tools }: Example): Generator<JsonObject> {
  const [asked, answer, ...rest] = messages;
  if (asked?.role !== "user" || answer?.role !== "assistant" || rest.length > 0 || tools !== undefined) return;
  if (answer.reasoning === undefined && answer.train) yield { prompt: asked.content, completion: answer.content };
}

function instructionProblems(line: JsonObject): LineProblem[] {
  const problems: LineProblem[] = [];
  for (const key of Object.keys(line))
    if (!instructionColumns.includes(key))
      problems.push({
        rule: "TG-R4",
        field: key,
        message: `Expected the instruction format's columns prompt and completion, got \`${key}\`; remove it`,
      });
  for (const key of instructionColumns)
    if (typeof line[key] !== "string")
      problems.push({ rule: "TG-R4", field: key, message: `Expected text, got ${shown(line[key])}` });
  return problems;
}

/** Together AI's preference format for DPO (TG-R10). */
export function togetherPreferenceExporter(): Exporter<PreferencePair> {
  return jsonlFormat<PreferencePair>({
    name: "together-preference",
    about: "Together AI, preference (DPO): the messages in which two tries first differ",
    product: "preference",
    fileName: "together-preference.jsonl",
    rows: (pair) => preferenceRows(pair, { reasoning: null }),
    rules: () => ({
      ...file,
      line(line) {
        const problems = preferenceProblems(line, { columns: "TG-R4", outputs: "TG-R10", single: true });
        const messages = inputMessages(line);
        return messages === null ? problems : [...problems, ...togetherMessageProblems(messages, "input.messages")];
      },
    }),
  });
}
