// TR-R1 to TR-R3, R6, R7: what TRL takes of a line.
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import { objectMessageProblems } from "./rows.ts";

const forms = {
  messages: ["messages"],
  "prompt-completion": ["prompt", "completion"],
  text: ["text"],
  tokenised: ["input_ids"],
} as const;

/** The rules of a line of one of TRL's SFT forms. Made anew for each file: rows of one file have one form. */
export function trlLine(form: "messages" | "prompt-completion"): (line: JsonObject) => LineProblem[] {
  return (line) => {
    const problems: LineProblem[] = [];
    const present = Object.entries(forms).filter(([, keys]) => keys.every((key) => key in line));
    if (present.length !== 1 || present[0]?.[0] !== form) {
      const got = present.map(([name]) => name).join(" and ") || "none";
      problems.push({
        rule: "TR-R1",
        field: "",
        message: `Expected exactly one form, \`${form}\` (${forms[form].join(", ")}), got ${got}; one form a file`,
      });
      return problems;
    }
    for (const key of forms[form]) problems.push(...messageProblems(line[key], key));
    problems.push(...toolProblems(line.tools));
    if (form === "messages") problems.push(...flagProblems(line.messages));
    if (form === "prompt-completion") problems.push(...completionProblems(line));
    return problems;
  };
}

function messageProblems(value: unknown, at: string): LineProblem[] {
  return [...objectMessageProblems(value, { shape: "TR-R1", object: "TR-R2", at })];
}

/** TR-R2, R3: functions are a list or its JSON text; text survives files whose rows differ. */
function toolProblems(tools: unknown): LineProblem[] {
  if (tools === undefined || tools === null) return [];
  if (Array.isArray(tools))
    return [
      {
        rule: "TR-R3",
        field: "tools",
        message:
          "Expected tools as JSON text: as a list they are read as a rigid struct, and filled with nulls where rows differ",
        severity: "warning",
      },
    ];
  if (typeof tools === "string" && Array.isArray(parseJson(tools))) return [];
  return [
    { rule: "TR-R2", field: "tools", message: `Expected a list of functions or its JSON text, got ${shown(tools)}` },
  ];
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

/** TR-R6: loss falls on the completion, so it is the assistant's. */
function* completionProblems({ prompt, completion }: JsonObject): Generator<LineProblem> {
  const last: unknown = Array.isArray(completion) ? completion[0] : undefined;
  if (Array.isArray(completion) && (!isObject(last) || last.role !== "assistant"))
    yield {
      rule: "TR-R6",
      field: "completion[0].role",
      message: `Expected the completion to begin with an assistant message, got ${shown(isObject(last) ? last.role : last)}`,
    };
  if (Array.isArray(prompt) !== Array.isArray(completion))
    yield {
      rule: "TR-R1",
      field: "completion",
      message: "Expected prompt and completion both as messages or both as text, got one of each",
    };
}

/** The rules of a line of a preference form: messages under each key, and a boolean `label` where it has one. */
export function trlPreferenceLine(
  keys: readonly string[],
  { label }: { readonly label: boolean },
): (line: JsonObject) => LineProblem[] {
  return (line) => {
    const problems = [...keys.flatMap((key) => messageProblems(line[key], key)), ...toolProblems(line.tools)];
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
