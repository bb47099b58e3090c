import type { Passage, Tokenised } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";

/** The part of a tokenizer that is used here; no special tokens are added. */
export interface Tokens {
  readonly encode: (text: string) => readonly number[];
  readonly decode: (ids: readonly number[]) => string;
}

const noLoss = -100;

/**
 * Passages as tokens, with labels. The numbers are those of the whole text, as a trainer makes them; a token that lies across the border of a
 * trained passage carries no loss.
 */
export function tokenisedPassages(passages: readonly Passage[], { encode, decode }: Tokens): Tokenised {
  const joined = joinAlike(passages);
  const inputIds = encode(joined.map(({ text }) => text).join(""));
  const parts = joined.map(({ text }) => encode(text));
  const labels: number[] = [];
  if (equal(parts.flat(), inputIds)) {
    for (const [index, part] of parts.entries())
      for (const id of part) labels.push(joined[index]?.trained === true ? id : noLoss);
  } else {
    const borders = bordersIn(inputIds, joined, decode);
    for (const [index, id] of inputIds.entries()) {
      const part = borders.findIndex(({ from, to }) => index >= from && index < to);
      labels.push(part !== -1 && joined[part]?.trained === true ? id : noLoss);
    }
  }
  return { inputIds, attentionMask: inputIds.map(() => 1), labels };
}

function joinAlike(passages: readonly Passage[]): { text: string; trained: boolean }[] {
  const joined: { text: string; trained: boolean }[] = [];
  for (const { text, trained } of passages) {
    const last = joined.at(-1);
    if (last?.trained === trained) last.text += text;
    else joined.push({ text, trained });
  }
  return joined;
}

/** Which tokens lie wholly within each part. Bytes are counted, for a token may be a part of a character. */
function bordersIn(
  ids: readonly number[],
  parts: readonly { readonly text: string }[],
  decode: Tokens["decode"],
): { from: number; to: number }[] {
  const ends = bytesThrough(ids, decode);
  const bytes = parts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  if (ends.at(-1) !== bytes)
    throw new UsageError(
      `Expected the tokens to spell the rendered text, got ${ends.at(-1) ?? 0} bytes of ${bytes}: this tokenizer changes the text, and loss cannot be placed on it`,
    );
  const firstEndingBehind = (byte: number) => {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) > byte) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  let byte = 0;
  return parts.map(({ text }) => {
    const start = byte;
    byte += Buffer.byteLength(text);
    const first = firstEndingBehind(start);
    const begins = first === 0 ? 0 : (ends[first - 1] ?? 0);
    // The token that ends behind the start began before it: it lies across.
    return { from: begins < start ? first + 1 : first, to: firstEndingBehind(byte) };
  });
}

/** The bytes of text behind which each token ends; a token that ends within a character counts to the end of the last whole one. */
function bytesThrough(ids: readonly number[], decode: Tokens["decode"]): number[] {
  const ends: number[] = [];
  let bytes = 0;
  let open: number[] = [];
  for (const id of ids) {
    open.push(id);
    const text = decode(open);
    if (text.endsWith("\uFFFD") && open.length < 4) {
      ends.push(bytes);
      continue;
    }
    bytes += Buffer.byteLength(text);
    open = [];
    ends.push(bytes);
  }
  return ends;
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** The tokens that carry loss. */
export function trainedTokens({ labels }: Tokenised): number {
  return labels.reduce((sum, label) => sum + (label === noLoss ? 0 : 1), 0);
}
