import { UsageError } from "../../domain/errors.ts";
import type { ReadyTemplate } from "./mask.ts";
import type { TemplateFile } from "./template-files.ts";
import { templateInput } from "./template-messages.ts";

const generation = /\{%-?\s*generation\s*-?%\}/;
// With the white space that the tags swallow: a new line behind a tag, blanks before one that begins a line, all of it where they have a dash.
const opening = /\{%(-?)\s*generation\s*(?:(-%\})\s*|%\}\n?)/g;
const closing = /(?:\s*\{%(-)|(?<=^|\n)[ \t]*\{%|\{%)\s*endgeneration\s*(-?)%\}/g;

/** The template printing a variable at each end of its `{% generation %}` blocks, and otherwise what it prints without. */
function withMarks(text: string): string {
  return text
    .replace(opening, (_all, before: string) => `{%${before} generation %}{{ __generation_opens }}`)
    .replace(closing, (_all, _before, behind: string) => `{{ __generation_closes }}{% endgeneration ${behind}%}`);
}

/** Parses a chat template, which is given `values` beside each conversation. @throws {UsageError} where it does not parse; its `render` where it refuses a conversation. */
export async function readyTemplate(
  { path, text }: TemplateFile,
  values: Readonly<Record<string, unknown>>,
): Promise<ReadyTemplate> {
  const { Template } = await import("@huggingface/jinja");
  const parsed = (source: string) => {
    try {
      return new Template(source);
    } catch (cause) {
      throw new UsageError(`Expected a Jinja chat template in \`${path}\`, got: ${(cause as Error).message}`, {
        cause,
      });
    }
  };
  const plain = parsed(text);
  const marks = generation.test(text);
  const marked = marks ? parsed(withMarks(text)) : plain;
  return {
    marks,
    render(conversation, { prompt = false, marks: signs } = {}) {
      const template = signs === undefined ? plain : marked;
      try {
        return template.render({
          ...values,
          ...templateInput(conversation),
          add_generation_prompt: prompt,
          ...(signs === undefined ? {} : { __generation_opens: signs[0], __generation_closes: signs[1] }),
        });
      } catch (cause) {
        throw new UsageError(`The chat template refuses this conversation: ${(cause as Error).message}`, { cause });
      }
    },
  };
}
