// The items that stages handle, each a plain value with what a test wants changed.
import type { Session } from "../../src/contracts.ts";
import type { Query, Task } from "../../src/domain/task.ts";
import type { Action, Candidate, StepResult, Turn, Verdict } from "../../src/domain/trajectory.ts";
import type { Identified, Step } from "../../src/engine/stage.ts";
import { ranNowhere } from "../kit/sandboxes.ts";
import { leastUsage } from "../kit/usage.ts";

export const signal: AbortSignal = new AbortController().signal;

export const dataset = {
  id: "dataset_cars",
  name: "cars",
  files: [{ name: "cars.csv", format: "csv" as const, bytes: 10, sha256: "cc" }],
};

export function query(changes: Partial<Query> = {}): Query {
  return {
    id: "query_1",
    seedId: "seed_1",
    dataset,
    question: "What is the mean horsepower of the cars from Japan?",
    constraints: "Leave out rows without a horsepower. Round to two decimals.",
    answerFormat: "@mean[value]",
    referenceCode: 'print(pd.read_csv("/data/cars.csv").horsepower.mean())',
    referenceAnswer: "@mean[79.5]",
    difficulty: "easy",
    ...changes,
  };
}

export function task(changes: Partial<Task> = {}): Task {
  const { question, constraints, answerFormat, difficulty } = query();
  return {
    id: "task_1",
    queryId: "query_1",
    dataset,
    context: "",
    question,
    constraints,
    answerFormat,
    difficulty,
    reference: { answer: "@mean[79.5]", metric: "named_values", params: { places: { mean: 2 } } },
    metadata: {},
    ...changes,
  };
}

export const text = (head: string) => ({ head, tail: "", droppedBytes: 0 });

export function stepResult(changes: Partial<StepResult> = {}): StepResult {
  return {
    end: "ok",
    stdout: text(""),
    stderr: text(""),
    result: null,
    exception: null,
    wallMs: 1,
    cpuMs: 1,
    pictures: [],
    savedOutput: null,
    peakMemoryBytes: null,
    stateLost: false,
    ...changes,
  };
}

/** What an agent did, turn for turn: code with its output or how it ended, an invalid message, or an answer. */
export type Done =
  | { readonly code: string; readonly out?: string; readonly step?: Partial<StepResult> | null }
  | { readonly invalid: string }
  | { readonly answer: string };

/** A candidate whose messages are a system prompt, a question, and then what was done. */
export function candidate(done: readonly Done[], changes: Partial<Candidate> = {}): Candidate {
  const messages: Candidate["trajectory"]["messages"] = [
    { role: "system", content: "You are a data scientist." },
    { role: "user", content: "What is the mean?" },
  ];
  const turns: Turn[] = [];
  let submission: string | null = null;
  for (const one of done) {
    const action: Action =
      "code" in one
        ? { kind: "code", reasoning: "", code: one.code }
        : "answer" in one
          ? { kind: "answer", reasoning: "", answer: one.answer }
          : { kind: "invalid", reasoning: "", why: one.invalid };
    messages.push({ role: "assistant", content: JSON.stringify(one) });
    const step = "code" in one && one.step !== null ? stepResult(one.step) : null;
    const observation = step === null ? null : "code" in one ? (one.out ?? "(no output)") : null;
    turns.push({
      message: messages.length - 1,
      action,
      step,
      observation,
      finishReason: "stop",
      completionKey: "k",
      ran: null,
      diverged: false,
      transforms: [],
    });
    if ("answer" in one) submission = one.answer;
    else if (step !== null || "invalid" in one)
      messages.push({ role: "user", content: observation ?? "Nothing was run." });
  }
  const id = changes.id ?? "trajectory_1";
  return {
    id,
    attempt: { id: "attempt_1", task: task(), index: 0 },
    trajectory: {
      id,
      messages,
      turns,
      exit: submission === null ? "turn_limit" : "submitted",
      submission,
      usage: leastUsage,
      scaffold: "react",
      model: "teacher",
      backend: "none",
      environment: "env",
      image: null,
      ranOn: [],
      versions: {},
    },
    scores: [],
    verdict: null,
    ...changes,
  };
}

export function verdict(criteria: Record<string, number>): Verdict {
  const vote = Object.entries(criteria).map(([name, score]) => ({ name, score, evidence: "e", justification: "j" }));
  return { judge: "rubric", votes: [{ criteria: vote, repairs: [] }], criteria };
}

/** A session whose every step ends like this; `codes` are what was run, `attempt` whose session it was. */
export function sessions(result: Partial<StepResult> = {}) {
  const codes: string[] = [];
  const attempts: string[] = [];
  const openSession = ({ attempt }: { attempt: string }): Session => {
    attempts.push(attempt);
    return {
      environment: { id: "env", backend: "none", versions: {}, image: null, kernel: "6.1", runtime: "none" },
      async run(code) {
        codes.push(code);
        return { result: stepResult(result), remembered: false, diverged: false, ran: ranNowhere };
      },
      collect: async (path) => ({ path, refused: "missing" as const, detail: "no files here", diverged: false }),
      async [Symbol.asyncDispose]() {},
    };
  };
  return { openSession, codes, attempts };
}

/** `passed`, or the code of the rejection. */
export function endOf(step: Step<unknown>): string {
  return step.outcome === "rejected" ? step.code : step.outcome;
}

/** What an item became. */
export function outOf<T extends Identified>(step: Step<T>): readonly T[] {
  if (step.outcome === "rejected") throw new Error(`Expected the item to pass, got ${step.code}: ${step.message}`);
  return step.out;
}
