import type { Store } from "../contracts.ts";
import type { BudgetError, FailureError } from "../domain/errors.ts";
import type { Executor } from "./executor.ts";
import type { Rejected } from "./stage.ts";

/** What the stages of one running line share. */
export interface LineScope {
  readonly store: Store;
  readonly executor: Executor;
  /** Aborts when work under way must stop at once. */
  readonly signal: AbortSignal;
  /** True once nothing new may start. */
  readonly stopping: () => boolean;
  /** What was decided about an item before this stage tries it; null where it is to be tried. */
  readonly decided: (stage: string, id: string) => Rejected | null;
  /** An `each` stage tried an item, which ended: with a failure, or with null where it passed or was rejected. */
  readonly tried: (stage: string, failure: FailureError | null) => void;
  /** An item needed more than a budget holds, and stays pending. */
  readonly unpaid: (error: BudgetError) => void;
  /** Stops the line: the first error given here is what the line throws once all work has settled. */
  readonly fail: (error: unknown) => void;
}
