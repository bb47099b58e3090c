import type { EachStage, Identified, StageContext, Step } from "./stage.ts";

/** Where a stage's work on one item happens: here, or in a worker that finds the stage by its name. */
export interface Executor extends AsyncDisposable {
  readonly name: string;
  /** @throws whatever the stage throws, with its kind kept. */
  run<In extends Identified, Out extends Identified>(
    stage: EachStage<In, Out>,
    body: In,
    context: StageContext,
  ): Promise<Step<Out>> | Step<Out>;
}
