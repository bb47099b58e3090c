import type { Turn } from "./trajectory.ts";

/** Why a turn is, or is not, worth imitating. */
export type TurnWorth = "ran" | "answered" | "failed" | "invalid" | "repeated" | "saw_more";

/**
 * What each turn is worth to imitate, in order: code that ran and did something new, or an answer; else why not: code that failed or was never
 * run, an invalid message, a step repeated to no effect, a turn that saw more of an observation than was left of it.
 */
export function worthOfTurns(turns: readonly Turn[]): TurnWorth[] {
  const done = new Set<string>();
  return turns.map(({ message, action, step, observation }, index) => {
    // Said on words that are no longer there: imitated, it would be invention.
    const sawMore = turns.slice(index + 1).some(({ shortened }) => shortened?.some((at) => at < message));
    if (action.kind === "answer") return sawMore ? "saw_more" : "answered";
    if (action.kind === "invalid") return "invalid";
    if (step === null) return "failed";
    // The same code with another output looked at something that had changed since.
    const act = JSON.stringify([action.code.replace(/\s+$/gm, ""), observation]);
    const repeated = done.has(act);
    // What was lost has to be built again: that is no repetition either.
    if (step.stateLost) done.clear();
    else done.add(act);
    if (step.end !== "ok") return "failed";
    if (repeated) return "repeated";
    return sawMore ? "saw_more" : "ran";
  });
}

/** The indices of the messages worth imitating: the loss falls on these. */
export function trainedMessages(turns: readonly Turn[]): Set<number> {
  const worth = worthOfTurns(turns);
  return new Set(
    turns.filter((_, index) => ["ran", "answered"].includes(worth[index] ?? "")).map(({ message }) => message),
  );
}
