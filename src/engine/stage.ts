// The two kinds of stage, and the three ways an item leaves one: passed, rejected, or failed (a thrown FailureError).

/** Every body that travels along a line names itself by a content id. */
export interface Identified {
  readonly id: string;
}

/** The item goes on as `out`; made by `pass`. */
export interface Passed<Out> {
  readonly outcome: "passed";
  readonly out: readonly Out[];
}

/** The item is dropped for good; made by `reject`. */
export interface Rejected {
  readonly outcome: "rejected";
  readonly code: string;
  readonly message: string;
  readonly evidence?: unknown;
}

/** How an item leaves a stage. */
export type Step<Out> = Passed<Out> | Rejected;

/** The item goes on as these bodies: one for a filter, several for a stage that multiplies. */
export function pass<Out>(...out: Out[]): Passed<Out> {
  return { outcome: "passed", out };
}

/** The item is dropped for good. `code` is snake_case and counted in the funnel; `evidence` is JSON an auditor can judge the decision by. */
export function reject(code: string, message: string, evidence?: unknown): Rejected {
  return evidence === undefined
    ? { outcome: "rejected", code, message }
    : { outcome: "rejected", code, message, evidence };
}

/** What a stage is handed beside the item. */
export interface StageContext {
  /** Aborts when the run must stop now; draining does not abort it. */
  readonly signal: AbortSignal;
}

/** Handles one item and may have effects. Throws FailureError (owed), RejectionError (dropped), BudgetError (stays pending); anything else is a bug and stops the run. */
export interface EachStage<In extends Identified, Out extends Identified> {
  readonly kind: "each";
  readonly name: string;
  /** Items under way at once in this stage. */
  readonly concurrency: number;
  /** Keep the bodies of what passed in the store, for the audit. */
  readonly keep: boolean;
  readonly run: (body: In, context: StageContext) => Promise<Step<Out>> | Step<Out>;
}

/**
 * Sees the whole set at once, as projections (ids, numbers, short strings) sorted by id, and decides on each. Pure. A barrier.
 * `decide` returns one entry per projection, in the same order: null passes, a Rejected drops.
 */
export interface AllStage<Body extends Identified, P extends Identified> {
  readonly kind: "all";
  readonly name: string;
  readonly project: (body: Body) => P;
  readonly decide: (projections: readonly P[]) => readonly (Rejected | null)[];
}

/**
 * A stage that handles one item at a time: `from(…).through(each({ name, run }))`. `name` is the stage's row in the funnel, unique in its line;
 * `concurrency` (1) items are under way at once; `keep` (false) stores the bodies of what passed, so that `tracemill why` can show them.
 */
export function each<In extends Identified, Out extends Identified>(stage: {
  name: string;
  concurrency?: number;
  keep?: boolean;
  run: EachStage<In, Out>["run"];
}): EachStage<In, Out> {
  return { kind: "each", concurrency: 1, keep: false, ...stage };
}

/**
 * A stage that decides over the whole set, and waits for all of it: caps, balance, duplicates. `project` takes what the decision needs from an
 * item, with the item's own id; `decide` is pure and may depend on nothing but the projections, which come sorted by id.
 */
export function all<Body extends Identified, P extends Identified>(
  stage: Omit<AllStage<Body, P>, "kind">,
): AllStage<Body, P> {
  return { kind: "all", ...stage };
}
