// What an agent is told in every scaffold alike: how a conversation opens, that a message did nothing, and how many messages are left.
import type { Assignment } from "../contracts.ts";
import type { Message } from "../domain/trajectory.ts";

/** The conversation before the agent's first message. */
export function opening({ system, user: asked }: Assignment): Message[] {
  return [{ role: "system", content: system }, user(asked)];
}

export function user(content: string): Message {
  return { role: "user", content };
}

/** Why a message did nothing, what to write `instead`, and the notice. The offline teacher knows the sentence. */
export function nudgeText(why: string, instead: string, notice: string): string {
  return `${why} Nothing was run. ${instead}\n\n${notice}`;
}

/**
 * `[5 messages left]`, or, before the last one, how to answer now: once in every observation and nudge, outside of the data. Observations
 * cannot hold these words (observation.ts).
 */
export function turnsNotice(turnsLeft: number, howToAnswer: string): string {
  if (turnsLeft > 1) return `[${turnsLeft} messages left]`;
  return `[This is your last message: give your final answer now, ${howToAnswer}. Code will not be run.]`;
}
