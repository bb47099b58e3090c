// What the services ask of a preference line: `input`, `preferred_output`, `non_preferred_output`.
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";

/** How a service numbers and narrows these rules. */
export interface PreferenceRules {
  /** Its number for the columns of a line. */
  readonly columns: string;
  /** Its number for what the outputs and the end of the input are. */
  readonly outputs: string;
  /** Assistant messages in each output: exactly one, or one and more with the answers of tools between them. */
  readonly single: boolean;
}

const columns = ["input", "preferred_output", "non_preferred_output"];

/** What one preference line breaks; the messages of `input` are the service's own affair (`inputMessages`). */
export function preferenceProblems(line: JsonObject, rules: PreferenceRules): LineProblem[] {
  const problems: LineProblem[] = [];
  const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });
  for (const key of Object.keys(line))
    if (!columns.includes(key)) {
      const wayOut = key === "tools" ? "put it into `input`" : "remove it";
      report(rules.columns, key, `Expected only ${columns.join(", ")}, got \`${key}\`; ${wayOut}`);
    }
  for (const key of columns)
    if (!(key in line)) report(rules.columns, key, `Expected the column \`${key}\` on every line, got none`);

  const messages = inputMessages(line);
  if (messages === null || messages.length === 0)
    report(rules.columns, "input.messages", `Expected a list of at least one message, got ${shown(line.input)}`);
  else {
    const last = messages.at(-1);
    if (isObject(last) && last.role === "assistant")
      report(
        rules.outputs,
        `input.messages[${messages.length - 1}].role`,
        "Expected the input to end before the answer, got an assistant message last; move it into the outputs",
      );
  }
  for (const key of ["preferred_output", "non_preferred_output"]) {
    const output = line[key];
    if (output === undefined) continue;
    if (!Array.isArray(output) || output.length === 0) {
      report(rules.outputs, key, `Expected a list of messages, got ${shown(output)}`);
      continue;
    }
    if (rules.single && output.length !== 1)
      report(rules.outputs, key, `Expected exactly one assistant message, got ${output.length} messages`);
    for (const problem of outputProblems(output as unknown[], { key, rules })) problems.push(problem);
  }
  return problems;
}

function* outputProblems(
  output: readonly unknown[],
  { key, rules }: { readonly key: string; readonly rules: PreferenceRules },
): Generator<LineProblem> {
  const allowed = rules.single ? ["assistant"] : ["assistant", "tool"];
  const rule = rules.outputs;
  for (const [index, message] of output.entries()) {
    const field = `${key}[${index}]`;
    if (!isObject(message)) {
      yield { rule, field, message: `Expected a message, got ${shown(message)}` };
      continue;
    }
    if (typeof message.role !== "string" || !allowed.includes(message.role))
      yield { rule, field: `${field}.role`, message: `Expected ${allowed.join(" or ")}, got ${shown(message.role)}` };
    if (typeof message.content !== "string" || (rules.single && message.content === ""))
      yield { rule, field: `${field}.content`, message: `Expected text, got ${shown(message.content)}` };
    if (rules.single && message.tool_calls !== undefined)
      yield { rule, field: `${field}.tool_calls`, message: "Expected text only, got a call; leave the pair out" };
  }
  if (!output.some((message) => isObject(message) && message.role === "assistant"))
    yield { rule, field: key, message: "Expected at least one assistant message, got none" };
}

/** The messages of a preference line's input; null where there are none to read. */
export function inputMessages(line: JsonObject): readonly unknown[] | null {
  return isObject(line.input) && Array.isArray(line.input.messages) ? (line.input.messages as unknown[]) : null;
}
