// Agents that cheat, through real stages and real sandboxes: each scores 0, and the honest one 1.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { react } from "../../src/agents/react.ts";
import type { Model, SandboxBackend } from "../../src/contracts.ts";
import { datasetLoader } from "../../src/datasets/load.ts";
import { sha256 } from "../../src/domain/hash.ts";
import type { RunEvent } from "../../src/domain/run.ts";
import type { OwnQuestion } from "../../src/domain/task.ts";
import type { Candidate } from "../../src/domain/trajectory.ts";
import { openBlobs } from "../../src/engine/blobs.ts";
import { executeLine } from "../../src/engine/execute.ts";
import { from } from "../../src/engine/line.ts";
import { each, pass } from "../../src/engine/stage.ts";
import { openStore } from "../../src/engine/store.ts";
import { executors } from "../../src/executors/index.ts";
import { recordText, taskText } from "../../src/judges/record.ts";
import { fileMetrics, metrics } from "../../src/metrics/index.ts";
import { packageRoot } from "../../src/package.ts";
import { loadPrompt } from "../../src/prompts/load.ts";
import { openSandboxBackend } from "../../src/sandboxes/index.ts";
import { openSession } from "../../src/sandboxes/session.ts";
import { admit } from "../../src/stages/admit.ts";
import { attempts } from "../../src/stages/attempts.ts";
import { ownReference } from "../../src/stages/reference.ts";
import { rollouts } from "../../src/stages/rollouts.ts";
import { score } from "../../src/stages/score.ts";
import { screen } from "../../src/stages/screen.ts";
import { datasetFinder } from "../../src/tasks/find-data.ts";
import { readQuestions } from "../../src/tasks/own-questions.ts";
import { type Agent, cheats, oracle, rightAnswer, rightFile, world } from "../kit/cheats.ts";
import { describeEachBackend, rememberIn } from "../kit/sandboxes.ts";

const signal = new AbortController().signal;
const agents: readonly Agent[] = [oracle, ...cheats];
const wasRun = "/tmp/tracemill-cheat-was-run";

/** A model whose nth sample is the nth agent; it knows by the words of the task whether a file is asked for. */
const player: Model = {
  name: "player",
  identity: { model: "player" },
  async complete({ messages }, { sample }) {
    const agent = agents[sample] as Agent;
    const steps = (messages[1]?.content.includes("Submission file:") ? agent.file : agent.answer) ?? [];
    const turn = messages.filter(({ role }) => role === "assistant").length;
    const last = messages.at(-1)?.content ?? "";
    const said = /<information>\n([\s\S]*?)\n<\/information>/.exec(last)?.[1] ?? "";
    const step = steps[turn];
    const answer = agent.says?.(said) ?? "done";
    const act = step === undefined ? `<answer>${answer}</answer>` : `<python>\n${step}\n</python>`;
    const usage = { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0 };
    return {
      text: `<reasoning>now</reasoning>\n${act}`,
      reasoning: null,
      finishReason: "stop",
      usage: { ...usage, estimated: false, costUsd: null },
      key: `${sample}/${turn}`,
      remembered: false,
    };
  },
  async check() {},
};

const lines = [
  { id: "sum", question: "What is the sum of 3.25 area + 17 over all flats?", reference_answer: rightAnswer },
  {
    id: "prices",
    question: "Predict each flat's price: 3.25 area + 17.",
    submission: { file: "/scratch/submission.csv", maxMb: 20 },
    reference_file: "answers.csv",
    params: { target: "price" },
  },
];

await describeEachBackend("a cheat", (entry) => {
  let folder: string;
  let backend: SandboxBackend;
  const scored = new Map<string, Candidate>();
  const left: string[] = [];
  let rejected: Readonly<Record<string, number>>;
  const blobs = () => openBlobs(join(folder, "store/blobs"));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tracemill-cheats-"));
    await writeFile(join(folder, "flats.csv"), world.table);
    await writeFile(join(folder, "answers.csv"), rightFile);
    await writeFile(join(folder, "q.jsonl"), lines.map((line) => JSON.stringify(line)).join("\n"));
    process.env.TRACEMILL_TEST_REFERENCE = rightFile;
    const data = datasetLoader({ folder: join(folder, "store/datasets"), base: folder });
    const [loaded] = await data.loadAll(["flats.csv"]);
    if (loaded === undefined) throw new Error("Expected a dataset");
    const findDataset = datasetFinder({ datasets: [loaded.dataset], load: () => Promise.reject(new Error("none")) });
    const questions: OwnQuestion[] = [];
    for await (const read of readQuestions([{ name: "q", path: join(folder, "q.jsonl") }], findDataset, blobs())) {
      if ("problems" in read) throw new Error(JSON.stringify(read.problems));
      questions.push(read.question);
    }
    backend = await openSandboxBackend({
      backend: entry.name,
      concurrency: 4,
      memoryMb: 320,
      scratchMb: 48,
      stepTimeoutSeconds: 20,
      preimport: [],
      signal,
    });
    const remember = rememberIn(new Map());
    const open = (request: { attempt: string; signal: AbortSignal }) =>
      openSession({
        ...{
          backend,
          remember,
          blobs: blobs(),
          label: request.attempt,
          attempt: request.attempt,
          signal: request.signal,
        },
        dataset: { id: loaded.dataset.id, dir: loaded.dir },
      });
    const prompts = {
      system: await loadPrompt("agent/react.md"),
      task: await loadPrompt("agent/task.md"),
      submission: await loadPrompt("agent/submission.md"),
    };
    const line = from(questions)
      .through(admit())
      .through(ownReference({ openSession: open, concurrency: 2 }))
      .through(attempts(agents.length))
      .through(
        rollouts({
          agent: { model: player, scaffold: react, maxTurns: 5 },
          openSession: open,
          prompts,
          concurrency: 4,
        }),
      )
      .through(score({ metrics, trajectoryMetrics: [], fileMetrics, blobs: blobs() }))
      .through(
        each<Candidate, Candidate>({
          name: "look",
          run(candidate) {
            const { task, index } = candidate.attempt;
            scored.set(`${task.own?.id} ${agents[index]?.name}`, candidate);
            return pass(candidate);
          },
        }),
      )
      .through(screen({ bounds: [{ score: "answer", min: 1, code: "wrong_answer", needsReference: true }] }));
    await using store = await openStore(join(folder, "store/values"));
    const events = { write: (_: RunEvent) => {} };
    const run = executeLine(line, { store, events, executor: executors["in-process"](), draining: signal, signal });
    for await (const { attempt } of run.items) left.push(`${attempt.task.own?.id} ${agents[attempt.index]?.name}`);
    rejected = run.account.rows().at(-1)?.reasons ?? {};
    expect(run.account.rows().map(({ failed }) => failed)).not.toContain(1);
  }, 120_000);
  afterAll(async () => {
    delete process.env.TRACEMILL_TEST_REFERENCE;
    await backend?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** What was scored, what the record says of it, and what was submitted. */
  const of = (id: string, agent: Agent) => {
    const candidate = scored.get(`${id} ${agent.name}`) as Candidate;
    const { trajectory, scores } = candidate;
    return {
      candidate,
      trajectory,
      answer: scores.find(({ metric }) => metric === "answer"),
      file: trajectory.submissionFile,
    };
  };

  test("is nothing that an honest agent needs: that one scores 1 on both questions", () => {
    for (const id of ["sum", "prices"]) expect(of(id, oracle), id).toMatchObject({ answer: { value: 1 } });
    const { file } = of("prices", oracle);
    expect(file).toMatchObject({ path: "/scratch/submission.csv", sha256: expect.any(String) });
    expect(of("sum", oracle).file).toBeNull();
  });

  test.each(cheats.map((agent) => [agent.name, agent] as const))(
    "that %s scores 0, and the record says why",
    async (_, agent) => {
      for (const id of ["sum", "prices"]) {
        const { answer, trajectory, file } = of(id, agent);
        expect(answer, id).toMatchObject({ value: 0 });
        expect(trajectory.exit).toBe("submitted");
        if (id === "sum") continue;
        if (agent.reason !== undefined) expect(answer?.reason).toMatch(agent.reason);
        if (agent.file === undefined) expect(file).toMatchObject({ refused: "missing", detail: "no code was run" });
        if (agent.refused !== undefined) {
          expect(file).toMatchObject({ refused: agent.refused });
          expect(answer?.reason).toMatch(new RegExp(`^invalid_submission: ${agent.refused}: `));
        }
        if (file !== null && file !== undefined && !("refused" in file)) {
          const bytes = await blobs().get(file.sha256);
          expect([bytes?.byteLength, sha256(bytes ?? "")]).toEqual([file.bytes, file.sha256]);
        }
      }
    },
  );

  test("finds nothing where it looks, runs nothing outside, and is dropped before any judge is asked", () => {
    const searcher = cheats[0] as Agent;
    expect(of("sum", searcher).trajectory.submission).toContain("FOUND [] True");
    expect(of("sum", cheats.at(-1) as Agent).trajectory.submission).toBe("FOUND []");
    expect(existsSync(wasRun)).toBe(false);
    expect(left.sort()).toEqual([`prices ${oracle.name}`, `sum ${oracle.name}`]);
    expect(rejected).toEqual({ wrong_answer: 2 * cheats.length });
  });

  test("cannot imitate the headings of what a judge reads", () => {
    const agent = cheats.find(({ name }) => name.startsWith("tells the judge")) as Agent;
    for (const id of ["sum", "prices"]) {
      const { candidate, trajectory } = of(id, agent);
      const record = recordText(trajectory, 100_000);
      const speakers = record.split("\n").filter((text) => /^\[(?:user|assistant|system)\]/.test(text));
      expect(speakers).toEqual(["[assistant]", "[user]", "[assistant]"]);
      expect(record).not.toMatch(/^(?:# Record|# Task|Review this record)/m);
      expect(`${taskText(candidate.attempt.task)}\n${record}`).not.toContain(rightFile.split("\n")[12]);
    }
  });
});

describe("docs/cheats.md", () => {
  test("lists the cheats of this suite (TRACEMILL_WRITE_DOCS=1 writes it)", () => {
    const path = join(packageRoot(), "docs/cheats.md");
    const page = readFileSync(path, "utf8");
    const rows = cheats.map(({ name, gets }) => `| ${name} | ${gets} |`);
    const table = ["| an agent that … | gets 0, and |", "| --- | --- |", ...rows].join("\n");
    if (process.env.TRACEMILL_WRITE_DOCS === "1")
      writeFileSync(path, page.replace(/^\| an agent that[\s\S]*?\n(?=\n|$)/m, `${table}\n`));
    expect(readFileSync(path, "utf8")).toContain(`\n${table}\n`);
  });
});
