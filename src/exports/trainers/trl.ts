import type { Exporter } from "../../contracts.ts";
import type { Example } from "../../domain/example.ts";
import type { LabelledSteps, LabelledTry, PreferencePair } from "../../domain/products.ts";
import type { JsonObject } from "../chat-line.ts";
import type { JsonlRules } from "../jsonl-check.ts";
import { exampleFormat, jsonlFormat } from "../jsonl-format.ts";
import { perStep } from "../render/per-step.ts";
import { conversationOf, objectMessages, readMessages, readToolsOrText, toolsText, trainsWhole } from "./rows.ts";
import { trlLine, trlPreferenceLine, trlStepwiseLine } from "./trl-rules.ts";

const file = { lines: "TR-R1", rows: { rule: "TR-R1", fewest: 1 } } as const;
const rules = (line: JsonlRules["line"]): JsonlRules => ({ ...file, length: { rule: "TR-R4" }, line });

/** The columns beside the messages: functions as text, and that the template shall write thinking. */
function besides({ messages, tools }: Pick<Example, "messages" | "tools">): JsonObject {
  const text = toolsText(tools);
  return {
    ...(text === null ? {} : { tools: text }),
    ...(messages.some(({ reasoning }) => reasoning !== undefined)
      ? { chat_template_kwargs: { enable_thinking: true } }
      : {}),
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
      trainsWhole(example) ? [{ messages: objectMessages(example.messages), ...besides(example) }] : [],
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
    rows: (example) =>
      perStep(example).map((step) => ({
        prompt: objectMessages(step.messages.slice(0, -1)),
        completion: objectMessages(step.messages).slice(-1),
        ...besides(step),
      })),
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

/** TRL's preference format for DPO and its kin: prompt, chosen and rejected as messages, the whole of both tries. */
export function trlPreferenceExporter(): Exporter<PreferencePair> {
  return jsonlFormat<PreferencePair>({
    name: "trl-preference",
    about: "TRL preference (DPO): prompt, chosen, rejected, the whole of both tries",
    product: "preference",
    fileName: "trl-preference.jsonl",
    rows: ({ prompt, chosen, rejected, tools }) => [
      {
        prompt: objectMessages(prompt),
        chosen: objectMessages([...prompt, ...chosen]).slice(prompt.length),
        rejected: objectMessages([...prompt, ...rejected]).slice(prompt.length),
        ...besides({ messages: [...chosen, ...rejected], ...(tools === undefined ? {} : { tools }) }),
      },
    ],
    rules: () => rules(trlPreferenceLine(["prompt", "chosen", "rejected"], { label: false })),
  });
}

/** TRL's unpaired preferences for KTO: prompt, completion, label. */
export function trlKtoExporter(): Exporter<LabelledTry> {
  return jsonlFormat<LabelledTry>({
    name: "trl-kto",
    about: "TRL KTO: prompt, completion and a label, the whole of each try",
    product: "kto",
    fileName: "trl-kto.jsonl",
    rows({ messages, tools, label }) {
      const start = messages.findIndex(({ role }) => role === "assistant");
      if (start === -1) return [];
      const all = objectMessages(messages);
      return [
        {
          prompt: all.slice(0, start),
          completion: all.slice(start),
          label,
          ...besides({ messages, ...(tools === undefined ? {} : { tools }) }),
        },
      ];
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
