import type { Renderer } from "../../contracts.ts";
import { UsageError } from "../../domain/errors.ts";
import type { Conversation } from "../../domain/example.ts";
import { trainedTokens } from "./tokens.ts";

/**
 * Tokens of rows. `trained` is null where the renderer only counts, and leaves out `unplaced` rows, on which the template does not let loss be
 * placed. `median` and `p95` are what some row has, from 1,024 tokens on rounded up by at most 0.2 %; all zero for no rows.
 */
export interface TokenCounts {
  readonly rows: number;
  readonly tokens: number;
  readonly trained: number | null;
  readonly unplaced: number;
  readonly median: number;
  readonly p95: number;
  readonly longest: number;
  /** The counts are an encoding's, not those of a tokenizer with its template. */
  readonly estimated: boolean;
}

/** Counts rows as they pass: `add` each one, then ask. Memory does not grow with rows. */
export function tokenTally(renderer: Renderer): {
  readonly add: (row: Conversation) => void;
  readonly counts: () => TokenCounts;
} {
  const rowsOf = new Map<number, number>();
  let rows = 0;
  let tokens = 0;
  let trained = 0;
  let unplaced = 0;
  let longest = 0;
  return {
    add(row) {
      const masked = renderer.exact ? placed(row, renderer) : null;
      const length = masked?.tokens ?? renderer.count(row);
      if (masked !== null) trained += masked.trained;
      else if (renderer.exact) unplaced += 1;
      rows += 1;
      tokens += length;
      longest = Math.max(longest, length);
      const about = rounded(length);
      rowsOf.set(about, (rowsOf.get(about) ?? 0) + 1);
    },
    counts: () => ({
      ...{ rows, tokens, unplaced, longest },
      trained: renderer.exact ? trained : null,
      median: Math.min(longest, nearestRank(rowsOf, rows, 0.5)),
      p95: Math.min(longest, nearestRank(rowsOf, rows, 0.95)),
      estimated: !renderer.exact,
    }),
  };
}

function placed(row: Conversation, renderer: Renderer): { readonly tokens: number; readonly trained: number } | null {
  try {
    const tokenised = renderer.tokenise(row);
    return { tokens: tokenised.inputIds.length, trained: trainedTokens(tokenised) };
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

// Ten bits are kept, so that there are few numbers to count by however many rows there are.
function rounded(tokens: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, tokens))) - 9);
  return Math.ceil(tokens / step) * step;
}

function nearestRank(rowsOf: ReadonlyMap<number, number>, rows: number, at: number): number {
  let left = Math.ceil(rows * at);
  for (const [tokens, count] of [...rowsOf].sort(([a], [b]) => a - b)) {
    left -= count;
    if (left <= 0) return tokens;
  }
  return 0;
}
