import { isObject, type JsonObject, type LineProblem, shown, weightProblems } from "./chat-line.ts";

const roles = new Set<unknown>(["system", "user", "assistant", "tool"]);
const otherFormats = ["prompt", "completion", "text", "input", "preferred_output", "non_preferred_output"];

/** What one line breaks of TG-R4 to TG-R8 (Together AI, conversational format). */
export function togetherProblems(line: JsonObject): LineProblem[] {
  const problems: LineProblem[] = [];
  const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });

  for (const key of Object.keys(line)) {
    if (key === "messages" || key === "tools" || (key === "weight" && isSampleWeight(line.weight))) continue;
    const wayOut = otherFormats.includes(key) ? "one format per file: put it into a file of its own" : "remove it";
    report("TG-R4", key, `Expected the conversational format's columns messages and tools, got \`${key}\`; ${wayOut}`);
  }
  const { messages } = line;
  if (messages === undefined) {
    report("TG-R4", "messages", "Expected the column messages on every line, got none");
    return problems;
  }
  if (!Array.isArray(messages) || messages.length === 0) {
    report("TG-R5", "messages", `Expected a list of at least one message, got ${shown(messages)}`);
    return problems;
  }
  let previous: unknown;
  for (const [index, message] of (messages as unknown[]).entries()) {
    const field = `messages[${index}]`;
    if (!isObject(message)) {
      report("TG-R5", field, `Expected an object, got ${shown(message)}`);
      previous = undefined;
      continue;
    }
    if (!roles.has(message.role))
      report("TG-R5", `${field}.role`, `Expected system, user, assistant or tool, got ${shown(message.role)}`);
    if (typeof message.content !== "string")
      report("TG-R5", `${field}.content`, `Expected a string, got ${shown(message.content)}`);
    if (previous !== undefined && message.role === previous)
      report(
        "TG-R6",
        `${field}.role`,
        `Expected the roles to alternate, got ${shown(previous)} twice; join the messages`,
      );
    problems.push(...weightProblems("TG-R8", message, field));
    previous = message.role;
  }
  if (!(messages as unknown[]).some((message) => isObject(message) && message.role === "assistant"))
    report("TG-R7", "messages", "Expected at least one assistant message, got none");
  return problems;
}

function isSampleWeight(weight: unknown): boolean {
  return typeof weight === "number" && weight >= 0;
}
