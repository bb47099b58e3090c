import type { Store } from "../contracts.ts";
import type { Executor } from "./executor.ts";

/** What the stages of one running line share. */
export interface LineScope {
  readonly store: Store;
  readonly executor: Executor;
  /** Aborts when work under way must stop at once. */
  readonly signal: AbortSignal;
  /** True once nothing new may start. */
  readonly stopping: () => boolean;
  /** Stops the line: the first error given here is what the line throws once all work has settled. */
  readonly fail: (error: unknown) => void;
}
