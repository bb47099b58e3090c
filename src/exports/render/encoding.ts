// OpenAI's encodings: they count, and render nothing, for the services do not publish their templates.
import type { Renderer } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import type { Conversation } from "../../domain/example.ts";
import { pieces } from "../../domain/pieces.ts";
import { wireTools } from "../chat-line.ts";

type Count = (text: string, options: { readonly disallowedSpecial: Set<string> }) => number;

const encodings: Readonly<Record<string, () => Promise<{ readonly countTokens: Count }>>> = {
  o200k_base: () => import("gpt-tokenizer/encoding/o200k_base"),
  cl100k_base: () => import("gpt-tokenizer/encoding/cl100k_base"),
};

/** The encodings that a `tokenizer` option may name. */
export const encodingNames: readonly string[] = Object.keys(encodings);

// By the count of OpenAI's cookbook (Chat_finetuning_data_prep): three tokens a message, three for the answer's start.
const perMessage = 3;
const perConversation = 3;
// Merging is quadratic in a run of one kind of characters.
const pieceCharacters = 4_096;

/** A renderer that counts by an encoding: messages by OpenAI's published rule, calls and functions as their JSON. An estimate. */
export async function encodingRenderer(name: string): Promise<Renderer> {
  const load = encodings[name];
  if (load === undefined) throw new UsageError(`Expected one of ${encodingNames.join(", ")}, got \`${name}\``);
  const { countTokens } = await load();
  const tokensOf = (text: string) => {
    let tokens = 0;
    for (const piece of pieces(text, pieceCharacters)) tokens += countTokens(piece, { disallowedSpecial: new Set() });
    return tokens;
  };
  const refuse = (): never => {
    throw new UsageError(
      `Expected a tokenizer with a chat template, got the encoding \`${name}\`, which counts tokens and renders nothing; name a folder with tokenizer.json as \`tokenizer\``,
    );
  };
  return {
    name,
    identity: { encoding: name },
    exact: false,
    render: refuse,
    tokenise: refuse,
    count(conversation: Conversation) {
      const tools = wireTools(conversation);
      let tokens = perConversation + (tools === null ? 0 : tokensOf(JSON.stringify(tools)));
      for (const { role, content, reasoning = "", toolCalls = [] } of conversation.messages) {
        tokens += perMessage + tokensOf(role) + tokensOf(content) + tokensOf(reasoning);
        for (const call of toolCalls) tokens += tokensOf(call.name) + tokensOf(call.arguments);
      }
      return tokens;
    },
  };
}
