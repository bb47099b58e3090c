/** The mean of scores, to twelve decimals: a mean of decimal scores is not below its threshold by a rounding error. @throws {Error} for none. */
export function meanScore(scores: readonly number[]): number {
  if (scores.length === 0) throw new Error("Expected at least one score to take the mean of, got none");
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return Math.round(mean * 1e12) / 1e12;
}
