/** What a refusal is about. `standing`: it will be the same for every request (a key, credit, a model's name); `access`: it may be. */
export type RefusalKind = "standing" | "access" | "request";

/** Tells refusals that hit everything from those that hit a request: only the first kind stops a run. */
export interface Refusals {
  answered(): void;
  /**
   * A request was refused; `others`: requests to the same model under way or waiting. Returns which requests were refused where they
   * were enough to say that all are; null otherwise.
   */
  refused(kind: RefusalKind, others: number): string | null;
}

/** So many refusals, and nothing else, say that all will be refused. */
export const refusalsEnough = 20;

/** Refusals of a model that nobody has asked yet. */
export function createRefusals(): Refusals {
  let hasAnswered = false;
  let first = 0;
  let standing = 0;
  let inARow = 0;
  return {
    answered() {
      hasAnswered = true;
      inARow = 0;
    },
    refused(kind, others) {
      if (hasAnswered) {
        // What is wrong with requests alone is for the failure rate of their stage to judge.
        if (kind !== "request") inARow += 1;
        return inARow >= refusalsEnough ? `the last ${inARow} requests` : null;
      }
      first += 1;
      if (kind === "standing") standing += 1;
      if (first >= refusalsEnough) return `all ${first} first requests`;
      // A small run has no twenty.
      if (standing === first && others === 0) return first === 1 ? "the first request" : `all ${first} requests`;
      return null;
    },
  };
}
