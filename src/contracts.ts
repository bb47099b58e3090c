// The contracts everything plugs into. An entry of a plug-in folder is a factory that closes over its options and returns one of these.
import type { ZodType } from "zod";
import type { Dataset } from "./domain/dataset.ts";
import type { FailureCode } from "./domain/errors.ts";
import type { Conversation, Example } from "./domain/example.ts";
import type { LogLevel } from "./domain/log-level.ts";
import type { ProductName } from "./domain/products.ts";
import type { Refusal, SubmissionFile } from "./domain/submission.ts";
import type { Reference, Task } from "./domain/task.ts";
import type {
  Action,
  Candidate,
  FinishReason,
  Message,
  Score,
  ServedBy,
  StepRan,
  StepResult,
  ToolCall,
  ToolDefinition,
  Usage,
  Verdict,
} from "./domain/trajectory.ts";

/** Where values that cost money or time are kept. Values are JSON. Many processes may hold one store open. */
export interface Store extends AsyncDisposable {
  get(key: string): unknown | undefined;
  /** Resolves once the value is committed: a `kill -9` afterwards does not lose it. @throws {StoreError} when it cannot commit. */
  put(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
  keys(prefix: string): Iterable<string>;
  /** Waits for the right to compute `key`. A dead holder's lease is taken at once, a live one's never. */
  lease(key: string, signal: AbortSignal): Promise<AsyncDisposable>;
}

/** Bytes kept under their SHA-256 (hex): pictures that steps showed, files that agents submitted. Many processes may write at once. */
export interface Blobs {
  /** Resolves with the hash once the bytes are on disk; bytes that are there already cost nothing. @throws {StoreError} when the disk refuses. */
  put(bytes: Uint8Array): Promise<string>;
  /** The bytes, checked against their hash; undefined where there are none. @throws {StoreError} when they are damaged. */
  get(sha256: string): Promise<Uint8Array | undefined>;
}

/** What a remembered value is: everything that can change it, and nothing else. `version` is bumped by hand when the leaf's output changes. */
export interface Identity {
  readonly kind: string;
  readonly version: number;
  readonly [part: string]: unknown;
}

/** A value with its key in the store; `remembered` when nothing was computed for it now. */
export interface Remembered<T> {
  readonly value: T;
  readonly key: string;
  readonly remembered: boolean;
}

/** `signal` stops the wait for another process that computes the same value. */
export interface RememberOptions {
  readonly signal: AbortSignal;
}

/**
 * Wraps what costs money inside a computation: an intent lies in the store from before `send` starts until the value is committed or
 * an error was received, so that a kill in between is counted as `lost`.
 */
export type Spend = <T>(send: () => Promise<T>) => Promise<T>;

/**
 * Returns the stored value of `what`, or computes and stores it. Identical calls under way compute once; what they compute goes on until none
 * of them wants it any more, which `compute` is told by the signal it is handed. An error is never stored.
 * @throws {StoreError} when the store cannot commit; whatever `compute` throws.
 */
export type Remember = <T>(
  what: Identity,
  schema: ZodType<T>,
  compute: (spend: Spend, signal: AbortSignal) => Promise<T>,
  options: RememberOptions,
) => Promise<Remembered<T>>;

/** The stored value of `what`, at once: it computes nothing and waits for nobody. Null where nothing is stored. */
export type Recall = <T>(what: Identity, schema: ZodType<T>) => Remembered<T> | null;

/** A chat request as the pipeline means it; the model adds endpoint, model name and sampling. */
export interface ChatRequest {
  readonly messages: readonly Message[];
  readonly stop?: readonly string[];
  /** Ask for JSON of this shape where the endpoint can; the text still has to be parsed leniently. */
  readonly jsonSchema?: { readonly name: string; readonly schema: unknown };
  /** Functions the model may call, one at a time. @throws {UsageError} from `complete` where the model's abilities say it has no tools. */
  readonly tools?: readonly ToolDefinition[];
  /** Another token limit than the config's, at most `Model.tokenLimit.most`: another request, by its payload. */
  readonly maxTokens?: number;
}

/** A model's answer; `text` as it was sent, `reasoning` where the endpoint shows it apart. */
export interface Completion {
  readonly text: string;
  readonly reasoning: string | null;
  /** Native tool calls, in order; absent or empty where there are none. */
  readonly toolCalls?: readonly ToolCall[];
  /** Which fallback answered; absent where the model's own endpoint did. */
  readonly servedBy?: ServedBy;
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  /** Store key of this completion. */
  readonly key: string;
  readonly remembered: boolean;
}

/** One try of a request to an endpoint; `try` counts from 1. `payload` is the body, without any key; `stage` asked, null outside of any. */
export interface SentRequest {
  readonly alias: string;
  readonly stage: string | null;
  readonly baseUrl: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly try: number;
}

/** Told of every request that leaves for an endpoint and what became of it. Must neither throw nor wait. Latencies in milliseconds. */
export interface RequestWatch {
  sends(request: SentRequest): void;
  receives(request: SentRequest, answer: Pick<Completion, "text" | "finishReason" | "usage">, latencyMs: number): void;
  fails(request: SentRequest, error: unknown, latencyMs: number): void;
  /** The request is tried again after so long. */
  waits(request: SentRequest, error: Error, waitMs: number): void;
  /** Nobody asks the endpoint for so long: it said 429, or for how long to leave it alone. */
  pauses(request: SentRequest, error: Error, pauseMs: number): void;
  /** The endpoint answers nobody: everybody waits, and one request looks after so long. Told at the first and after each look in vain. */
  goesDown(request: SentRequest, error: Error, againMs: number): void;
  /** It answers again, so long after the first request without an answer. */
  comesBack(request: SentRequest, downMs: number): void;
}

/** What an endpoint takes, in US dollars a million tokens, as of a day. */
export interface Price {
  readonly inputPerMillion: number;
  /** Input read from a cache costs as all input unless said. */
  readonly cachedInputPerMillion?: number | undefined;
  readonly outputPerMillion: number;
  readonly asOf: string;
}

/** A language model behind an endpoint. */
export interface Model {
  /** The alias under `models:` in the config. */
  readonly name: string;
  /** What would change its answers: endpoint, model name, sampling. Part of every remembered completion's identity. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** What it costs, where that is known. */
  readonly price?: Price | null;
  /** The tokens it may write in one answer, and how far a caller may raise that; null or absent where the config sets no limit. */
  readonly tokenLimit?: { readonly usual: number; readonly most: number } | null;
  /** The tokens that a request and its answer may have together; null or absent where the config does not say. */
  readonly contextTokens?: number | null;
  /** Whether it takes functions to call (`ChatRequest.tools`); absent where nobody says. */
  readonly takesTools?: boolean;
  /**
   * What is remembered of this request and sample, from whichever endpoint; null where it would have to be asked. Sends nothing.
   * @throws {RejectionError} content_filter, refusal, as `complete` does of a remembered answer.
   */
  recall?(request: ChatRequest, options: { readonly sample: number }): Completion | null;
  /**
   * One completion. `sample` tells independent samples of one request apart.
   * @throws {FailureError} "provider" after retries. @throws {RejectionError} context_overflow, content_filter, refusal.
   * @throws {BudgetError} when the run's budget does not hold it.
   * @throws {UsageError} when the endpoint refuses everything (401, 403, 404); what it refuses of many is a FailureError.
   */
  complete(
    request: ChatRequest,
    options: { readonly sample: number; readonly signal: AbortSignal },
  ): Promise<Completion>;
  /** One cheap check before anything is spent that the endpoint answers. @throws {UsageError} saying what to mend. */
  check(signal: AbortSignal): Promise<void>;
}

/** Limits of one sandbox. `stepTimeoutMs` is wall time of one step; caps are bytes of one stream the agent is shown (head and tail, half each). */
export interface SandboxLimits {
  readonly memoryMb: number;
  readonly cpus: number;
  readonly pids: number;
  readonly stepTimeoutMs: number;
  readonly scratchMb: number;
  readonly outputBytes: number;
  /** The sandbox ends itself when its host has said nothing for so long between steps. No part of the environment's identity. */
  readonly idleMs: number;
}

/** What a sandbox is opened for. */
export interface SandboxRequest {
  /** Host folder whose files appear, read-only, under /data/ inside. Holds nothing else. */
  readonly dataDir: string;
  /** Who this sandbox is for, in labels and logs; never visible inside. */
  readonly label: string;
  /** Where pictures that steps show are kept; without it they are described and let go. */
  readonly blobs?: Blobs | undefined;
  readonly signal: AbortSignal;
}

/** What a sandbox has waited for, in milliseconds: a place, its start up to the supervisor's hello, and the imports before its last step. */
export interface SandboxTimes {
  readonly queueMs: number;
  readonly openMs: number;
  readonly readyMs: number;
}

/** One persistent Python session. Disposing it kills everything that runs in it. */
export interface Sandbox extends AsyncDisposable {
  /**
   * Runs one step; variables live on in the next. `number` is what tracebacks and saved outputs call it, counted from 1 where it is not
   * given. The code's own errors are results. @throws {FailureError} "sandbox" when the sandbox broke. @throws {StoreError} when a
   * picture cannot be kept.
   */
  run(
    code: string,
    options: { readonly signal: AbortSignal; readonly number?: number | undefined },
  ): Promise<StepResult>;
  /**
   * The bytes of a file below /scratch, read once every process but the supervisor is dead: no step can run after it. What the code may have
   * made of the path is a refusal, never an error. @throws {FailureError} "sandbox" when the sandbox broke.
   */
  collect(path: string, options: { readonly maxBytes: number; readonly signal: AbortSignal }): Promise<Collected>;
  /**
   * Stops the step that runs as Ctrl-C does: KeyboardInterrupt in its code, and after 2 s without an answer a new interpreter (`exited`,
   * `stateLost`). Does nothing where no step runs.
   */
  interrupt(): void;
  times(): SandboxTimes;
}

/** A file as it was read out of a sandbox, or why it was not. */
export type Collected =
  | { readonly bytes: Uint8Array; readonly sha256: string }
  | { readonly refused: Refusal; readonly detail: string };

/**
 * How the sandboxes of a backend ended, counted: by whoever opened them (`closed`), by the code (`killed`), or by broken infrastructure
 * (`failed`, by code). Each has exactly one end: `opened` is their sum and those still open.
 */
export interface SandboxEnds {
  readonly opened: number;
  readonly closed: number;
  readonly killed: number;
  readonly failed: Readonly<Partial<Record<FailureCode, number>>>;
}

/**
 * Package versions and limits the code runs under; `id` hashes them and is the environment's identity. `image`, `kernel` (as the code
 * sees it) and `runtime` ("runc", "bubblewrap 0.8.0") are recorded, not hashed.
 */
export interface Environment {
  readonly id: string;
  readonly backend: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly image: string | null;
  /** Release of the kernel as the inside sees it: gVisor's own under runsc. */
  readonly kernel: string;
  /** What runs the inside: `runc`, `runsc`, `bubblewrap 0.8.0`. */
  readonly runtime: string;
}

/** A way to isolate code, probed and ready. Holds at most its configured number of sandboxes open; `open` waits for a place. */
export interface SandboxBackend extends AsyncDisposable {
  readonly name: string;
  readonly environment: Environment;
  readonly limits: SandboxLimits;
  open(request: SandboxRequest): Promise<Sandbox>;
  /** How many sandboxes are open or being opened now, how many may be, and how many callers of `open` wait for a place. */
  occupancy(): { readonly open: number; readonly limit: number; readonly waiting: number };
  ends(): SandboxEnds;
}

/** A session that replays remembered steps without opening a sandbox, and opens one when new code has to run. */
export interface Session extends AsyncDisposable {
  /** Where its code runs; recorded in the trajectory. */
  readonly environment: Environment;
  run(
    code: string,
    options: { readonly signal: AbortSignal },
  ): Promise<{ result: StepResult; remembered: boolean; diverged: boolean; ran: StepRan }>;
  /** Ends the session and takes a file out of it (`Sandbox.collect`), its bytes into the session's blobs. Remembered as steps are. */
  collect(path: string, options: { readonly maxBytes: number; readonly signal: AbortSignal }): Promise<SubmissionFile>;
}

/** What an agent is asked, apart from the scaffold's own words. */
export interface Assignment {
  readonly system: string;
  readonly user: string;
}

/** What a scaffold reads of a completion. */
export type Said = Pick<Completion, "text" | "finishReason"> & Partial<Pick<Completion, "reasoning" | "toolCalls">>;

/**
 * A completion read by a scaffold. `message` is it as it goes on in the conversation; `transforms` names every difference between the
 * completion and it, in order; mostly empty.
 */
export interface ParsedMessage {
  readonly action: Action;
  readonly message: Message;
  readonly transforms: readonly string[];
}

/** How an agent and its sandbox talk. Pure: text in, text out. `version` is part of a rollout's identity. */
export interface Scaffold {
  readonly name: string;
  /** What it is for, in one line, as `tracemill list` shows it. */
  readonly about?: string;
  readonly version: number;
  readonly stop: readonly string[];
  /** What the model is offered as native tool calls; absent where actions are text. */
  readonly tools?: readonly ToolDefinition[];
  open(assignment: Assignment): Message[];
  /** Reads one completion; never throws. */
  parse(said: Said): ParsedMessage;
  /** What the agent is told about a step. */
  show(step: StepResult): string;
  /** The message that carries an observation back to what was `said`; tells the agent how many messages it has left, and which is its last. */
  observe(observation: string, turnsLeft: number, said: Message): Message;
  /** The message after an invalid turn. */
  nudge(why: string, turnsLeft: number, said: Message): Message;
}

/** What an answer metric compares; `submission` is null when the agent submitted nothing. */
export interface MetricSubject {
  readonly reference: Reference;
  readonly submission: string | null;
}

/** Measures an answer against a reference. Fails closed: its own trouble is `value: null` with a reason, never a number. */
export interface Metric {
  readonly name: string;
  /** What it is for, in one line, as `tracemill list` shows it. */
  readonly about?: string;
  readonly version: number;
  score(subject: MetricSubject): Score;
}

/**
 * What a file metric compares: `reference.file` with `file`, which is null where the task asked for none. `read` gives the bytes kept under a
 * hash; it throws where they are gone, which is nobody's score.
 */
export interface FileSubject extends MetricSubject {
  readonly file: SubmissionFile | null;
  readonly read: (sha256: string) => Promise<Uint8Array>;
}

/**
 * Measures a submitted file against a reference file, from its bytes alone. What the agent did wrong is 0, with a reason that begins
 * with `invalid_submission`; its own trouble is `value: null`.
 */
export interface FileMetric {
  readonly name: string;
  /** What it is for, in one line, as `tracemill list` shows it. */
  readonly about?: string;
  readonly version: number;
  score(subject: FileSubject): Promise<Score>;
}

/** Reads a candidate and scores criteria. @throws {FailureError} "judge" when no valid verdict could be had. */
export interface Judge {
  readonly name: string;
  judge(
    subject: { readonly task: Task; readonly candidate: Candidate },
    options: { readonly signal: AbortSignal },
  ): Promise<Verdict>;
}

/** Finds data files on disk and keeps a content-addressed copy that sandboxes can be given. */
export interface DatasetLoader {
  load(path: string): Promise<{ readonly dataset: Dataset; readonly dir: string }[]>;
}

/**
 * A file as written: its size, the SHA-256 of its bytes (hex) and how many rows it holds. `format` and `split` (`train`, `validation`, `test`)
 * say what it is part of; they are absent where a file stands alone.
 */
export interface ExportedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly rows: number;
  readonly format?: string;
  readonly split?: string;
}

/** One broken rule in a file: rule id (`OA-R5`), 1-based line (0 for the whole file), field, what and how to mend it. */
export interface ExportProblem {
  readonly rule: string;
  readonly line: number;
  readonly field: string;
  readonly message: string;
  readonly severity: "error" | "warning";
}

/** A stretch of a rendered conversation: `message` is the index of the message it belongs to (null for what the template itself writes first or last), `trained` says whether it carries loss. */
export interface Passage {
  readonly text: string;
  readonly message: number | null;
  readonly trained: boolean;
}

/** A conversation as numbers: three lists of one length; `labels` are not shifted, and -100 where there is no loss. */
export interface Tokenised {
  readonly inputIds: readonly number[];
  readonly attentionMask: readonly number[];
  readonly labels: readonly number[];
}

/** A trainer's own tokenizer and chat template: what it will see of a conversation. Pure once opened. */
export interface Renderer {
  /** What the user named: a folder, or an encoding. */
  readonly name: string;
  /** Hashes of the tokenizer and the template. */
  readonly identity: Readonly<Record<string, string>>;
  /** The text a trainer makes of it, in passages whose texts joined are the whole. @throws {UsageError} where the template refuses it, or there is none (an encoding alone only counts). */
  render(conversation: Conversation): readonly Passage[];
  /** The same in tokens. @throws as `render`. */
  tokenise(conversation: Conversation): Tokenised;
  /** How many tokens it takes; an estimate where `exact` is false. */
  count(conversation: Conversation): number;
  /** The first message whose rendering changes once more follows; null where none does. Absent without a template. */
  unstableMessage?(conversation: Conversation): number | null;
  /** False for an encoding without a template, which counts by OpenAI's published rule. */
  readonly exact: boolean;
}

/** What a check may use beside the file. */
export interface CheckOptions {
  /** For the rules about tokens and rendering (OA-R10, FW-R5, VE-R2, CT-R1 …), which are not checked without it. */
  readonly renderer?: Renderer;
  /** The most tokens of a row; a target's published limit unless given. */
  readonly maxTokens?: number;
  /** The model to be trained shows its thinking (TG-R13, FW-R6). */
  readonly reasoning?: boolean;
  /** Fields that a grader reads of every line (OA-R12). */
  readonly graderFields?: readonly string[];
}

/** What a trainer or a service takes: the numbered rules of a file for it. */
export interface Target {
  readonly name: string;
  /** What it is for, in one line, as `tracemill list` shows it. */
  readonly about?: string;
  /** Every broken rule, streaming over the file. @throws {UsageError} where there is no file. */
  check(path: string, options?: CheckOptions): Promise<ExportProblem[]>;
}

/** What a writer may use beside the items. */
export interface WriteOptions<Item> {
  readonly renderer?: Renderer;
  /** Told of every item, in order, once the file holds it, and of how many rows it takes there (0 where the format has no place for it). */
  readonly placed?: (item: Item, rows: number) => void;
  /** Which library writes Parquet; `hyparquet-writer` unless given. */
  readonly parquetEngine?: "hyparquet-writer" | "parquetjs-lite";
}

/** A small file that belongs beside the data: `name` relative to the data's folder. */
export interface Companion {
  readonly name: string;
  readonly text: string;
}

/** Writes one product (examples unless `product` says another) in one format, and checks a written file against its target's rules. */
export interface Exporter<Item = Example> extends Target {
  /** What its items are; examples (`sft`) where it is absent. */
  readonly product?: ProductName;
  /** Below the run's `exports/`. */
  readonly fileName: string;
  /** It cannot write without `options.renderer`. */
  readonly needsRenderer?: boolean;
  /** The file appears whole or not at all (`openAtomicFile`). @throws {StoreError} when the disk refuses. */
  write(items: AsyncIterable<Item>, path: string, options?: WriteOptions<Item>): Promise<ExportedFile>;
  /** What belongs beside the files of all splits: a registry that the trainer reads, say. `file` is relative to the folder. */
  companions?(files: readonly { readonly file: string; readonly split: string }[]): readonly Companion[];
  /** The conversations of a written file, a row each, for previews and token counts; null for a row that is none. Absent where rows are no conversations. */
  conversations?(path: string): AsyncIterable<Conversation | null>;
}

/** What a tuning job is to be like. What is left out is the service's own default; `extra` goes into the request as it is. */
export interface TuningSettings {
  readonly model: string;
  readonly method: "sft" | "dpo";
  readonly epochs?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly batchSize?: number | undefined;
  readonly loraRank?: number | undefined;
  readonly seed?: number | undefined;
  readonly suffix?: string | undefined;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** A job as its service tells of it: `status` in the service's own word, `state` what that comes to. */
export interface TuningJob {
  readonly id: string;
  readonly status: string;
  readonly state: "waiting" | "running" | "succeeded" | "failed" | "cancelled";
  readonly error: string | null;
  readonly tunedModel: string | null;
  readonly trainedTokens: number | null;
}

/** Something that happened to a job; `metrics` by name where it measured. */
export interface TuningEvent {
  readonly id: string;
  readonly at: string | null;
  readonly level: string;
  readonly message: string;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** A model as it was at some step of a job. */
export interface TuningCheckpoint {
  readonly id: string;
  readonly step: number | null;
  readonly model: string | null;
  readonly metrics: Readonly<Record<string, number>>;
}

/** A training file as it lies here, with what was written into it. */
export interface TuningFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly rows: number;
  readonly tools: boolean;
  readonly reasoning: boolean;
  readonly weights: boolean;
}

/** What a service takes for a job, in US dollars, where it says so itself. */
export interface TuningEstimate {
  readonly usd: number | null;
  readonly why: string;
}

/** A fine-tuning service with a key. @throws {UsageError} from all for what only a person can mend (401, 403, 404, a refused file); {FailureError} "provider" after retries. */
export interface TuningService {
  /** Uploads a file and waits until the service has taken it in; `sent` is told of bytes. Returns the service's id of it. */
  upload(
    file: TuningFile,
    options: { readonly signal: AbortSignal; readonly tell: (line: string) => void },
  ): Promise<string>;
  /** What it would cost, by the service's own word; null where it gives none. */
  estimate?(files: TuningFiles, settings: TuningSettings, signal: AbortSignal): Promise<TuningEstimate | null>;
  /** Creates the job. `key` names it so that `find` finds it; it is asked once and never again by itself. */
  create(
    files: TuningFiles,
    settings: TuningSettings,
    options: { readonly key: string; readonly signal: AbortSignal },
  ): Promise<TuningJob>;
  /** The job that `create` made under this key; null where there is none. `earlier` are the ids of jobs that were made of the same files before, under other keys. */
  find(
    files: TuningFiles,
    settings: TuningSettings,
    options: { readonly key: string; readonly earlier: readonly string[]; readonly signal: AbortSignal },
  ): Promise<TuningJob | null>;
  job(id: string, signal: AbortSignal): Promise<TuningJob>;
  /** The events of a job, oldest first: at least all behind the last one that is known. */
  events(
    id: string,
    options: { readonly signal: AbortSignal; readonly isKnown: (eventId: string) => boolean },
  ): Promise<readonly TuningEvent[]>;
  checkpoints(id: string, signal: AbortSignal): Promise<readonly TuningCheckpoint[]>;
  cancel(id: string, signal: AbortSignal): Promise<TuningJob>;
}

/** The service's ids of the uploaded files. */
export interface TuningFiles {
  readonly training: string;
  readonly validation: string | null;
}

/** A fine-tuning service that a job can be started at. */
export interface Tuner {
  readonly name: string;
  /** What it is for, in one line, as `tracemill list` shows it. */
  readonly about: string;
  /** The targets that its files are checked for, by method. */
  readonly targets: Readonly<Record<TuningSettings["method"], string>>;
  /** The variable that holds the key, and the base URL, where the user names none; null where there is no usual one. */
  readonly keyVariable: string;
  readonly baseUrl: string | null;
  /** What `--option` may name; one that ends in `-bytes` is a whole number above 0. */
  readonly options: readonly string[];
  /** Settings that the service would refuse, before anything is sent: `field: expected …`. */
  problems(settings: TuningSettings, file: { readonly rows: number; readonly validated?: boolean }): readonly string[];
  /** Tokens that are paid for, from those of each row and of its assistant prefixes; epochs as the service would choose them where none are set. */
  billedTokens(counts: TuningTokens, settings: TuningSettings): { readonly tokens: number; readonly epochs: number };
  open(options: TunerOptions): TuningService;
}

/** Tokens of a file: of all rows, and summed over the beginnings of conversations that end in a message with thinking (each becomes an example of its own at some services). */
export interface TuningTokens {
  readonly rows: number;
  readonly tokens: number;
  readonly expandedTokens: number;
  readonly longest: number;
  /** Of the validation file, once over; 0 without one. */
  readonly validationTokens: number;
}

/** What a tuner is opened with. */
export interface TunerOptions {
  readonly baseUrl: string;
  readonly key: string;
  /** Where the key was found: what a refusal of it names. */
  readonly keyVariable: string;
  readonly pollMs: number;
  readonly options: Readonly<Record<string, string>>;
  /** Cuts secrets out of what an error quotes. */
  readonly cut: (text: string) => string;
}

/** Where a run says what happens. Never throws and never waits; secrets are cut out of what it is given. */
export interface Log {
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Whether lines of this level are read by anybody, for fields that cost something to make. */
  takes(level: LogLevel): boolean;
}
