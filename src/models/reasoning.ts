import { z } from "zod";

// A thought is text, or a list of text parts (Mistral); a part of another kind holds none.
const thought = z
  .union([z.string(), z.array(z.object({ text: z.string().nullish().catch(null) }))])
  .nullish()
  .catch(null);
const detail = z.object({ text: z.string().nullish().catch(null), summary: z.string().nullish().catch(null) });

/** The fields of a message that may hold reasoning, whoever sends them; docs/models.md says who does. */
export const reasoningFields = {
  reasoning_content: thought,
  reasoning: thought,
  thinking: thought,
  reasoning_details: z.array(detail).nullish().catch(null),
};

/** A part of a message's content. Those of type `thinking` and `reasoning` are thoughts. */
export const contentPart = z.looseObject({
  type: z.string(),
  text: z.string().nullish(),
  thinking: thought,
  reasoning: thought,
  refusal: z.string().nullish().catch(null),
});
export type ContentPart = z.infer<typeof contentPart>;

const thoughtParts = new Set(["thinking", "reasoning", "reasoning_content"]);

/** What the parts of a content say: the text, and the thoughts apart. */
export function splitParts(parts: readonly ContentPart[]): { text: string; thought: string } {
  const of = (say: (part: ContentPart) => string) => parts.map(say).join("");
  return {
    text: of((part) => (part.type === "text" ? (part.text ?? "") : "")),
    thought: of((part) =>
      thoughtParts.has(part.type) ? textOf(part.thinking) || textOf(part.reasoning) || (part.text ?? "") : "",
    ),
  };
}

/** The reasoning that stands in fields of its own, the first that holds any; null where none does. */
export function reasoningIn(message: z.output<z.ZodObject<typeof reasoningFields>>): string | null {
  const details = (message.reasoning_details ?? []).map(({ text, summary }) => text || summary || "");
  return (
    textOf(message.reasoning_content) ||
    textOf(message.reasoning) ||
    textOf(message.thinking) ||
    details.filter((text) => text !== "").join("\n") ||
    null
  );
}

function textOf(value: z.output<typeof thought>): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : value.map(({ text }) => text ?? "").join("");
}

// `<think>` of most open models, `<thought>` of Gemini's compatible endpoint, `[THINK]` of Mistral's models on other servers.
const tags = [
  { open: "<think>", close: "</think>" },
  { open: "<thought>", close: "</thought>" },
  { open: "[THINK]", close: "[/THINK]" },
] as const;

/**
 * Cuts a leading block of thinking off. A cut answer may lack the closing tag; a chat template may have put `<think>` into the prompt, so
 * that only `</think>` is there. Tags that are only talked about, behind other text, stay.
 */
export function splitThought(content: string): { text: string; thought: string | null } {
  const begun = content.trimStart();
  const tag = tags.find(({ open }) => begun.startsWith(open));
  const { open, close } = tag ?? tags[0];
  const end = content.indexOf(close);
  if (tag === undefined && (end === -1 || content.lastIndexOf(open, end) !== -1))
    return { text: content, thought: null };
  const from = tag === undefined ? 0 : content.length - begun.length + open.length;
  if (end === -1) return { text: "", thought: content.slice(from).trim() };
  return { text: content.slice(end + close.length).trimStart(), thought: content.slice(from, end).trim() };
}
