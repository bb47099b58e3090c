import type { Usage } from "../../src/domain/trajectory.ts";

/** The least that an answer can cost: a token in, a token out, no price known. */
export const leastUsage: Usage = {
  inputTokens: 1,
  cachedInputTokens: 0,
  outputTokens: 1,
  reasoningTokens: 0,
  estimated: false,
  costUsd: null,
};
