// TR-R1 to TR-R3, R5 to R7: what TRL takes of a line.
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import type { JsonlRules, LineAt } from "../jsonl-check.ts";
import { objectMessageProblems } from "./rows.ts";

const forms = {
  messages: ["messages"],
  "prompt-completion": ["prompt", "completion"],
  text: ["text"],
  tokenised: ["input_ids"],
} as const;
const columns = [...Object.values(forms).flat(), "chosen", "rejected"];

/** The rules of a line of one of TRL's SFT forms. Made anew for each file: rows of one file have one form. */
export function trlLine(form: "messages" | "prompt-completion"): JsonlRules["line"] {
  return (line, at) => {
    const present = columns.filter((key) => key in line);
    const wanted: readonly string[] = forms[form];
    if (present.length !== wanted.length || wanted.some((key) => !(key in line)))
      return [
        {
          rule: "TR-R1",
          field: "",
          message: `Expected exactly one form, \`${form}\` (${wanted.join(", ")}), got ${present.join(" and ") || "none"}; one form a file`,
        },
      ];
    const problems = wanted.flatMap((key) => messageProblems(line[key], key));
    problems.push(...columnProblems(line, at));
    if (form === "messages") problems.push(...spokenProblems(line.messages), ...flagProblems(line.messages));
    if (form === "prompt-completion") problems.push(...completionProblems(line, ["completion"]));
    return problems;
  };
}

/** TR-R5: with `assistant_only_loss` TRL stops at a row without an assistant message. */
function* spokenProblems(messages: unknown): Generator<LineProblem> {
  if (!Array.isArray(messages) || messages.length === 0) return;
  if ((messages as unknown[]).some((message) => isObject(message) && message.role === "assistant")) return;
  yield { rule: "TR-R5", field: "messages", message: "Expected an assistant message to train, got none; drop the row" };
}

/** Messages, or text where a form has prompts. */
function messageProblems(value: unknown, at: string): LineProblem[] {
  if (typeof value === "string" && at !== "messages") return [];
  return [...objectMessageProblems(value, { shape: "TR-R1", object: "TR-R2", at })];
}

/** What columns beside the messages break: TR-R2 and R3. */
function* columnProblems(line: JsonObject, { first }: Pick<LineAt, "first">): Generator<LineProblem> {
  yield* toolProblems(line.tools, first.tools);
  const { chat_template_kwargs: given } = line;
  if (
    given === undefined ? "chat_template_kwargs" in first : !isObject(given) || first.chat_template_kwargs === undefined
  )
    yield {
      rule: "TR-R3",
      field: "chat_template_kwargs",
      message: `Expected an object on every line or on none, got ${shown(given)}: datasets fills it with null, and TRL stops there`,
    };
}

/** TR-R2, R3: functions are a list or its JSON text; text survives files whose rows differ. */
function* toolProblems(tools: unknown, first: unknown): Generator<LineProblem> {
  if (tools === undefined || tools === null || (typeof tools === "string" && Array.isArray(parseJson(tools)))) return;
  const told = (rule: string, message: string, severity: LineProblem["severity"] = "error") =>
    ({ rule, field: "tools", message, severity }) as const;
  if (!Array.isArray(tools)) yield told("TR-R2", `Expected a list of functions or its JSON text, got ${shown(tools)}`);
  else if (JSON.stringify(tools) !== JSON.stringify(first))
    yield told(
      "TR-R3",
      "Expected tools as JSON text where lines differ in them, got a list: one struct is made of all, filled with nulls",
    );
  else
    yield told(
      "TR-R3",
      "Expected tools as JSON text: as a list they are read as a rigid struct, and filled with nulls where rows differ",
      "warning",
    );
}

/** TR-R7: TRL reads no flag by message; one that says "no loss" would be trained all the same. */
function* flagProblems(messages: unknown): Generator<LineProblem> {
  for (const [index, message] of (Array.isArray(messages) ? (messages as unknown[]) : []).entries())
    for (const flag of ["weight", "train", "loss"])
      if (isObject(message) && flag in message)
        yield {
          rule: "TR-R7",
          field: `messages[${index}].${flag}`,
          message: `Expected no loss flag, got \`${flag}\`: TRL ignores it; write \`trl-steps\`, a row for each trained message`,
        };
}

/** TR-R6: loss falls on every token after the prompt, so what stands there is the assistant's. */
function* completionProblems(line: JsonObject, keys: readonly string[]): Generator<LineProblem> {
  for (const key of keys) {
    const messages = line[key];
    if (Array.isArray(line.prompt) !== Array.isArray(messages))
      yield {
        rule: "TR-R1",
        field: key,
        message: `Expected prompt and ${key} both as messages or both as text, got one of each`,
      };
    for (const [index, message] of (Array.isArray(messages) ? (messages as unknown[]) : []).entries())
      if (!isObject(message) || message.role !== "assistant")
        yield {
          rule: "TR-R6",
          field: `${key}[${index}].role`,
          message: `Expected assistant messages only in what is trained, got ${shown(isObject(message) ? message.role : message)}; it belongs into the prompt`,
        };
  }
}

/** The rules of a line of a preference form: a prompt and what is compared under each key, and a boolean `label` where it has one. */
export function trlPreferenceLine(keys: readonly string[], { label }: { readonly label: boolean }): JsonlRules["line"] {
  return (line, at) => {
    const problems = keys.flatMap((key) => messageProblems(line[key], key));
    problems.push(
      ...columnProblems(line, at),
      ...completionProblems(
        line,
        keys.filter((key) => key !== "prompt"),
      ),
    );
    if (label && typeof line.label !== "boolean")
      problems.push({ rule: "TR-R1", field: "label", message: `Expected true or false, got ${shown(line.label)}` });
    return problems;
  };
}

/** The rules of a line of stepwise supervision: as many labels as completions. */
export function trlStepwiseLine({ prompt, completions, labels }: JsonObject): LineProblem[] {
  const problems: LineProblem[] = [];
  const report = (field: string, message: string) => problems.push({ rule: "TR-R1", field, message });
  if (typeof prompt !== "string") report("prompt", `Expected text, got ${shown(prompt)}`);
  if (!Array.isArray(completions) || !(completions as unknown[]).every((one) => typeof one === "string"))
    report("completions", `Expected a list of texts, got ${shown(completions)}`);
  else if (!Array.isArray(labels) || labels.length !== completions.length)
    report("labels", `Expected a label for each of ${completions.length} completions, got ${shown(labels)}`);
  else if (!(labels as unknown[]).every((one) => typeof one === "boolean"))
    report("labels", `Expected true or false each, got ${shown(labels)}`);
  return problems;
}
