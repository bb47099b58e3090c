import { describe, expect, test } from "vitest";
import type { Model } from "../../src/contracts.ts";
import type { Task } from "../../src/domain/task.ts";
import { type Candidate, verdict } from "../../src/domain/trajectory.ts";
import { criteria } from "../../src/judges/criteria.ts";
import { judges } from "../../src/judges/index.ts";
import { loadPrompt } from "../../src/prompts/load.ts";
import { leastUsage } from "../kit/usage.ts";

const usage = { ...leastUsage, costUsd: 0 };

function modelOf(reply: () => string): Model {
  return {
    name: "m",
    identity: {},
    complete: async () => ({
      text: reply(),
      reasoning: null,
      finishReason: "stop",
      usage,
      key: "k",
      remembered: false,
    }),
    check: async () => {},
  };
}

const task: Task = {
  id: "task",
  queryId: "query",
  dataset: { id: "d", name: "d", files: [{ name: "d.csv", format: "csv", bytes: 1, sha256: "0" }] },
  context: "",
  question: "q",
  constraints: "",
  answerFormat: "",
  difficulty: "easy",
  reference: { answer: "1", metric: "number", params: {} },
  metadata: {},
};
const candidate: Candidate = {
  id: "t",
  attempt: { id: "a", task, index: 0 },
  trajectory: {
    id: "t",
    messages: [],
    turns: [],
    exit: "submitted",
    submission: "1",
    usage,
    scaffold: "react",
    model: "m",
    backend: "b",
    environment: "e",
    image: null,
    ranOn: [],
    versions: {},
  },
  scores: [],
  verdict: null,
};
const complete = JSON.stringify({
  criteria: criteria.map(({ name }) => ({ name, score: 0.5, evidence: "e", justification: "j" })),
});

describe.each(judges.map((entry) => [entry.name, entry.judge] as const))("the judge %s", (name, judgeOf) => {
  async function judgeWith(model: Model) {
    const prompts = { system: await loadPrompt("judge/system.md"), record: await loadPrompt("judge/record.md") };
    return judgeOf({ name, model, prompts, criteria, votes: 2 });
  }
  const subject = { task, candidate };
  const signal = new AbortController().signal;

  test("measures every criterion in every vote and decides nothing", async () => {
    const found = verdict.parse(await (await judgeWith(modelOf(() => complete))).judge(subject, { signal }));
    expect(Object.keys(found.criteria)).toEqual(criteria.map((criterion) => criterion.name));
    expect(found.votes.map((vote) => vote.criteria.length)).toEqual([criteria.length, criteria.length]);
    expect(found).not.toHaveProperty("passed");
  });

  test.each([
    "",
    "no",
    "{}",
    '{"criteria": []}',
    complete.replace("0.5", "7"),
    complete.replace('"clarity"', '"charity"'),
  ])("fails, and gives no number, when all it gets is %.40s", async (reply) => {
    const judging = (await judgeWith(modelOf(() => reply))).judge(subject, { signal });
    await expect(judging).rejects.toMatchObject({ name: "FailureError", kind: "judge" });
  });
});
