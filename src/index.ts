// The public names: what recipes and programs that embed Tracemill import.
export { scaffolds } from "./agents/index.ts";
export type * from "./contracts.ts";
export { datasetEntry } from "./datasets/load.ts";
export type { Dataset, Seed } from "./domain/dataset.ts";
export { BudgetError, FailureError, RejectionError, StoreError, UsageError } from "./domain/errors.ts";
export type { Example } from "./domain/example.ts";
export type { Attempt, OwnQuestion, Query, Reference, Task } from "./domain/task.ts";
export type { Candidate, Message, Score, StepResult, Trajectory, Turn, Verdict } from "./domain/trajectory.ts";
export { from, type Line } from "./engine/line.ts";
export { all, each, pass, reject } from "./engine/stage.ts";
export { exporters } from "./exports/index.ts";
export { criteria } from "./judges/criteria.ts";
export { rubricJudge } from "./judges/rubric.ts";
export { metrics } from "./metrics/index.ts";
export { trajectoryMetrics } from "./metrics/trajectory.ts";
export { modelConfig } from "./models/open.ts";
export {
  defineRun,
  type Expectation,
  type Recipe,
  type RunConfig,
  type RunKit,
  runShape,
  scaffoldName,
  scaffoldNamed,
} from "./recipe.ts";
export { accept } from "./stages/accept.ts";
export { admit } from "./stages/admit.ts";
export { agreement } from "./stages/agreement.ts";
export { attempts } from "./stages/attempts.ts";
export { dedupe } from "./stages/dedupe.ts";
export { toExamples } from "./stages/examples.ts";
export { judge } from "./stages/judge.ts";
export * as options from "./stages/options.ts";
export { propose } from "./stages/propose.ts";
export { ownReference, reference } from "./stages/reference.ts";
export { rollouts } from "./stages/rollouts.ts";
export { score } from "./stages/score.ts";
export { screen } from "./stages/screen.ts";
export { select } from "./stages/select.ts";
export { shape } from "./stages/shape.ts";
