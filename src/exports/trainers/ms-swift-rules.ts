// SW-R1 to SW-R3 and R5: what ms-swift takes of a line.
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";

const roles = ["system", "user", "assistant", "tool", "tool_call", "tool_response"];

/** The rules of a line; `rejected`: it holds a rejected try as well, `label`: it says whether its try is good. */
export function swiftLine({
  rejected,
  label,
}: {
  readonly rejected: boolean;
  readonly label: boolean;
}): (line: JsonObject) => LineProblem[] {
  return (line) => {
    const problems = [...messageProblems(line.messages, "messages")];
    for (const key of ["tools", "rejected_tools"]) {
      const value = line[key];
      if (value !== undefined && !(typeof value === "string" && Array.isArray(parseJson(value))))
        problems.push({
          rule: "SW-R2",
          field: key,
          message: `Expected the JSON text of a list of functions, got ${shown(value)}`,
        });
    }
    if (rejected) {
      if (typeof line.rejected_response !== "string")
        problems.push(...messageProblems(line.rejected_messages, "rejected_messages", "SW-R5"));
      if (line.tools !== undefined && line.rejected_messages !== undefined && line.rejected_tools === undefined)
        problems.push({
          rule: "SW-R5",
          field: "rejected_tools",
          message: "Expected `rejected_tools` beside `tools`, got none; write the same text",
        });
    }
    if (label && typeof line.label !== "boolean")
      problems.push({ rule: "SW-R5", field: "label", message: `Expected true or false, got ${shown(line.label)}` });
    return problems;
  };
}

function* messageProblems(value: unknown, at: string, list = "SW-R2"): Generator<LineProblem> {
  if (!Array.isArray(value) || value.length === 0) {
    yield { rule: list, field: at, message: `Expected a list of messages, got ${shown(value)}` };
    return;
  }
  let before: JsonObject | null = null;
  for (const [index, message] of (value as unknown[]).entries()) {
    const field = `${at}[${index}]`;
    if (!isObject(message) || typeof message.content !== "string" || !roles.includes(String(message.role))) {
      yield {
        rule: list,
        field,
        message: `Expected { role, content } with a role of ${roles.join(", ")}, got ${shown(message)}`,
      };
      before = null;
      continue;
    }
    const speaks = message.role === "assistant" || message.role === "tool_call";
    if ("loss" in message && (!speaks || typeof message.loss !== "boolean"))
      yield {
        rule: "SW-R1",
        field: `${field}.loss`,
        message: `Expected true or false, on assistant and tool_call messages only, got ${shown(message.loss)} on ${message.role}`,
      };
    if (message.role === "tool_call" && before?.role === "tool_call" && before.loss !== message.loss)
      yield {
        rule: "SW-R1",
        field: `${field}.loss`,
        message: "Expected one loss flag for calls in a row (only the first counts), got another",
      };
    if (message.role === "tool_call") {
      const call = parseJson(message.content);
      if (!isObject(call) || typeof call.name !== "string" || !isObject(call.arguments))
        yield {
          rule: "SW-R2",
          field: `${field}.content`,
          message: `Expected the JSON text of { name, arguments } with arguments as an object, got ${shown(message.content)}`,
        };
    }
    if ("loss_scale" in message && typeof message.loss_scale !== "number")
      yield {
        rule: "SW-R3",
        field: `${field}.loss_scale`,
        message: `Expected a number, got ${shown(message.loss_scale)}`,
      };
    else if ("loss_scale" in message)
      yield {
        rule: "SW-R3",
        field: `${field}.loss_scale`,
        message: "loss_scale by message needs ms-swift 4.2 or later, and above 1 `--is_binary_loss_scale false`",
        severity: "warning",
      };
    before = message;
  }
}
