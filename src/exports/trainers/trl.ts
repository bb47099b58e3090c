import type { Exporter } from "../../contracts.ts";
import type { Conversation, ExampleMessage } from "../../domain/example.ts";
import type { LabelledSteps, LabelledTry, PreferencePair } from "../../domain/products.ts";
import type { JsonObject } from "../chat-line.ts";
import type { JsonlRules } from "../jsonl-check.ts";
import { exampleFormat, jsonlFormat } from "../jsonl-format.ts";
import { perStep } from "../render/per-step.ts";
import { conversationOf, objectMessages, readMessages, readToolsOrText, toolsText, trainsWhole } from "./rows.ts";
import { trlLine, trlPreferenceLine, trlStepwiseLine } from "./trl-rules.ts";

const file = { lines: "TR-R1", rows: { rule: "TR-R1", fewest: 1 } } as const;
const rules = (line: JsonlRules["line"]): JsonlRules => ({ ...file, length: { rule: "TR-R4" }, line });

/**
 * The columns beside the messages: functions as text, and that the template may write thinking, as most do unasked. The latter stands on every
 * row, also where there is none: where some rows of a file lack it, datasets fills it with null, on which TRL stops (TR-R3).
 */
function besides(tools: Conversation["tools"]): JsonObject {
  const text = toolsText(tools);
  return { ...(text === null ? {} : { tools: text }), chat_template_kwargs: { enable_thinking: true } };
}

/** A prompt and one message after it under each name; loss falls on these, so there is thinking in them alone. */
function promptRow(
  prompt: readonly ExampleMessage[],
  after: Readonly<Record<string, ExampleMessage>>,
  tools: Conversation["tools"],
): JsonObject {
  const context = prompt.map(({ reasoning: _, ...message }) => message);
  const messages = Object.entries(after).map(([name, message]) => [name, objectMessages([message])] as const);
  return {
    prompt: objectMessages(context),
    ...Object.fromEntries(messages),
    ...besides(tools),
  };
}

/**
 * TRL's conversational format, for `assistant_only_loss: true` (TR-R1..R5). TRL has no flag by message: an example with a masked message has
 * no row here, and all of its rows in `trl-steps`.
 */
export function trlExporter(): Exporter {
  return exampleFormat({
    name: "trl",
    about: "TRL SFT, messages: examples whose every assistant message is trained",
    fileName: "trl.jsonl",
    rows: (example) =>
      trainsWhole(example) ? [{ messages: objectMessages(example.messages), ...besides(example.tools) }] : [],
    rules: () => rules(trlLine("messages")),
    conversation: (line) => conversationOf(readMessages(line.messages), readToolsOrText(line.tools)),
  });
}

/** TRL's prompt and completion, a row for each trained message (TR-R6, R7): exact loss, without earlier thinking in the prompt. */
export function trlStepsExporter(): Exporter {
  return exampleFormat({
    name: "trl-steps",
    about: "TRL SFT, prompt and completion: a row for each trained message, loss on it alone",
    fileName: "trl-steps.jsonl",
    *rows(example) {
      for (const { messages, tools } of perStep(example)) {
        const completion = messages.at(-1);
        if (completion !== undefined) yield promptRow(messages.slice(0, -1), { completion }, tools);
      }
    },
    rules: () => rules(trlLine("prompt-completion")),
    conversation(line) {
      const prompt = readMessages(line.prompt);
      const completion = readMessages(line.completion);
      if (prompt === null || completion === null) return null;
      const context = prompt.map((message) => ({ ...message, train: false }));
      return conversationOf([...context, ...completion], readToolsOrText(line.tools));
    },
  });
}

/**
 * TRL's preference format for DPO and its kin: the conversation, and the two messages in which the tries first differ. Not the tries to their
 * end: TRL compares every token after the prompt, observations too (TR-R6).
 */
export function trlPreferenceExporter(): Exporter<PreferencePair> {
  return jsonlFormat<PreferencePair>({
    name: "trl-preference",
    about: "TRL preference (DPO): the messages in which two tries first differ",
    product: "preference",
    fileName: "trl-preference.jsonl",
    *rows({ prompt, chosen: [chosen], rejected: [rejected], tools }) {
      if (chosen !== undefined && rejected !== undefined) yield promptRow(prompt, { chosen, rejected }, tools);
    },
    rules: () => rules(trlPreferenceLine(["prompt", "chosen", "rejected"], { label: false })),
  });
}

/** TRL's unpaired preferences for KTO: a try's last message with a label, after all that went before. Its loss, too, falls on every token after the prompt. */
export function trlKtoExporter(): Exporter<LabelledTry> {
  return jsonlFormat<LabelledTry>({
    name: "trl-kto",
    about: "TRL KTO: each try's last message with a label, the rest as prompt",
    product: "kto",
    fileName: "trl-kto.jsonl",
    *rows({ messages, tools, label }) {
      const last = messages.findLastIndex(({ role }) => role === "assistant");
      const completion = messages[last];
      if (completion !== undefined) yield { ...promptRow(messages.slice(0, last), { completion }, tools), label };
    },
    rules: () => rules(trlPreferenceLine(["prompt", "completion"], { label: true })),
  });
}

/**
 * TRL's stepwise supervision for process reward models: prompt, completions, labels, all text. A try with a step of unknown worth, or with
 * native calls, has no row here: the format has no place for either.
 */
export function trlStepwiseExporter(): Exporter<LabelledSteps> {
  return jsonlFormat<LabelledSteps>({
    name: "trl-stepwise",
    about: "TRL stepwise supervision (process reward models): prompt, completions, labels",
    product: "steps",
    fileName: "trl-stepwise.jsonl",
    rows({ messages, steps }) {
      const first = steps[0]?.message ?? 0;
      const unsaid = steps.some(({ label, message }) => label === null || messages[message]?.toolCalls !== undefined);
      if (steps.length === 0 || unsaid) return [];
      const textFrom = (from: number, to: number) =>
        messages
          .slice(from, to)
          .map(({ content }) => content)
          .join("\n\n");
      return [
        {
          prompt: textFrom(0, first),
          // What the environment answered belongs to the step that asked: the next step is judged with it in view.
          completions: steps.map(({ message }, index) =>
            textFrom(message, steps[index + 1]?.message ?? messages.length),
          ),
          labels: steps.map(({ label }) => label),
        },
      ];
    },
    rules: () => ({ ...file, line: trlStepwiseLine }),
  });
}
