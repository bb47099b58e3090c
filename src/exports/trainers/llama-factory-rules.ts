// LF-R2 to LF-R4: what LLaMA-Factory takes of a ShareGPT line; others it skips with a warning that nobody reads.
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown } from "../chat-line.ts";
import { splitThinking } from "./rows.ts";

const asks = ["human", "observation"];
const answers = ["gpt", "function_call"];

/** The rules of a line with these columns. A preference line ends before the answer, so its conversation has an odd number of turns. */
export function llamaFactoryLine(columns: readonly string[]): (line: JsonObject) => LineProblem[] {
  const ranks = columns.includes("chosen");
  return (line) => {
    const problems: LineProblem[] = [];
    const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });
    const { conversations, tools } = line;
    if (!Array.isArray(conversations) || conversations.length === 0)
      report("LF-R2", "conversations", `Expected a list of turns, got ${shown(conversations)}`);
    else {
      // A system message may stand first.
      const [first] = conversations as unknown[];
      const from = isObject(first) && first.from === "system" ? 1 : 0;
      const turns = (conversations as unknown[]).slice(from);
      if ((turns.length % 2 === 1) !== ranks || turns.length === 0)
        report(
          "LF-R2",
          "conversations",
          `Expected an ${ranks ? "odd" : "even"} number of turns, got ${turns.length}: the line would be skipped`,
        );
      for (const [index, turn] of turns.entries()) {
        const wanted = index % 2 === 0 ? asks : answers;
        problems.push(...turnProblems(turn, { field: `conversations[${index + from}]`, wanted }));
      }
    }
    for (const key of ["chosen", "rejected"])
      if (columns.includes(key)) problems.push(...turnProblems(line[key], { field: key, wanted: answers }));
    if (columns.includes("label") && typeof line.label !== "boolean")
      report("LF-R2", "label", `Expected true or false, got ${shown(line.label)}`);
    if (tools !== undefined && tools !== null && !(typeof tools === "string" && isList(tools)))
      report("LF-R4", "tools", `Expected the JSON text of a list of functions, got ${shown(tools)}`);
    return problems;
  };
}

function isList(text: string): boolean {
  return text === "" || Array.isArray(parseJson(text));
}

function* turnProblems(
  turn: unknown,
  { field, wanted }: { readonly field: string; readonly wanted: readonly string[] },
): Generator<LineProblem> {
  if (!isObject(turn) || typeof turn.value !== "string") {
    yield { rule: "LF-R2", field, message: `Expected { from, value }, got ${shown(turn)}` };
    return;
  }
  if (!wanted.includes(String(turn.from)))
    yield {
      rule: "LF-R2",
      field: `${field}.from`,
      message: `Expected ${wanted.join(" or ")} here (turns alternate), got ${shown(turn.from)}: the line would be skipped`,
    };
  if (turn.from !== "function_call") return;
  const value = parseJson(splitThinking(turn.value).content);
  const calls: unknown[] = Array.isArray(value) ? value : [value];
  for (const call of calls)
    if (!isObject(call) || typeof call.name !== "string" || !isObject(call.arguments))
      yield {
        rule: "LF-R3",
        field: `${field}.value`,
        message: `Expected JSON { name, arguments } with arguments as an object, thinking before it at most, got ${shown(turn.value)}`,
      };
}
