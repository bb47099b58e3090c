import type { CheckOptions, Exporter } from "../../contracts.ts";
import type { PreferencePair } from "../../domain/products.ts";
import { fractionalWeight, isObject, type JsonObject, type LineProblem, shown, weightProblems } from "../chat-line.ts";
import type { JsonlRules } from "../jsonl-check.ts";
import { exampleFormat, jsonlFormat } from "../jsonl-format.ts";
import { chatRow, readChat } from "./chat-rows.ts";
import { preferenceRows } from "./preference-rows.ts";
import { inputMessages, preferenceProblems } from "./preference-rules.ts";

const roles = new Set<unknown>(["system", "user", "assistant", "tool"]);
/** Tokens; what is longer is cut. */
const mostTokens = 32_768;
const mostRows = 3_000_000;

/** Fireworks' supervised format (FW-R1..R6). */
export function fireworksExporter(): Exporter {
  return exampleFormat({
    name: "fireworks",
    about: "Fireworks supervised fine-tuning: chat lines with weights, calls and thinking",
    fileName: "fireworks.jsonl",
    rows: (example) => [chatRow(example, { weight: true, reasoning: "reasoning_content" })],
    rules: fireworksRules,
    conversation: readChat,
  });
}

function fireworksRules({ reasoning = false }: CheckOptions): JsonlRules {
  let weighted: boolean | null = null;
  let expanded = 0;
  return {
    lines: "FW-R1",
    rows: { rule: "FW-R1", fewest: 3, most: mostRows },
    argumentsAsText: true,
    length: { rule: "FW-R5", most: mostTokens },
    line(line, { text }) {
      const has = "weight" in line;
      weighted ??= has;
      if (thinkingTurns(line) > 1) expanded += thinkingTurns(line);
      return [
        ...fractionalWeight(text, ["FW-R3"]),
        ...fireworksMessageProblems(line.messages, "messages"),
        ...rootWeightProblems(line, { weighted, has }),
      ];
    },
    end: () =>
      reasoning && expanded > 0
        ? [
            {
              rule: "FW-R6",
              field: "messages",
              message: `Conversations with thinking in several turns are made into one example a turn by the service: ${expanded} of them here, each with all that stands before it; the bill grows with that`,
              severity: "warning",
            },
          ]
        : [],
  };
}

/** Assistant messages with thinking: the service makes an example of each. */
export function thinkingTurns({ messages }: JsonObject): number {
  if (!Array.isArray(messages)) return 0;
  return (messages as unknown[]).filter((message) => isObject(message) && typeof message.reasoning_content === "string")
    .length;
}

function* rootWeightProblems(
  line: JsonObject,
  { weighted, has }: { readonly weighted: boolean; readonly has: boolean },
): Generator<LineProblem> {
  const rule = "FW-R4";
  if (has && typeof line.weight !== "number")
    yield { rule, field: "weight", message: `Expected a number as the example's weight, got ${shown(line.weight)}` };
  if (has !== weighted) {
    const first = weighted ? "one" : "none";
    yield {
      rule,
      field: "weight",
      message: `Expected \`weight\` on all lines or on none; the first line has ${first}`,
    };
  }
}

/** What messages break of FW-R2 and FW-R3; `at` is their field. */
function fireworksMessageProblems(messages: unknown, at: string): LineProblem[] {
  if (!Array.isArray(messages) || messages.length === 0)
    return [{ rule: "FW-R2", field: at, message: `Expected a list of at least one message, got ${shown(messages)}` }];
  const problems: LineProblem[] = [];
  const report = (field: string, message: string) => problems.push({ rule: "FW-R2", field, message });
  for (const [index, message] of (messages as unknown[]).entries()) {
    const field = `${at}[${index}]`;
    if (!isObject(message)) {
      report(field, `Expected an object, got ${shown(message)}`);
      continue;
    }
    if (!roles.has(message.role))
      report(`${field}.role`, `Expected system, user, assistant or tool, got ${shown(message.role)}`);
    if (message.role === "system" && index > 0)
      report(`${field}.role`, "Expected a system message first or not at all; move it to the front");
    problems.push(...weightProblems("FW-R3", message, field));
  }
  return problems;
}

/** Fireworks' preference format for DPO (FW-R9). */
export function fireworksPreferenceExporter(): Exporter<PreferencePair> {
  return jsonlFormat<PreferencePair>({
    name: "fireworks-dpo",
    about: "Fireworks preference fine-tuning (DPO): the messages in which two tries first differ",
    product: "preference",
    fileName: "fireworks-dpo.jsonl",
    rows: (pair) => preferenceRows(pair, { reasoning: null }),
    rules: () => ({
      lines: "FW-R1",
      rows: { rule: "FW-R9", fewest: 3, most: mostRows },
      line: (line) => [
        ...preferenceProblems(line, { columns: "FW-R9", outputs: "FW-R9", single: true }),
        ...fireworksMessageProblems(inputMessages(line) ?? [], "input.messages"),
      ],
    }),
  });
}
