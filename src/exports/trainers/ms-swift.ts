import type { Exporter } from "../../contracts.ts";
import type { Conversation, ExampleMessage } from "../../domain/example.ts";
import type { LabelledTry, PreferencePair } from "../../domain/products.ts";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject } from "../chat-line.ts";
import { exampleFormat, jsonlFormat } from "../jsonl-format.ts";
import { argumentsOf } from "../render/template-messages.ts";
import { swiftLine } from "./ms-swift-rules.ts";
import { conversationOf, readToolsOrText, splitThinking, toolsText, withThinking } from "./rows.ts";

/** Messages as ms-swift has them: calls and their answers are messages of their own; `loss` on what the model says. */
function swiftMessages(messages: readonly ExampleMessage[]): JsonObject[] {
  return messages.flatMap(({ role, content, reasoning, toolCalls = [], train }): JsonObject[] => {
    const flag = { loss: train };
    if (role === "tool") return [{ role: "tool_response", content }];
    if (role !== "assistant") return [{ role, content }];
    const text = withThinking(reasoning, content);
    return [
      ...(text === "" && toolCalls.length > 0 ? [] : [{ role: "assistant", content: text, ...flag }]),
      ...toolCalls.map(({ name, arguments: given }) => ({
        role: "tool_call",
        content: JSON.stringify({ name, arguments: argumentsOf(given) }),
        ...flag,
      })),
    ];
  });
}

function toolColumn(tools: Conversation["tools"]): JsonObject {
  const text = toolsText(tools);
  return text === null ? {} : { tools: text };
}

const file = { lines: "SW-R2", rows: { rule: "SW-R2", fewest: 1 }, length: { rule: "SW-R4" } } as const;

/** ms-swift's messages format (SW-R1..R4): `tool_call` and `tool_response` messages, `loss` on each that the model says. */
export function swiftExporter(): Exporter {
  return exampleFormat({
    name: "ms-swift",
    about: "ms-swift SFT: messages with a loss flag, calls as messages of their own",
    fileName: "ms-swift.jsonl",
    rows: ({ messages, tools }) => [{ ...toolColumn(tools), messages: swiftMessages(messages) }],
    rules: () => ({ ...file, line: swiftLine({ rejected: false, label: false }) }),
    conversation: readSwift,
  });
}

/** Context: nothing of it is trained or compared. */
const context = (messages: readonly ExampleMessage[]) => messages.map((message) => ({ ...message, train: false }));

/** Everything the model says: what makes a bad try bad may stand anywhere in it. */
const allSaid = (messages: readonly ExampleMessage[]) =>
  messages.map((message) => ({ ...message, train: message.role === "assistant" }));

/**
 * ms-swift's preference format: the accepted try as messages, the rejected one as `rejected_messages` (SW-R5). Flags leave out what both share,
 * and of the accepted try what an example leaves out.
 */
export function swiftPreferenceExporter(): Exporter<PreferencePair> {
  return jsonlFormat<PreferencePair>({
    name: "ms-swift-preference",
    about: "ms-swift preference (DPO): both tries whole, with rejected_messages",
    product: "preference",
    fileName: "ms-swift-preference.jsonl",
    rows: ({ prompt, chosen, rejected, tools }) => [
      {
        ...toolColumn(tools),
        messages: swiftMessages([...context(prompt), ...chosen]),
        rejected_messages: swiftMessages([...context(prompt), ...allSaid(rejected)]),
        ...(tools === undefined ? {} : { rejected_tools: toolsText(tools) }),
      },
    ],
    rules: () => ({ ...file, line: swiftLine({ rejected: true, label: false }) }),
  });
}

/** ms-swift's KTO format: a try as messages, with a label (SW-R5); of a good try the flags of an example, of a bad one all that was said. */
export function swiftKtoExporter(): Exporter<LabelledTry> {
  return jsonlFormat<LabelledTry>({
    name: "ms-swift-kto",
    about: "ms-swift KTO: each try with a label",
    product: "kto",
    fileName: "ms-swift-kto.jsonl",
    rows: ({ messages, tools, label }) => [
      { ...toolColumn(tools), messages: swiftMessages(label ? messages : allSaid(messages)), label },
    ],
    rules: () => ({ ...file, line: swiftLine({ rejected: false, label: true }) }),
  });
}

function readSwift({ messages, tools }: JsonObject): Conversation | null {
  if (!Array.isArray(messages)) return null;
  const read: ExampleMessage[] = [];
  const open: string[] = [];
  let calls = 0;
  for (const message of messages as unknown[]) {
    if (!isObject(message) || typeof message.content !== "string") return null;
    const { role, content } = message;
    const train = message.loss !== false;
    if (role === "tool_call") {
      const value = parseJson(content);
      if (!isObject(value) || typeof value.name !== "string") return null;
      calls += 1;
      open.push(`call_${calls}`);
      const call = { id: `call_${calls}`, name: value.name, arguments: JSON.stringify(value.arguments ?? {}) };
      const last = read.at(-1);
      if (last?.role === "assistant") read[read.length - 1] = { ...last, toolCalls: [...(last.toolCalls ?? []), call] };
      else read.push({ role: "assistant", content: "", toolCalls: [call], train });
    } else if (role === "tool_response" || role === "tool")
      read.push({ role: "tool", content, toolCallId: open.shift() ?? "", train: false });
    else if (role === "assistant") read.push({ role, ...splitThinking(content), train });
    else if (role === "user" || role === "system") read.push({ role, content, train: false });
    else return null;
  }
  return conversationOf(read, readToolsOrText(tools));
}
