// What an agent is told about the messages it has left: once in every observation and nudge, outside of the data.

/** `[5 messages left]`, or, before the last one, how to answer now. Observations cannot hold these words (observation.ts). */
export function turnsNotice(turnsLeft: number, howToAnswer: string): string {
  if (turnsLeft > 1) return `[${turnsLeft} messages left]`;
  return `[This is your last message: give your final answer now, ${howToAnswer}. Code will not be run.]`;
}
