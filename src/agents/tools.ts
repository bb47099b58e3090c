// Native tool calls: one function, `python`; the observation is the result of the call.
import type { ParsedMessage, Said, Scaffold } from "../contracts.ts";
import type { Message, ToolCall, ToolDefinition } from "../domain/trajectory.ts";
import { nudgeText, opening, turnsNotice, user } from "./notices.ts";
import { showStep } from "./observation.ts";
import {
  answering,
  fencedAnswer,
  fencesOf,
  findAnswer,
  masked,
  nothingSaid,
  spoken,
  thoughtOf,
  withoutReasoning,
  withoutThinking,
} from "./reading.ts";
import { readArguments, refusedArguments } from "./tool-arguments.ts";
import { findWrittenCall } from "./written-calls.ts";

const python: ToolDefinition = {
  name: "python",
  description:
    "Runs Python code in an interpreter whose variables stay alive between calls. Returns what the code prints, and the value of its last expression.",
  parameters: {
    type: "object",
    properties: { code: { type: "string", description: "The Python code to run." } },
    required: ["code"],
    additionalProperties: false,
  },
};

/** One call of the function `python` a message, or a message without a call whose <answer> is the answer. */
export const tools: Scaffold = {
  name: "tools",
  about: "native tool calls: one function, python; the answer in <answer> in a message without a call",
  version: 1,
  stop: ["</answer>"],
  tools: [python],
  open: opening,
  parse: parseMessage,
  show: showStep,
  observe: (observation, turnsLeft, said) => reply(`${observation}\n\n${notice(turnsLeft)}`, said),
  nudge: (why, turnsLeft, said) => reply(nudgeText(why, instead, notice(turnsLeft)), said),
};

const instead =
  "Call the function python once with the code to run, or give your answer as <answer>...</answer> in a message without a call.";

function notice(turnsLeft: number): string {
  return turnsNotice(turnsLeft, "as <answer>...</answer> and without a call");
}

/** What answers a call stands under its id, also where it was refused: no endpoint goes on from a call without an answer. */
function reply(content: string, said: Message): Message {
  const call = said.toolCalls?.[0];
  return call === undefined ? user(content) : { role: "tool", content, toolCallId: call.id };
}

const acts = /<answer>|<tool_call>|<function=|<invoke|\[TOOL_CALLS\]/i;
const ownOutput = /<(?:tool_response|information|tool_result|function_results?)>/i;

function parseMessage(said: Said): ParsedMessage {
  const { visible, transforms } = withoutThinking(said.text, acts);
  const [call, ...others] = said.toolCalls ?? [];
  if (call !== undefined) {
    return calling(call, visible, said, [...transforms, ...(others.length > 0 ? ["first_call_only"] : [])]);
  }
  if (visible.trim() === "") return nothingSaid(said, transforms);

  const fences = fencesOf(visible);
  const mask = masked(visible, fences);
  const answer = findAnswer(visible, mask, []) ?? fencedAnswer(visible, fences);
  const written = findWrittenCall(visible, withoutReasoning(visible));
  const invalid = (why: string): ParsedMessage => ({
    action: { kind: "invalid", reasoning: visible.trim(), why },
    message: spoken(visible, said),
    transforms,
  });
  const claimed = mask.search(ownOutput);
  if (claimed >= 0 && claimed < Math.min(answer?.start ?? visible.length, written?.start ?? visible.length)) {
    return invalid("You wrote the result of a call yourself. Only the interpreter writes it, after your code has run.");
  }
  if (written !== null && (answer === null || written.start < answer.start)) {
    if (isPython(written.name) === null) return invalid(noFunction(written.name));
    if (said.finishReason === "length" && !written.closed) {
      return invalid("Your message was cut off inside a call: it was too long.");
    }
    const before = visible.slice(0, written.start).trimEnd();
    const { name, arguments: text } = written;
    return calling({ id: "", name, arguments: text }, before, said, [...transforms, "read_written_call"]);
  }
  if (answer !== null) return answering(visible, answer, said, transforms);
  return invalid(whyNoAction(visible, said));
}

function calling(call: ToolCall, visible: string, said: Said, transforms: readonly string[]): ParsedMessage {
  const name = isPython(call.name) ?? tidy(call.name);
  const renamed = name === call.name ? [] : ["rename_tool"];
  const read =
    name === python.name ? readArguments(call.arguments, said.finishReason) : refusedArguments(call.arguments);
  // The call is what is done; an answer beside it was given before its output was seen.
  const mask = masked(visible, fencesOf(visible));
  const early = findAnswer(visible, mask, [])?.closed === true;
  const content = early ? visible.slice(0, mask.search(/<answer>/i)).trimEnd() : visible;
  const message: Message = { ...spoken(content, said), toolCalls: [{ id: call.id, name, arguments: read.arguments }] };
  const reasoning = content.trim() || thoughtOf(said);
  const changes = [...transforms, ...renamed, ...read.transforms, ...(early ? ["cut_answer_beside_call"] : [])];
  const why = name === python.name ? read.why : noFunction(call.name);
  return read.code === null
    ? { action: { kind: "invalid", reasoning, why }, message, transforms: changes }
    : { action: { kind: "code", reasoning, code: read.code }, message, transforms: changes };
}

// Names under which models know their interpreter, and what servers leave around a name.
const pythonNames =
  /^(?:functions?[.:]|default_api[.:])?(?:i?python3?|py|python_?(?:interpreter|tool|repl|exec(?:ute|utor)?|code)|(?:execute|run|exec)_?(?:python|code)(?:_?code)?|code_?(?:interpreter|execution)|jupyter)(?:<\|[\s\S]*)?$/i;

/** `python` where a name means it, else null. */
function isPython(name: string): "python" | null {
  return pythonNames.test(name.trim()) ? "python" : null;
}

/** A name that endpoints take back in a conversation. */
function tidy(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 64) || "unknown";
}

function noFunction(name: string): string {
  return `There is no function \`${name.slice(0, 64)}\`; the only one is \`python\`.`;
}

function whyNoAction(text: string, { finishReason }: Said): string {
  if (finishReason === "length") return "Your message was cut off before any action: it was too long.";
  if (/<answer>/i.test(text)) return "The <answer> stood where it is only talked about (in <reasoning>, or in code).";
  if (/```|~~~|<python>/i.test(text))
    return "Code in the text of a message is not run; it has to be the argument of a call.";
  return "Your message held neither a call nor <answer>...</answer>.";
}
