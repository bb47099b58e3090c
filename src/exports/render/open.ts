import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Renderer } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import type { Conversation } from "../../domain/example.ts";
import { hashOf, sha256 } from "../../domain/hash.ts";
import { isObject, type JsonObject } from "../chat-line.ts";
import { encodingNames, encodingRenderer } from "./encoding.ts";
import { maskedPassages, type ReadyTemplate, unstableMessage } from "./mask.ts";
import { readyTemplate } from "./template.ts";
import { folderTemplates } from "./template-files.ts";
import { tokenisedPassages } from "./tokens.ts";

/** What a renderer is opened from: a folder with tokenizer.json, that file, or one of OpenAI's encodings; a Jinja file where the folder's template is not the one. */
export interface RendererOptions {
  readonly tokenizer: string;
  readonly template?: string | undefined;
  /** What else the template is given: `{ enable_thinking: true }`. */
  readonly templateArguments?: Readonly<Record<string, unknown>>;
}

/**
 * Opens a tokenizer and a chat template from files of the user's; nothing is downloaded. @throws {UsageError} naming `tokenizer` or `template`, and
 * what was expected where.
 */
export async function openRenderer(options: RendererOptions): Promise<Renderer> {
  const { tokenizer: named } = options;
  if (encodingNames.includes(named)) {
    if (options.template !== undefined)
      throw new UsageError(
        `Expected \`template\` beside a tokenizer's files, got it beside the encoding \`${named}\`; name the model's tokenizer.json as \`tokenizer\``,
      );
    return encodingRenderer(named);
  }
  const files = await tokenizerFiles(named);
  const { Tokenizer } = await import("@huggingface/tokenizers");
  const tokenizer = opened(files.tokenizer.path, () => new Tokenizer(files.tokenizer.value, files.config.value));
  const templates =
    options.template === undefined
      ? await folderTemplates(files.folder, files.config)
      : { main: { path: options.template, text: await textFile(options.template, "template") }, withTools: null };
  const values = { ...specialTokens(files.config.value), ...options.templateArguments };
  const main = await readyTemplate(templates.main, values);
  const withTools = templates.withTools === null ? main : await readyTemplate(templates.withTools, values);
  const ready = ({ tools = [] }: Conversation): ReadyTemplate => (tools.length === 0 ? main : withTools);
  const special = [...tokenizer.get_added_tokens_decoder().values()].filter((token) => token.special);
  const mask = { specialTokens: special.map((token) => token.content) };
  const tokens = {
    encode: (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids,
    decode: (ids: readonly number[]) =>
      tokenizer.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
  };
  const render: Renderer["render"] = (conversation) => maskedPassages(ready(conversation), conversation, mask);
  return {
    name: named,
    identity: {
      tokenizer: sha256(files.tokenizer.text),
      config: sha256(files.config.text),
      template: sha256(templates.main.text),
      ...(templates.withTools === null ? {} : { templateWithTools: sha256(templates.withTools.text) }),
      ...(options.templateArguments === undefined ? {} : { arguments: hashOf(options.templateArguments) }),
    },
    exact: true,
    render,
    tokenise: (conversation) => tokenisedPassages(render(conversation), tokens),
    count: (conversation) => tokens.encode(ready(conversation).render(conversation)).length,
    unstableMessage: (conversation) => unstableMessage(ready(conversation), conversation),
  };
}

interface JsonFile {
  readonly path: string;
  readonly text: string;
  readonly value: JsonObject;
}

async function tokenizerFiles(named: string): Promise<{ folder: string; tokenizer: JsonFile; config: JsonFile }> {
  const isFolder = await stat(named).then(
    (found) => found.isDirectory(),
    () => null,
  );
  if (isFolder === null)
    throw new UsageError(
      `Expected \`tokenizer\` to be a folder with tokenizer.json, such a file, or one of ${encodingNames.join(", ")}; found nothing at \`${named}\`. Nothing is downloaded: save the model's tokenizer files first`,
    );
  const folder = isFolder ? named : dirname(named);
  const tokenizer = await jsonFile(isFolder ? join(named, "tokenizer.json") : named, "tokenizer");
  if (!isObject(tokenizer.value.model))
    throw new UsageError(`Expected a tokenizer.json with \`model\`, got none in \`${tokenizer.path}\``);
  return { folder, tokenizer, config: await jsonFile(join(folder, "tokenizer_config.json"), "tokenizer") };
}

async function jsonFile(path: string, option: string): Promise<JsonFile> {
  const text = await textFile(path, option);
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return { path, text, value };
  } catch (cause) {
    throw new UsageError(`Expected JSON in \`${path}\` (\`${option}\`), got: ${(cause as Error).message}`, { cause });
  }
  throw new UsageError(`Expected a JSON object in \`${path}\` (\`${option}\`), got another value`);
}

async function textFile(path: string, option: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new UsageError(
      `Expected the file \`${path}\` for \`${option}\`, got: ${(cause as NodeJS.ErrnoException).code}. Save the model's tokenizer files there`,
      { cause },
    );
  }
}

function opened<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    throw new UsageError(`Expected a tokenizer that can be read in \`${path}\`, got: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** The special tokens that a tokenizer's configuration names, as templates are given them: `bos_token`, `eos_token` and what else there is. */
function specialTokens(config: JsonObject): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    const text = isObject(value) ? value.content : value;
    if (name.endsWith("_token") && typeof text === "string") found[name] = text;
  }
  return found;
}
