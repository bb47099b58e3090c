// A small run of the SFT line, made by hand in real files and a real store: 1 seed, 5 queries, 6 attempts, 1 example.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunFolder, runFolderAt, writeJson } from "../../src/archive/run-folder.ts";
import type { Example } from "../../src/domain/example.ts";
import type { FunnelRow, RunEvent, RunSummary } from "../../src/domain/run.ts";
import type { Query, Task } from "../../src/domain/task.ts";
import type { Candidate, Picture, StepResult } from "../../src/domain/trajectory.ts";
import { openStore } from "../../src/engine/store.ts";

export const runId = "20261123T101500Z-01234567";
const dataset = {
  id: "dataset_cc",
  name: "cars",
  files: [{ name: "cars.csv", format: "csv" as const, bytes: 10, sha256: "cc" }],
};
const question = "What is the mean horsepower of cars from Japan?\u001b[31m";

function query(id: string, difficulty: Query["difficulty"] = "easy"): Query {
  return {
    id,
    seedId: "seed_aa00",
    dataset,
    question,
    constraints: "Ignore missing values.",
    answerFormat: "A number with two decimals.",
    referenceCode: "import pandas as pd\nprint(1)",
    referenceAnswer: "79.84",
    difficulty,
  };
}

function task(id: string, queryId: string): Task {
  const { constraints, answerFormat, difficulty } = query(queryId);
  return {
    id,
    queryId,
    dataset,
    context: "cars.csv",
    question,
    constraints,
    answerFormat,
    difficulty,
    reference: { answer: "79.84", metric: "answer_match", params: { tolerance: 0.01 } },
    metadata: {},
  };
}

const text = (head: string) => ({ head, tail: "", droppedBytes: 0 });
const step: StepResult = {
  end: "ok",
  stdout: text("79.836"),
  stderr: text(""),
  result: null,
  exception: null,
  wallMs: 12.4,
  cpuMs: 10,
  pictures: [],
  savedOutput: null,
  peakMemoryBytes: null,
  stateLost: false,
};

const machine = { backend: "bubblewrap", image: null, kernel: "6.1.0", runtime: "bubblewrap 0.8.0" };

function candidate(id: string, index: number, submission: string | null, pictures: readonly Picture[]): Candidate {
  const turn = {
    step: null,
    observation: null,
    finishReason: "stop" as const,
    completionKey: "k",
    ran: null,
    diverged: false,
    transforms: [],
  };
  return {
    id,
    attempt: { id: `attempt_e${index}00`, task: task("task_d000", "query_b000"), index },
    trajectory: {
      id,
      messages: [{ role: "user", content: question }],
      turns: [
        {
          ...turn,
          message: 1,
          action: { kind: "code", reasoning: "Look at the data.", code: `print("${"x".repeat(700)}")` },
          step: { ...step, pictures: [...pictures], peakMemoryBytes: 120 * 2 ** 20 },
          ran: { ...machine, queueMs: 0, openMs: 210.4, readyMs: 35, rebuildMs: 0 },
          observation: "79.836\n",
        },
        { ...turn, message: 3, action: { kind: "answer", reasoning: "", answer: submission ?? "" } },
      ],
      exit: "submitted",
      submission,
      usage: {
        inputTokens: 1500,
        cachedInputTokens: 0,
        outputTokens: 120,
        reasoningTokens: 0,
        estimated: false,
        costUsd: null,
      },
      scaffold: "react",
      model: "teacher",
      backend: "bubblewrap",
      environment: "ee",
      image: null,
      ranOn: [machine],
      versions: { python: "3.11.2", pandas: "1.5.3" },
    },
    scores: [{ metric: "answer_match", value: submission === "79.84" ? 1 : 0, reason: "compared as numbers" }],
    verdict: {
      judge: "offline",
      criteria: { rigour: 0.75 },
      votes: [0.5, 1].map((score) => ({
        criteria: [{ name: "rigour", score, evidence: "print", justification: `worth ${score}` }],
        repairs: [],
      })),
    },
  };
}

const example: Example = {
  id: "example_f000",
  messages: [{ role: "user", content: question, train: false }],
  group: "dataset_cc",
  taskId: "task_d000",
  queryId: "query_b000",
  trajectoryId: "trajectory_a000",
  transforms: [],
};

let second = 0;
type Ending = Omit<Extract<RunEvent, { type: "item" }>, "type" | "at">;
const item = (event: Ending): RunEvent => ({
  type: "item",
  at: `2026-11-23T10:15:${String(second++ % 60).padStart(2, "0")}.000Z`,
  ...event,
});
const passed = (stage: string, id: string, out: string[] = [id], bodies?: Record<string, string>): RunEvent =>
  item({ stage, id, outcome: "passed", out, ...(bodies ? { bodies } : {}) });

export const stages = ["propose", "shape", "reference", "attempts", "rollouts", "score", "select", "examples"];

/** The events of the whole run, in order. */
export function runEvents(): RunEvent[] {
  second = 0;
  const queries = ["query_b000", "query_b100", "query_b200"];
  return [
    { type: "started", at: "2026-11-23T10:15:00.000Z", run: runId, recipe: "sft" },
    passed("propose", "seed_aa00", queries, Object.fromEntries(queries.map((id) => [id, `body/${id}`]))),
    passed("shape", "query_b000"),
    item({
      stage: "shape",
      id: "query_b100",
      outcome: "rejected",
      code: "question_short",
      message: "The question has 3 words, at least 5 are asked for",
      evidence: { words: 3, text: "a\u2028b" },
    }),
    passed("shape", "query_b200"),
    passed("reference", "query_b000", ["task_d000"], { task_d000: "body/task_d000" }),
    item({
      stage: "reference",
      id: "query_b200",
      outcome: "failed",
      code: "sandbox",
      message: "The sandbox could not be started",
    }),
    passed("attempts", "task_d000", ["attempt_e000", "attempt_e100", "attempt_e200"]),
    passed("rollouts", "attempt_e000", ["trajectory_a000"]),
    passed("rollouts", "attempt_e100", ["trajectory_a100"]),
    passed("score", "trajectory_a000", undefined, { trajectory_a000: "body/trajectory_a000" }),
    item({
      stage: "score",
      id: "trajectory_a100",
      outcome: "rejected",
      code: "answer_differs",
      message: "Expected `79.84`, got `80`",
      evidence: { expected: "79.84", got: "80" },
      bodies: { trajectory_a100: "body/trajectory_a100" },
    }),
    passed("select", "trajectory_a000"),
    passed("examples", "trajectory_a000", ["example_f000"], { example_f000: "body/example_f000" }),
    { type: "note", at: "2026-11-23T10:15:20.000Z", message: "1 request was lost in the last run" },
    { type: "ended", at: "2026-11-23T10:15:21.000Z", status: "owed" },
  ];
}

const row = (stage: string, counts: number[], reasons: FunnelRow["reasons"] = {}): FunnelRow => {
  const [entered = 0, kept = 0, rejected = 0, failed = 0, pending = 0, out = 0] = counts;
  return { stage, in: entered, passed: kept, rejected, failed, pending, out, reasons };
};

export const summary: RunSummary = {
  run: runId,
  status: "owed",
  examples: 1,
  funnel: [
    row("propose", [1, 1, 0, 0, 0, 3]),
    row("shape", [3, 2, 1, 0, 0, 2], { question_short: 1 }),
    row("reference", [2, 1, 0, 1, 0, 1]),
    row("attempts", [1, 1, 0, 0, 0, 3]),
    row("rollouts", [3, 2, 0, 0, 1, 2]),
    row("score", [2, 1, 1, 0, 0, 1], { answer_differs: 1 }),
    row("select", [1, 1, 0, 0, 0, 1]),
    row("examples", [1, 1, 0, 0, 0, 1]),
  ],
  requests: { sent: 1234, remembered: 5, failed: 1, lost: 0 },
  tokens: { input: 50_000, output: 7000 },
  costUsd: null,
  wallSeconds: 125.4,
};

/** Writes the run to a folder of its own. `events` and `summary` may differ from the whole run's; `store: false` leaves the store out. */
export async function writeRun(
  options: {
    events?: string;
    summary?: RunSummary | null;
    store?: boolean;
    stages?: readonly string[];
    argv?: readonly string[];
    pictures?: readonly Picture[];
  } = {},
): Promise<{ output: string; folder: RunFolder; remove: () => Promise<void> }> {
  const output = await mkdtemp(join(tmpdir(), "tracemill-audit-"));
  const folder = runFolderAt(join(output, "runs", runId));
  await mkdir(folder.exportsPath, { recursive: true });
  await writeFile(folder.eventsPath, options.events ?? lines(runEvents()));
  await writeJson(folder.manifestPath, {
    run: runId,
    recipe: "sft",
    configPath: "configs/quickstart.yaml",
    config: {},
    configHash: "0123456789",
    version: "0.1.0",
    node: "v20.20.2",
    seed: 7,
    prompts: {},
    models: {},
    sandbox: { backend: "bubblewrap", environment: "ee", image: null, versions: {}, limits: {} },
    datasets: [dataset],
    stages: options.stages ?? stages,
    startedAt: "2026-11-23T10:15:00.000Z",
    argv: options.argv ?? [],
  });
  if (options.summary !== null) await writeJson(folder.summaryPath, options.summary ?? summary);
  await writeFile(
    folder.examplesPath,
    `file,line,example_id,task_id,query_id,trajectory_id\ntrain.jsonl,1,example_0000,t,q,t\ntrain.jsonl,2,example_f000,t,q,t\ntrain.parquet,2,example_f000,t,q,t\n`,
  );
  await writeFile(join(folder.exportsPath, "train.jsonl"), '{"messages":["a\u2028b"]}\n{"messages":["second"]}\n');
  if (options.store !== false) {
    await using store = await openStore(folder.storePath);
    const bodies = [
      ...["query_b000", "query_b100", "query_b200"].map((id) => query(id)),
      task("task_d000", "query_b000"),
      candidate("trajectory_a000", 0, "79.84", options.pictures ?? []),
      candidate("trajectory_a100", 1, "80", []),
      example,
    ];
    await Promise.all(bodies.map((body) => store.put(`body/${body.id}`, body)));
  }
  return { output, folder, remove: () => rm(output, { recursive: true, force: true }) };
}

export function lines(events: readonly unknown[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}
