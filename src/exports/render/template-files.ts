// Where a model keeps its chat templates: a file beside the tokenizer, or its configuration, which may hold several by name.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../domain/errors.ts";
import { isObject, type JsonObject } from "../chat-line.ts";

/** A chat template's text, and the file it stands in. */
export interface TemplateFile {
  readonly path: string;
  readonly text: string;
}

/** A model's templates: `withTools` is the one it keeps for conversations with functions, where it keeps two. */
export interface ChatTemplates {
  readonly main: TemplateFile;
  readonly withTools: TemplateFile | null;
}

/**
 * The templates of a model's folder, as trainers choose them: chat_template.jinja (and additional_chat_templates/tool_use.jinja), else what its
 * configuration holds: one template, or a list of which `default` and `tool_use` count. @throws {UsageError} where there is none, or none of these names.
 */
export async function folderTemplates(
  folder: string,
  config: { readonly path: string; readonly value: JsonObject },
): Promise<ChatTemplates> {
  const beside = join(folder, "chat_template.jinja");
  const text = await textIfThere(beside);
  if (text !== null) {
    const path = join(folder, "additional_chat_templates", "tool_use.jinja");
    const other = await textIfThere(path);
    return { main: { path: beside, text }, withTools: other === null ? null : { path, text: other } };
  }
  const { chat_template: own } = config.value;
  if (typeof own === "string") return { main: { path: config.path, text: own }, withTools: null };
  const named = new Map<string, TemplateFile>();
  for (const entry of Array.isArray(own) ? (own as unknown[]) : [])
    if (isObject(entry) && typeof entry.name === "string" && typeof entry.template === "string")
      named.set(entry.name, { path: config.path, text: entry.template });
  const main = named.get("default");
  if (main !== undefined) return { main, withTools: named.get("tool_use") ?? null };
  if (named.size > 0)
    throw new UsageError(
      `Expected a chat template named \`default\` in \`${config.path}\`, got ${[...named.keys()].map((name) => `\`${name}\``).join(", ")}; save the one that the trainer uses as a file, and name it as \`template\``,
    );
  throw new UsageError(
    `Expected a chat template in \`${beside}\` or as \`chat_template\` in \`${config.path}\`, got none; name one as \`template\``,
  );
}

/** A file's text; null where there is no such file. */
async function textIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new UsageError(`Expected a chat template that can be read in \`${path}\`, got: ${code}`, { cause });
  }
}
