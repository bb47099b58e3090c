import type { Exporter } from "../../contracts.ts";
import type { Conversation, Example } from "../../domain/example.ts";
import { isObject, type JsonObject, type LineProblem, shown, wireTools } from "../chat-line.ts";
import type { JsonlRules } from "../jsonl-check.ts";
import { exampleFormat } from "../jsonl-format.ts";
import { perStep } from "../render/per-step.ts";
import {
  conversationOf,
  objectMessageProblems,
  objectMessages,
  readMessages,
  readToolsOrText,
  trainsWhole,
} from "./rows.ts";

function row(conversation: Conversation): JsonObject {
  const tools = wireTools(conversation);
  return { messages: objectMessages(conversation.messages), ...(tools === null ? {} : { tools }) };
}

function rules(): JsonlRules {
  return { lines: "NM-R1", rows: { rule: "NM-R1", fewest: 1 }, length: { rule: "NM-R4" }, prefixes: "NM-R5", line };
}

function line({ messages }: JsonObject): LineProblem[] {
  const problems = [...objectMessageProblems(messages, { shape: "NM-R1", object: "NM-R3", at: "messages" })];
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  if (Array.isArray(messages) && (!isObject(last) || last.role !== "assistant"))
    problems.push({
      rule: "NM-R2",
      field: `messages[${messages.length - 1}].role`,
      message: `Expected an assistant message last, got ${shown(isObject(last) ? last.role : last)}`,
    });
  return problems;
}

const read = (value: JsonObject) => conversationOf(readMessages(value.messages), readToolsOrText(value.tools));

/** NeMo-RL's openai_format with `use_preserving_dataset: true` (NM-R1..R5). Every assistant message is trained: an example with a masked one has no row here, and all of its rows in `nemo-rl-steps`. */
export function nemoExporter(): Exporter {
  return exampleFormat({
    name: "nemo-rl",
    about: "NeMo-RL SFT (openai_format): examples whose every assistant message is trained",
    fileName: "nemo-rl.jsonl",
    rows: (example: Example) => (trainsWhole(example) ? [row(example)] : []),
    rules,
    conversation: read,
  });
}

/** The same with a row for each trained message, for `only_unmask_final: true`. */
export function nemoStepsExporter(): Exporter {
  return exampleFormat({
    name: "nemo-rl-steps",
    about: "NeMo-RL SFT (openai_format), a row for each trained message, for only_unmask_final: true",
    fileName: "nemo-rl-steps.jsonl",
    rows: (example) => perStep(example).map(row),
    rules,
    conversation(value) {
      const whole = read(value);
      if (whole === null) return null;
      const last = whole.messages.length - 1;
      return { ...whole, messages: whole.messages.map((message, index) => ({ ...message, train: index === last })) };
    },
  });
}
