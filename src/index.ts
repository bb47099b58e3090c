// The public names: what recipes and programs that embed Tracemill import.
export { z } from "zod";
export { scaffolds } from "./agents/index.ts";
export type {
  Assignment,
  Blobs,
  ChatRequest,
  CheckOptions,
  Companion,
  Completion,
  Environment,
  ExportedFile,
  Exporter,
  ExportProblem,
  FileMetric,
  FileSubject,
  Identity,
  Judge,
  Metric,
  MetricSubject,
  Model,
  ParsedMessage,
  Passage,
  Price,
  Remember,
  Remembered,
  RememberOptions,
  Renderer,
  Said,
  Scaffold,
  Session,
  Spend,
  Target,
  Tokenised,
  WriteOptions,
} from "./contracts.ts";
export { datasetEntry } from "./datasets/load.ts";
export type { ColumnProfile, DataFile, Dataset, Seed } from "./domain/dataset.ts";
export {
  BudgetError,
  type FailureCode,
  FailureError,
  type FailureKind,
  RejectionError,
  StoreError,
  UsageError,
} from "./domain/errors.ts";
export type { Conversation, Example, ExampleMessage } from "./domain/example.ts";
export { contentId, hashOf } from "./domain/hash.ts";
export type {
  EndedCandidate,
  LabelledSteps,
  LabelledTry,
  PreferencePair,
  ProductItems,
  ProductName,
  RejectionReason,
  RlTask,
} from "./domain/products.ts";
export type { Refusal, SubmissionFile, SubmissionRule } from "./domain/submission.ts";
export type { Attempt, OwnQuestion, Proposal, Query, Reference, Task } from "./domain/task.ts";
export type {
  Action,
  BoundedText,
  Candidate,
  CriterionScore,
  Exit,
  FinishReason,
  Message,
  RanOn,
  Score,
  ServedBy,
  StepEnd,
  StepRan,
  StepResult,
  ToolCall,
  ToolDefinition,
  Trajectory,
  Turn,
  Usage,
  Verdict,
} from "./domain/trajectory.ts";
export { type AnyStage, from, type Line } from "./engine/line.ts";
export {
  type AllStage,
  all,
  type EachStage,
  each,
  type Identified,
  type Passed,
  pass,
  type Rejected,
  reject,
  type StageContext,
  type Step,
} from "./engine/stage.ts";
export { type AtomicFile, openAtomicFile } from "./exports/atomic-file.ts";
export { type AnyExporter, exporters } from "./exports/index.ts";
export { type Criterion, criteria } from "./judges/criteria.ts";
export { type RubricJudgeOptions, rubricJudge } from "./judges/rubric.ts";
export { fileMetrics, metrics } from "./metrics/index.ts";
export { inferReference } from "./metrics/infer.ts";
export { type Finding, metricOf } from "./metrics/measure.ts";
export { trajectoryMetrics } from "./metrics/trajectory.ts";
export { type ModelConfig, modelConfig } from "./models/open.ts";
export type { Prompt } from "./prompts/load.ts";
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
export { accept, quality } from "./stages/accept.ts";
export { admit } from "./stages/admit.ts";
export { agreement } from "./stages/agreement.ts";
export { attempts } from "./stages/attempts.ts";
export { dedupe } from "./stages/dedupe.ts";
export { toExamples } from "./stages/examples.ts";
export { judge } from "./stages/judge.ts";
export * as options from "./stages/options.ts";
export { propose } from "./stages/propose.ts";
export { ownReference, reference } from "./stages/reference.ts";
export { askTask, rollouts } from "./stages/rollouts.ts";
export { score, type TrajectoryMetric } from "./stages/score.ts";
export { type Bound, screen } from "./stages/screen.ts";
export { select } from "./stages/select.ts";
export { shape } from "./stages/shape.ts";
export { type Agent, fileList, type OpenSession, solve } from "./stages/solving.ts";
