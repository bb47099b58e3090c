// A row of training data as its trainer will see it, with the loss shown.
import { count, harmless, share } from "../audit/text.ts";
import type { Passage, Renderer } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import type { Conversation } from "../domain/example.ts";
import { renderProblems } from "../exports/render/problems.ts";
import { trainedTokens } from "../exports/render/tokens.ts";

const shaded = ["\u001b[30;42m", "\u001b[0m"] as const;
const bracketed = ["⟦", "⟧"] as const;

/**
 * One row: the text that the trainer's template makes of it, the part that carries loss shaded (in `⟦…⟧` without colour), its tokens, and what the
 * template dropped. Without a template (an encoding, or no renderer) the messages with their loss flags, and that this is not what a trainer sees.
 */
export function rowPreview(
  conversation: Conversation,
  { renderer, colour }: { readonly renderer: Renderer | null; readonly colour: boolean },
): string {
  const [open, close] = colour ? shaded : bracketed;
  const shade = (text: string) =>
    harmless(text)
      .split("\n")
      .map((line) => (line === "" && colour ? `${open} ${close}` : `${open}${line}${close}`))
      .join("\n");
  if (renderer === null || !renderer.exact) {
    const tokens = renderer === null ? "" : `about ${count(renderer.count(conversation))} tokens; `;
    const messages = conversation.messages.map((message) => {
      const { role, content, reasoning, toolCalls = [], train } = message;
      const calls = toolCalls.map((call) => `[calls ${call.name} ${call.arguments}]`);
      const text = [reasoning === undefined ? "" : `[thinking] ${reasoning}`, content, ...calls]
        .filter((part) => part !== "")
        .join("\n");
      return `--- ${role}${role === "assistant" ? (train ? " (loss)" : " (no loss)") : ""}\n${train ? shade(text) : harmless(text)}`;
    });
    return `${tokens}messages as they are written; what a trainer makes of them shows with \`--tokenizer\` and a chat template\n${messages.join("\n")}\n`;
  }
  const problems = renderProblems(conversation, { renderer }).map(({ rule, message }) => `! ${rule} ${message}`);
  try {
    const passages = renderer.render(conversation);
    const tokenised = renderer.tokenise(conversation);
    const trained = trainedTokens(tokenised);
    const all = tokenised.inputIds.length;
    const head = `${count(all)} tokens, ${count(trained)} with loss (${share(trained, all)}; ${colour ? "shaded" : "in ⟦…⟧"})`;
    return `${[head, ...problems].join("\n")}\n${pageOf(passages, shade)}\n`;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return `${problems.join("\n")}\n`;
  }
}

function pageOf(passages: readonly Passage[], shade: (text: string) => string): string {
  return passages.map(({ text, trained }) => (trained ? shade(text) : harmless(text))).join("");
}
