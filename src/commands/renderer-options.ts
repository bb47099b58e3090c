import { resolve } from "node:path";
import type { Argv } from "yargs";
import type { Renderer } from "../contracts.ts";
import { UsageError } from "../domain/errors.ts";
import { encodingNames } from "../exports/render/encoding.ts";
import { openRenderer } from "../exports/render/open.ts";

/** What commands take that look at a file as its trainer will. */
export interface RendererArguments {
  readonly tokenizer?: string | undefined;
  readonly template?: string | undefined;
  readonly maxTokens?: number | undefined;
}

/** The options of `RendererArguments`. */
export function rendererOptions(argv: Argv): Argv {
  return argv
    .option("tokenizer", {
      type: "string",
      requiresArg: true,
      describe: `The trainer's tokenizer: a folder, a tokenizer.json, or one of ${encodingNames.join(", ")}`,
    })
    .option("template", {
      type: "string",
      requiresArg: true,
      describe: "Its chat template (Jinja), where the tokenizer's folder has none or another",
    })
    .option("max-tokens", { type: "number", requiresArg: true, describe: "The most tokens a row may have" });
}

/** The renderer that was asked for, paths from where the command is typed; null without `--tokenizer`. @throws {UsageError} where there is none there. */
export async function rendererOf({ tokenizer, template, maxTokens }: RendererArguments): Promise<Renderer | null> {
  if (maxTokens !== undefined && !(Number.isInteger(maxTokens) && maxTokens > 0))
    throw new UsageError(`Expected --max-tokens to be a whole number from 1, got \`${maxTokens}\``);
  if (tokenizer === undefined) {
    const beside = template !== undefined ? "--template" : maxTokens !== undefined ? "--max-tokens" : null;
    if (beside !== null)
      throw new UsageError(`Expected --tokenizer beside ${beside}, got none: tokens are counted with it`);
    return null;
  }
  return openRenderer({
    tokenizer: encodingNames.includes(tokenizer) ? tokenizer : resolve(tokenizer),
    template: template === undefined ? undefined : resolve(template),
  });
}
