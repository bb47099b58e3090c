// How well the line's gates catch what the offline teacher planted, told from its truth log: catch rate and false alarms per gate.
import { setMaxListeners } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { react } from "../../src/agents/react.ts";
import type { Model } from "../../src/contracts.ts";
import { sha256 } from "../../src/domain/hash.ts";
import type { Query, Task } from "../../src/domain/task.ts";
import type { Candidate, StepResult } from "../../src/domain/trajectory.ts";
import type { Step } from "../../src/engine/stage.ts";
import { criteria } from "../../src/judges/criteria.ts";
import { recordText, taskText } from "../../src/judges/record.ts";
import { rubricJudge } from "../../src/judges/rubric.ts";
import { metrics } from "../../src/metrics/index.ts";
import { trajectoryMetrics } from "../../src/metrics/trajectory.ts";
import { loadPrompt } from "../../src/prompts/load.ts";
import { accept } from "../../src/stages/accept.ts";
import { attempts } from "../../src/stages/attempts.ts";
import { dedupe } from "../../src/stages/dedupe.ts";
import { judge } from "../../src/stages/judge.ts";
import { propose } from "../../src/stages/propose.ts";
import { reference } from "../../src/stages/reference.ts";
import { rollouts } from "../../src/stages/rollouts.ts";
import { score } from "../../src/stages/score.ts";
import { screen } from "../../src/stages/screen.ts";
import { shape } from "../../src/stages/shape.ts";
import type { OpenSession } from "../../src/stages/solving.ts";
import { startModelLab } from "../kit/model-lab.ts";
import { ranNowhere } from "../kit/sandboxes.ts";
import { pythonMissing, type Ran, startPython } from "./offline-teacher-python.ts";

const tables = ["cars.json", "penguins.json", "movies.json"];
const signal = new AbortController().signal;
setMaxListeners(0, signal);

interface Truth {
  readonly role: string;
  readonly kind: string;
  readonly subject: string;
  readonly seed: number;
}

/** Items that went through one gate, with the planted kind of each; null where nothing was planted. */
interface Judged {
  readonly gate: string;
  readonly planted: string | null;
  readonly dropped: string | null;
}

const bounded = (text: string) => ({ head: text, tail: "", droppedBytes: 0 });

function stepOf({ printed, error }: Ran): StepResult {
  return {
    end: error === null ? "ok" : "error",
    stdout: bounded(printed),
    stderr: bounded(""),
    result: null,
    exception: error && { name: error.name, value: error.value, traceback: bounded(error.traceback) },
    wallMs: 1,
    cpuMs: 1,
    pictures: [],
    savedOutput: null,
    peakMemoryBytes: null,
    stateLost: false,
  };
}

function codeOf(step: Step<unknown>): string | null {
  return step.outcome === "rejected" ? step.code : null;
}

function scoredOf(step: Step<Candidate>): Candidate {
  const [candidate] = step.outcome === "passed" ? step.out : [];
  if (!candidate) throw new Error("Expected a stage that drops nothing to pass its candidate on");
  return candidate;
}

describe.skipIf(pythonMissing)("gates (needs /usr/bin/python3 with pandas, scipy, scikit-learn)", () => {
  test("catch what can be caught, and drop nothing that is right", { timeout: 240_000 }, async () => {
    await using python = await startPython();
    await using quietLab = await startModelLab();
    const truthLog = join(quietLab.folder, "truth.jsonl");
    await using lab = await startModelLab({ env: { TRACEMILL_TRUTH_LOG: truthLog } });
    const model = (await lab.open({ teacher: { provider: "offline-teacher" } })).teacher as Model;
    const dirs = new Map<string, string>();
    const openSession: OpenSession = ({ dataset, attempt }) => {
      const dir = dirs.get(dataset.id) ?? "";
      const session = `${attempt} ${dataset.id}`;
      return {
        environment: { id: "test", backend: "test", versions: {}, image: null, kernel: "6.1", runtime: "none" },
        run: async (code) => ({
          result: stepOf(await python.run(session, code, dir)),
          remembered: false,
          diverged: false,
          ran: ranNowhere,
        }),
        collect: async (path) => ({ path, refused: "missing" as const, detail: "no files here", diverged: false }),
        async [Symbol.asyncDispose]() {
          await python.run(session, "", dir, true);
        },
      };
    };
    const prompts = {
      propose: { system: await loadPrompt("propose/react.md"), seed: await loadPrompt("propose/seed.md") },
      agent: { system: await loadPrompt("agent/react.md"), task: await loadPrompt("agent/task.md") },
      judge: { system: await loadPrompt("judge/system.md"), record: await loadPrompt("judge/record.md") },
    };
    const line = {
      propose: propose({
        agent: { model, scaffold: react, maxTurns: 12 },
        openSession,
        prompts: prompts.propose,
        questions: 24,
        concurrency: 1,
      }),
      shape: shape(),
      dedupe: dedupe({ nearDuplicate: 0.85 }),
      reference: reference({ openSession, concurrency: 1 }),
      attempts: attempts(2),
      rollouts: rollouts({
        agent: { model, scaffold: react, maxTurns: 10 },
        openSession,
        prompts: prompts.agent,
        concurrency: 1,
      }),
      score: score({ metrics, trajectoryMetrics }),
      screen: screen({
        bounds: [
          { score: "answer", min: 1, code: "wrong_answer" },
          { score: "grounded", min: 1, code: "ungrounded" },
          { score: "step_errors", max: 2, code: "too_many_errors" },
        ],
      }),
      judge: judge({
        judge: rubricJudge({ name: "rubric", model, prompts: prompts.judge, criteria, votes: 1 }),
        concurrency: 1,
      }),
      accept: accept({ mean: 0.7, each: 0.4 }),
    };
    const results: Judged[] = [];
    const truths = async (): Promise<Truth[]> =>
      (await readFile(truthLog, "utf8"))
        .trim()
        .split("\n")
        .map((text) => JSON.parse(text) as Truth);
    const outOf = <T>(step: Step<T>): readonly T[] => (step.outcome === "passed" ? step.out : []);

    const tasks: { task: Task; planted: string | null }[] = [];
    for (const table of tables) {
      const { seed, dir } = await python.seed(table);
      dirs.set(seed.dataset.id, dir);
      const proposals = outOf(await line.propose.run(seed, { signal }));
      const planted = (await truths()).filter((truth) => truth.role === "proposer");
      const plantedIn = (question: string) => planted.find((truth) => truth.subject === sha256(question))?.kind ?? null;
      const queries: Query[] = [];
      for (const proposal of proposals) {
        const question = (JSON.parse(proposal.raw) as { question: string }).question;
        const step = await line.shape.run(proposal, { signal });
        results.push({ gate: "shape", planted: plantedIn(question), dropped: codeOf(step) });
        queries.push(...outOf(step));
      }
      queries.sort((a, b) => (a.id < b.id ? -1 : 1));
      const decisions = line.dedupe.decide(queries.map((query) => line.dedupe.project(query)));
      for (const [index, query] of queries.entries()) {
        const kind = plantedIn(query.question);
        const decision = decisions[index] ?? null;
        results.push({ gate: "dedupe", planted: kind, dropped: decision?.code ?? null });
        if (decision) continue;
        const step = await line.reference.run(query, { signal });
        results.push({ gate: "reference", planted: kind, dropped: codeOf(step) });
        tasks.push(...outOf(step).map((task) => ({ task, planted: kind })));
      }
    }

    const tries = (
      await Promise.all(
        tasks.map(async ({ task, planted }) =>
          outOf(await line.attempts.run(task, { signal })).map((attempt) => ({ attempt, doubtful: planted !== null })),
        ),
      )
    ).flat();
    const rolled = await Promise.all(
      tries.map(async ({ attempt, doubtful }) => {
        const [candidate] = outOf(await line.rollouts.run(attempt, { signal }));
        if (!candidate) throw new Error("rollouts drop nothing");
        const screened = await line.screen.run(scoredOf(await line.score.run(candidate, { signal })), { signal });
        const [clean] = outOf(screened);
        const verdict = clean && scoredOf(await line.judge.run(clean, { signal }));
        const accepted = verdict && (await line.accept.run(verdict, { signal }));
        return { attempt, candidate, doubtful, screened, accepted };
      }),
    );
    const told = await truths();
    for (const { attempt, candidate, doubtful, screened, accepted } of rolled) {
      const { messages } = candidate.trajectory;
      const plantedIn = (role: string, text: string, seed: number) =>
        told.find((truth) => truth.role === role && truth.subject === sha256(text) && truth.seed === seed)?.kind;
      const kind =
        plantedIn("solver", messages[1]?.content ?? "", attempt.index) ?? (doubtful ? "doubtful_task" : null);
      results.push({ gate: "screen", planted: kind, dropped: codeOf(screened) });
      if (!accepted) continue;
      const reviewed = prompts.judge.record.render({
        task: taskText(attempt.task),
        record: recordText(candidate.trajectory, 60_000),
      });
      results.push({
        gate: "accept",
        planted: plantedIn("judge", reviewed, 0) ?? kind,
        dropped: codeOf(accepted),
      });
    }
    const kept = rolled.filter(({ accepted }) => accepted?.outcome === "passed").length;

    const report = tell(results);
    console.log(`${report.join("\n")}\nkept ${kept} of ${rolled.length} attempts at ${tasks.length} tasks`);
    const rate = (gate: string, kind: string | null) => {
      const met = results.filter((one) => one.gate === gate && one.planted === kind);
      return met.length === 0 ? null : met.filter((one) => one.dropped !== null).length / met.length;
    };
    for (const gate of ["shape", "reference", "screen", "accept"]) expect([gate, rate(gate, null)]).toEqual([gate, 0]);
    for (const kind of ["broken_code", "wrong_reference"])
      expect([kind, rate("reference", kind) ?? 1]).toEqual([kind, 1]);
    for (const kind of ["malformed_item", "leaked_answer", "hard_coded_answer"])
      expect([kind, rate("shape", kind) ?? 1]).toEqual([kind, 1]);
    for (const kind of ["hallucinated", "no_answer", "early_stop"])
      expect([kind, rate("screen", kind) ?? 1]).toEqual([kind, 1]);
    expect(rate("screen", "wrong_column") ?? 1).toBeGreaterThan(0.8);
    expect(kept / rolled.length).toBeGreaterThan(0.5);
  });
});

function tell(results: readonly Judged[]): string[] {
  const lines = ["gate       planted                 met  dropped  codes"];
  const gates = ["shape", "dedupe", "reference", "screen", "accept"];
  const keys = new Set(results.map(({ gate, planted }) => JSON.stringify([gates.indexOf(gate), planted])));
  for (const key of [...keys].sort()) {
    const [at, planted] = JSON.parse(key) as [number, string | null];
    const gate = gates[at] ?? "";
    const met = results.filter((one) => one.gate === gate && one.planted === planted);
    const codes = met.flatMap((one) => (one.dropped === null ? [] : [one.dropped]));
    lines.push(
      `${gate.padEnd(10)} ${(planted ?? "nothing (false alarms)").padEnd(22)} ${String(met.length).padStart(4)} ${String(codes.length).padStart(8)}  ${[...new Set(codes)].join(", ")}`,
    );
  }
  return lines;
}
