import { UsageError } from "../../domain/errors.ts";
import type { ReadyTemplate } from "./mask.ts";
import { templateInput } from "./template-messages.ts";

const opening = /\{%(-?)\s*generation\s*(-?)%\}/g;
const closing = /\{%(-?)\s*endgeneration\s*(-?)%\}/g;

/** Parses a chat template. @throws {UsageError} where it does not parse; its `render` where it refuses a conversation. */
export async function readyTemplate(
  text: string,
  { path, values }: { readonly path: string; readonly values: Readonly<Record<string, unknown>> },
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
  const marks = text.search(opening) !== -1;
  // The blocks print a variable each: their trim marks stay, so that the text around them does too.
  const marked = marks
    ? parsed(text.replace(opening, "{{$1 __generation_opens $2}}").replace(closing, "{{$1 __generation_closes $2}}"))
    : plain;
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
