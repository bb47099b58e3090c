import { z } from "zod";
import { submissionFile } from "./submission.ts";
import { attempt } from "./task.ts";

/** A native tool call. In a completion `arguments` is the text that the model sent, JSON or not; in a conversation a JSON object, what was done to it named in the turn's transforms. */
export const toolCall = z.strictObject({ id: z.string(), name: z.string(), arguments: z.string() });
export type ToolCall = z.infer<typeof toolCall>;

/** A function that a model may call; `parameters` is a JSON Schema. */
export const toolDefinition = z.strictObject({
  name: z.string(),
  description: z.string(),
  parameters: z.record(z.string(), z.unknown()),
});
export type ToolDefinition = z.infer<typeof toolDefinition>;

/**
 * One chat message, byte for byte as the model saw or said it. This trains. `toolCalls` and `reasoning` (what the endpoint shows apart from
 * the text) stand on assistant messages only, `toolCallId` on tool messages only; they are absent where there are none.
 */
export const message = z.strictObject({
  role: z.enum(["system", "user", "assistant", "tool"]),
  content: z.string(),
  reasoning: z.string().exactOptional(),
  toolCalls: z.array(toolCall).exactOptional(),
  toolCallId: z.string().exactOptional(),
});
export type Message = z.infer<typeof message>;

/** Which fallback gave a completion in a model's place; `endpoint` as the store knows it. */
export const servedBy = z.strictObject({ endpoint: z.string(), model: z.string() });
export type ServedBy = z.infer<typeof servedBy>;

/** Tokens as the provider counted them (`estimated` when it did not and a tokenizer did); `costUsd` is null when no price is known. */
export const usage = z.strictObject({
  inputTokens: z.number().int(),
  cachedInputTokens: z.number().int(),
  outputTokens: z.number().int(),
  reasoningTokens: z.number().int(),
  estimated: z.boolean(),
  costUsd: z.number().nullable(),
});
export type Usage = z.infer<typeof usage>;

/** Why an endpoint ended a message, in words of ours; `other` is what none of these covers. */
export const finishReasons = ["stop", "length", "refusal", "content_filter", "tool_calls", "other"] as const;
/** One of `finishReasons`: why an endpoint ended a message. */
export type FinishReason = (typeof finishReasons)[number];

/** Bounded text: `head` and `tail` are what is kept, `droppedBytes` what lay between them. `tail` is empty when nothing was dropped. */
export const boundedText = z.strictObject({ head: z.string(), tail: z.string(), droppedBytes: z.number().int() });
export type BoundedText = z.infer<typeof boundedText>;

/**
 * How a step of code ended. `ok` and `error` (a Python exception) are the code's own ends; `timeout`, `oom`, `output_limit` are
 * limits; `exited` is the interpreter leaving by itself (os._exit, a signal), `protocol_violation` the code writing where only the
 * interpreter speaks, `killed` the agent ending its own sandbox.
 */
export const stepEnds = [
  "ok",
  "error",
  "timeout",
  "oom",
  "output_limit",
  "exited",
  "protocol_violation",
  "killed",
] as const;
/** One of `stepEnds`: how a step of code ended. */
export type StepEnd = (typeof stepEnds)[number];

/** A picture that a step showed: a PNG whose bytes are kept under their SHA-256 (hex). Sizes in bytes and pixels. */
export const picture = z.strictObject({
  sha256: z.string(),
  bytes: z.number().int(),
  width: z.number().int(),
  height: z.number().int(),
});
export type Picture = z.infer<typeof picture>;

/**
 * What one step of code did. Times in milliseconds, memory in bytes. `stateLost`: variables are gone, files in /scratch may remain.
 * `limit` is the limit that was reached, as a person says it ("1,024 MB", "60 s"), and `detail` more about an end in words.
 * `savedOutput` is where the agent finds the whole of an output that was too long, inside; null where nothing was left out.
 */
export const stepResult = z.strictObject({
  end: z.enum(stepEnds),
  stdout: boundedText,
  stderr: boundedText,
  result: boundedText.nullable(),
  exception: z.strictObject({ name: z.string(), value: z.string(), traceback: boundedText }).nullable(),
  pictures: z.array(picture),
  savedOutput: z.string().nullable(),
  wallMs: z.number(),
  cpuMs: z.number(),
  peakMemoryBytes: z.number().int().nullable(),
  stateLost: z.boolean(),
  limit: z.string().optional(),
  detail: z.string().optional(),
});
export type StepResult = z.infer<typeof stepResult>;

const milliseconds = z.number().nonnegative();

/** A machine's part in a step: the backend, its image digest where it has one, the kernel and the runtime as the code met them. */
export const ranOn = z.strictObject({
  backend: z.string(),
  image: z.string().nullable(),
  kernel: z.string(),
  runtime: z.string(),
});
export type RanOn = z.infer<typeof ranOn>;

/**
 * Where a step ran and what it cost beside its own `wallMs`, in milliseconds: waiting for a place, opening the sandbox (create, start,
 * hello), waiting for the rest of the imports, and running earlier code again. All but `readyMs` are 0 where a sandbox stood ready.
 */
export const stepRan = ranOn.extend({
  queueMs: milliseconds,
  openMs: milliseconds,
  readyMs: milliseconds,
  rebuildMs: milliseconds,
});
export type StepRan = z.infer<typeof stepRan>;

/** What the agent did in one turn, read from its message. `invalid` carries the reason the scaffold told the agent. */
export const action = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("code"), reasoning: z.string(), code: z.string() }),
  z.strictObject({ kind: z.literal("answer"), reasoning: z.string(), answer: z.string() }),
  z.strictObject({ kind: z.literal("invalid"), reasoning: z.string(), why: z.string() }),
]);
export type Action = z.infer<typeof action>;

/** One assistant message parsed, with what came of it. `message` is its index in `messages`. This is judged. */
export const turn = z.strictObject({
  message: z.number().int(),
  action,
  step: stepResult.nullable(),
  /** Where and when `step` was really run, however often it was replayed since; null where no code was run. */
  ran: stepRan.nullable(),
  observation: z.string().nullable(),
  finishReason: z.enum(finishReasons),
  completionKey: z.string(),
  diverged: z.boolean(),
  /** Named changes between the completion's text and the recorded message (`close_tag` …); empty when it is byte for byte the same. */
  transforms: z.array(z.string()),
  /** Which fallback gave the completion; absent where the model's own endpoint did. */
  servedBy: servedBy.exactOptional(),
  /** Indices in `messages` of observations that were shortened, with a visible marker, just before this turn's request; absent where none was. */
  shortened: z.array(z.number().int()).exactOptional(),
});
export type Turn = z.infer<typeof turn>;

/** Why a rollout ended. Every one is the agent's own doing; infrastructure trouble is a FailureError and makes no trajectory. */
export const exits = ["submitted", "turn_limit", "format_limit", "context_limit", "sandbox_killed"] as const;
/** One of `exits`: why a rollout ended. */
export type Exit = (typeof exits)[number];

/**
 * The record of one rollout. `messages` is the conversation as it stood at the end: turns before one with `shortened` were said on whole
 * observations. `environment` is the sandbox identity hash, `image` the image digest where there is one, `ranOn` the
 * distinct machines that its steps really ran on, in order, and `versions` the packages that the code finds there.
 */
export const trajectory = z.strictObject({
  id: z.string(),
  messages: z.array(message),
  turns: z.array(turn),
  exit: z.enum(exits),
  submission: z.string().nullable(),
  /** The file that the task asked for; null where it asked for none, absent in trajectories of older versions. */
  submissionFile: submissionFile.nullable().optional(),
  usage,
  /** What the model was offered as native tool calls; absent where the scaffold's actions are text. */
  tools: z.array(toolDefinition).exactOptional(),
  scaffold: z.string(),
  model: z.string(),
  backend: z.string(),
  environment: z.string(),
  image: z.string().nullable(),
  ranOn: z.array(ranOn),
  versions: z.record(z.string(), z.string()),
});
export type Trajectory = z.infer<typeof trajectory>;

/** What a metric measured. `value` is null when the metric could not measure (unscored), and `reason` says why. */
export const score = z.strictObject({ metric: z.string(), value: z.number().nullable(), reason: z.string() });
export type Score = z.infer<typeof score>;

/** One criterion as one judge vote saw it: `score` between 0 and 1. */
export const criterionScore = z.strictObject({
  name: z.string(),
  score: z.number().min(0).max(1),
  evidence: z.string(),
  justification: z.string(),
});
export type CriterionScore = z.infer<typeof criterionScore>;

/**
 * One review as it was read. `repairs` says by name what was done until it could be; `completions` are the store keys of all that it took, the
 * last of them read (absent in older verdicts), and `servedBy` which fallback gave that one, absent where the judge's own endpoint did.
 */
export const judgeVote = z.strictObject({
  criteria: z.array(criterionScore),
  repairs: z.array(z.string()),
  completions: z.array(z.string()).exactOptional(),
  servedBy: servedBy.exactOptional(),
});

/** What a judge measured: every vote whole, and per criterion the mean over the votes. Never a decision. */
export const verdict = z.strictObject({
  judge: z.string(),
  votes: z.array(judgeVote),
  criteria: z.record(z.string(), z.number()),
});
export type Verdict = z.infer<typeof verdict>;

/** A trajectory with everything measured about it. The id is the trajectory's. */
export const candidate = z.strictObject({
  id: z.string(),
  attempt,
  trajectory,
  scores: z.array(score),
  verdict: verdict.nullable(),
});
export type Candidate = z.infer<typeof candidate>;
