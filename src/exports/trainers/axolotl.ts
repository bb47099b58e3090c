import type { Exporter } from "../../contracts.ts";
import { parseJson } from "../../domain/reply-json.ts";
import { isObject, type JsonObject, type LineProblem, shown, wireTools } from "../chat-line.ts";
import { exampleFormat } from "../jsonl-format.ts";
import { conversationOf, objectMessages, readMessages, readToolsOrText } from "./rows.ts";

/** Axolotl's chat_template format with a `train` flag on every message (AX-R1, R2, R5); arguments as text, which it parses back. */
export function axolotlExporter(): Exporter {
  return exampleFormat({
    name: "axolotl",
    about: "Axolotl chat_template: a train flag on every message, loss exactly as it is meant",
    fileName: "axolotl.jsonl",
    rows(example) {
      const tools = wireTools(example);
      const flag = { name: "train", on: "all" } as const;
      return [
        {
          messages: objectMessages(example.messages, { flag, argumentsAsText: true }),
          ...(tools === null ? {} : { tools }),
        },
      ];
    },
    rules: () => ({
      lines: "AX-R1",
      rows: { rule: "AX-R1", fewest: 1 },
      length: { rule: "AX-R1" },
      line: axolotlLine(),
    }),
    conversation: (line) => conversationOf(readMessages(line.messages, "train"), readToolsOrText(line.tools)),
    companions: (files) => [{ name: "axolotl-datasets.yaml", text: datasetsYaml(files) }],
  });
}

/** The parts of a config that read these files as they are meant: `datasets`, and `test_datasets` where there is a validation file. */
function datasetsYaml(files: readonly { readonly file: string; readonly split: string }[]): string {
  const list = (name: string, wanted: string, more: readonly string[]) => {
    const entries = files
      .filter(({ split }) => split === wanted)
      .map(({ file }) =>
        [
          `  - path: ${JSON.stringify(file)}`,
          "    ds_type: json",
          ...more,
          "    type: chat_template",
          "    field_messages: messages",
          "    field_tools: tools",
          "    message_property_mappings: { role: role, content: content }",
          "    roles_to_train: []",
          "    message_field_training: train",
          "    train_on_eos: turn",
        ].join("\n"),
      );
    return entries.length === 0 ? "" : `${name}:\n${entries.join("\n")}\n`;
  };
  // A file of its own has one split, which Axolotl calls train.
  return list("datasets", "train", []) + list("test_datasets", "validation", ["    split: train"]);
}

/** The rules of a line; remembers how arguments were written, which has to be one way in a file whose arguments differ in type (AX-R2). */
function axolotlLine(): (line: JsonObject) => LineProblem[] {
  const types = new Map<string, string>();
  return ({ messages }) => {
    if (!Array.isArray(messages) || messages.length === 0)
      return [{ rule: "AX-R1", field: "messages", message: `Expected a list of messages, got ${shown(messages)}` }];
    const problems: LineProblem[] = [];
    const report = (rule: string, field: string, message: string) => problems.push({ rule, field, message });
    let trained = 0;
    for (const [index, message] of (messages as unknown[]).entries()) {
      const field = `messages[${index}]`;
      if (!isObject(message)) {
        report("AX-R1", field, `Expected a message, got ${shown(message)}`);
        continue;
      }
      if (typeof message.train !== "boolean")
        report("AX-R1", `${field}.train`, `Expected true or false on every message, got ${shown(message.train)}`);
      else if (message.train && message.role !== "assistant")
        report("AX-R1", `${field}.train`, `Expected loss on assistant messages only, got it on ${shown(message.role)}`);
      else if (message.train) trained += 1;
      if (Array.isArray(message.content)) problems.push(...partProblems(message.content, field));
      else if (typeof message.content !== "string")
        report("AX-R5", `${field}.content`, `Expected text or parts, got ${shown(message.content)}`);
      for (const problem of argumentProblems(message.tool_calls, { field, types })) problems.push(problem);
    }
    if (trained === 0) report("AX-R1", "messages", "Expected at least one message with `train: true`, got none");
    return problems;
  };
}

/** AX-R5: parts of a message may say themselves whether they are trained. */
function partProblems(parts: readonly unknown[], field: string): LineProblem[] {
  return parts.flatMap((part, index) => {
    const flags = isObject(part) ? [part.train ?? true, part.weight ?? 1] : [];
    if (isObject(part) && typeof flags[0] === "boolean" && (flags[1] === 0 || flags[1] === 1)) return [];
    const message = `Expected a part with train true or false, or weight 0 or 1, got ${shown(part)}`;
    return [{ rule: "AX-R5", field: `${field}.content[${index}]`, message }];
  });
}

function* argumentProblems(
  calls: unknown,
  { field, types }: { readonly field: string; readonly types: Map<string, string> },
): Generator<LineProblem> {
  for (const [at, call] of (Array.isArray(calls) ? (calls as unknown[]) : []).entries()) {
    const given = isObject(call) && isObject(call.function) ? call.function.arguments : undefined;
    const where = `${field}.tool_calls[${at}].function.arguments`;
    if (typeof given === "string") {
      if (!isObject(parseJson(given)))
        yield { rule: "AX-R2", field: where, message: `Expected the JSON text of an object, got ${shown(given)}` };
      continue;
    }
    if (!isObject(given)) {
      yield { rule: "AX-R2", field: where, message: `Expected an object or its JSON text, got ${shown(given)}` };
      continue;
    }
    for (const [name, value] of Object.entries(given)) {
      const type = value === null ? "null" : Array.isArray(value) ? "list" : typeof value;
      const before = types.get(name) ?? type;
      types.set(name, before);
      if (before !== type)
        yield {
          rule: "AX-R2",
          field: `${where}.${name}`,
          message: `Expected a ${before} as on the lines before, got a ${type}; write arguments as JSON text where types differ`,
        };
    }
  }
}
