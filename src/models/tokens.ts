// How many tokens a text is, where the endpoint does not say. An estimate: it counts as OpenAI's newer models do (o200k), whatever the model.
import { pieces } from "../domain/pieces.ts";
import type { Answer } from "./answer.ts";

// Merging is quadratic in a run of one kind of characters; cut pieces differ by a token or two from the whole.
const pieceChars = 4_096;

/** The tokens of a text by the o200k vocabulary of `gpt-tokenizer`; names of special tokens in it are text. */
export async function countTokens(text: string): Promise<number> {
  // Its vocabulary takes a while to load, and most endpoints count themselves.
  const { countTokens: countIn } = await import("gpt-tokenizer/encoding/o200k_base");
  let tokens = 0;
  for (const piece of pieces(text, pieceChars)) tokens += countIn(piece, { disallowedSpecial: new Set() });
  return tokens;
}

/** The usage of an answer that came without one: the request's messages and functions as JSON, and all that was written. */
export async function estimateUsage(
  payload: Readonly<Record<string, unknown>>,
  { text, reasoning, refusal, toolCalls = [] }: Answer,
): Promise<Answer["usage"]> {
  const asked = JSON.stringify(payload.messages) + (payload.tools === undefined ? "" : JSON.stringify(payload.tools));
  const written = [text, refusal, ...toolCalls.map((call) => call.arguments)].join("");
  const reasoningTokens = await countTokens(reasoning ?? "");
  return {
    inputTokens: await countTokens(asked),
    cachedInputTokens: 0,
    outputTokens: (await countTokens(written)) + reasoningTokens,
    reasoningTokens,
    estimated: true,
  };
}
