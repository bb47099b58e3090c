// OA-R12: lines for reinforcement fine-tuning, and the fields a grader asks of them.
import type { CheckOptions } from "../../contracts.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import type { JsonlRules } from "../jsonl-check.ts";

const rule = "OA-R12";
const roles = new Set<unknown>(["developer", "user", "assistant", "tool"]);

/** What a line of the reinforcement format breaks; with `graderFields`, that each of them stands on every line. */
export function reinforcementRules({ graderFields = [] }: CheckOptions): Pick<JsonlRules, "line"> {
  return { line: (line) => [...lineProblems(line), ...fieldProblems(line, graderFields)] };
}

function* lineProblems({ messages }: JsonObject): Generator<LineProblem> {
  if (!Array.isArray(messages) || messages.length === 0) {
    yield { rule, field: "messages", message: `Expected a list of at least one message, got ${shown(messages)}` };
    return;
  }
  for (const [index, message] of (messages as unknown[]).entries()) {
    const role = isObject(message) ? message.role : undefined;
    if (roles.has(role)) continue;
    const wayOut = role === "system" ? "; write developer instead" : "";
    yield {
      rule,
      field: `messages[${index}].role`,
      message: `Expected developer, user, assistant or tool, got ${shown(role)}${wayOut}`,
    };
  }
  const last: unknown = messages.at(-1);
  if (!isObject(last) || last.role !== "user")
    yield {
      rule,
      field: `messages[${messages.length - 1}].role`,
      message: `Expected a user message last (the model answers it), got ${shown(isObject(last) ? last.role : last)}`,
    };
}

function* fieldProblems(line: JsonObject, fields: readonly string[]): Generator<LineProblem> {
  for (const field of fields)
    if (!(field in line))
      yield { rule, field, message: `Expected the field that the grader reads as {{item.${field}}}, got none` };
}

/** The fields of a line that a grader's text names: `{{item.answer}}` gives `answer`. */
export function graderFieldsOf(grader: string): string[] {
  return [...new Set([...grader.matchAll(/\{\{\s*item\.([A-Za-z0-9_]+)/g)].map(([, name]) => name as string))];
}
