// The two stages that let an agent work, with a model that answers from a script and sessions that run nothing.
import { describe, expect, test } from "vitest";
import { react } from "../../src/agents/react.ts";
import type { Model } from "../../src/contracts.ts";
import { FailureError } from "../../src/domain/errors.ts";
import { loadPrompt, type Prompt } from "../../src/prompts/load.ts";
import { propose } from "../../src/stages/propose.ts";
import { askTask, rollouts } from "../../src/stages/rollouts.ts";
import { leastUsage as usage } from "../kit/usage.ts";
import { dataset, endOf, outOf, sessions, signal, task, text } from "./stages-fixture.ts";

function saying(reply: string | readonly string[] | Error, identity: Record<string, unknown> = { model: "m" }): Model {
  let said = 0;
  return {
    name: "scripted",
    identity,
    async complete() {
      if (reply instanceof Error) throw reply;
      const text = typeof reply === "string" ? reply : (reply[said++] ?? "nothing more");
      return { text, reasoning: null, finishReason: "stop", usage, key: "k", remembered: false };
    },
    async check() {},
  };
}

const question = {
  question: "What is the mean horsepower?",
  constraints: "Leave out rows without one.",
  answer_format: "@mean[value]",
  reference_code: "print(1)",
  reference_answer: "@mean[1]",
  difficulty: "easy",
};
const seed = { id: "seed_1", dataset, profile: [], exploration: 0 };

async function explored(answer: string | readonly string[] | Error, changes: { maxTurns?: number } = {}) {
  const { openSession, attempts } = sessions({ stdout: text("1") });
  const prompts = { system: await loadPrompt("propose/react.md"), seed: await loadPrompt("propose/seed.md") };
  const agent = { model: saying(answer), scaffold: react, maxTurns: 3, ...changes };
  const step = await propose({ agent, openSession, prompts, questions: 3, concurrency: 1 }).run(seed, { signal });
  return { step, attempts };
}

const answer = (value: unknown) => `<answer>${JSON.stringify(value)}</answer>`;

describe("propose", () => {
  test("turns an answer into proposals, the malformed ones with what is wrong", async () => {
    const { step } = await explored(answer([question, { ...question, reference_code: 7 }]));
    expect(outOf(step).map(({ fields, problem }) => [fields?.question ?? null, problem])).toEqual([
      [question.question, null],
      [null, expect.stringContaining("referenceCode")],
    ]);
  });

  test("gives two equal proposals of one answer two ids, so that the duplicate is counted as one", async () => {
    const [one, two] = outOf((await explored(answer([question, question]))).step);
    expect(two?.raw).toBe(one?.raw);
    expect(two?.id).not.toBe(one?.id);
  });

  test("rejects an exploration that ends without an answer", async () => {
    expect(endOf((await explored("I am thinking.")).step)).toBe("no_proposals");
    expect(endOf((await explored("<python>x</python>")).step)).toBe("no_proposals");
  });

  test("rejects an answer that holds no list of questions", async () => {
    expect(endOf(await explored(answer("none")).then(({ step }) => step)).toString()).toBe("unreadable_proposals");
    expect(endOf((await explored(answer([]))).step)).toBe("unreadable_proposals");
  });

  test("asks again for an answer without a list, and the proposals say so and how they were read", async () => {
    const fenced = `<answer>\`\`\`json\n${JSON.stringify([question, { ...question, difficulty: "x" }])}\n\`\`\`</answer>`;
    const { step } = await explored([answer("none"), answer([]), fenced], { maxTurns: 9 });
    const repairs = [
      expect.stringMatching(/^asked_again: The answer held no JSON list/),
      expect.stringMatching(/^asked_again: /),
      "cut_from_fence",
    ];
    expect(outOf(step).map(({ fields, repairs: done }) => [fields === null, done])).toEqual([
      [false, repairs],
      [true, repairs],
    ]);
    expect(outOf((await explored(answer([question]))).step)[0]).not.toHaveProperty("repairs");
  });

  test("asks again twice and no more, and only while the exploration has messages", async () => {
    const ever = await explored(Array(9).fill(answer("none")), { maxTurns: 9 });
    expect(endOf(ever.step)).toBe("unreadable_proposals");
    expect(ever.step).toMatchObject({
      evidence: { repairs: [expect.stringMatching(/^asked_again/), expect.stringMatching(/^asked_again/)] },
    });
    const short = await explored([answer("none"), answer("none")], { maxTurns: 2 });
    expect(short.step).toMatchObject({ code: "unreadable_proposals", evidence: { repairs: [expect.anything()] } });
  });

  test("a provider that broke leaves the seed owed", async () => {
    await expect(explored(new FailureError("provider", "503"))).rejects.toThrow(FailureError);
  });
});

async function rolledOut(
  reply: string | Error,
  changes: { maxTurns?: number; system?: Prompt; identity?: Record<string, unknown>; index?: number } = {},
) {
  const { openSession, attempts, codes } = sessions({ stdout: text("1") });
  const { maxTurns = 3, index = 0 } = changes;
  const prompts = {
    system: changes.system ?? (await loadPrompt("agent/react.md")),
    task: await loadPrompt("agent/task.md"),
  };
  const agent = { model: saying(reply, changes.identity), scaffold: react, maxTurns };
  const attempt = { id: `attempt_${index}`, task: task(), index };
  const stage = rollouts({ agent, openSession, prompts, concurrency: 1 });
  const [candidate] = outOf(await stage.run(attempt, { signal }));
  if (candidate === undefined) throw new Error("Expected a candidate");
  return { candidate, attempts, codes };
}

describe("rollouts", () => {
  test.each([
    ["<answer>@mean[1]</answer>", "submitted", "@mean[1]"],
    ["<python>x</python>", "turn_limit", null],
    ["Let me see.", "format_limit", null],
  ])("%s makes a candidate that ended with %s", async (reply, exit, submission) => {
    const { candidate } = await rolledOut(reply);
    expect(candidate).toMatchObject({ trajectory: { exit, submission }, scores: [], verdict: null });
    expect(candidate.id).toBe(candidate.trajectory.id);
  });

  test("the session and the trajectory are one's own: they bear one id", async () => {
    const { candidate, attempts } = await rolledOut("<answer>1</answer>");
    expect(attempts).toEqual([candidate.id]);
  });

  test("the id depends on attempt, model, prompt and turns, and on nothing else", async () => {
    const system = await loadPrompt("agent/react.md");
    const id = async (changes: Parameters<typeof rolledOut>[1] = {}, reply = "<answer>1</answer>") =>
      (await rolledOut(reply, changes)).candidate.id;
    const same = await id();
    expect(await id({}, "<answer>2</answer>")).toBe(same);
    const others = [
      await id({ index: 1 }),
      await id({ maxTurns: 4 }),
      await id({ identity: { model: "other" } }),
      await id({ system: { ...system, hash: "another text" } }),
    ];
    expect(new Set([same, ...others]).size).toBe(5);
  });

  test("a provider that broke leaves the attempt owed", async () => {
    await expect(rolledOut(new FailureError("provider", "503"))).rejects.toThrow(FailureError);
  });

  test("the agent is told the question and nothing of the reference", async () => {
    const said = askTask(await loadPrompt("agent/task.md"), task({ metadata: { from: "SECRET" } }));
    expect(said).toContain("- /data/cars.csv\n\nQuestion:\nWhat is the mean horsepower");
    expect(said).not.toMatch(/79\.5|SECRET|named_values/);
  });

  test("only a task that asks for a file is put in other words, than without that prompt", async () => {
    const [prompt, submission] = [await loadPrompt("agent/task.md"), await loadPrompt("agent/submission.md")];
    const plain = askTask(prompt, task());
    expect(askTask(prompt, task(), submission)).toBe(plain);
    // Whoever changes the package's words for ordinary tasks changes the identity of everything that was rolled out.
    expect(prompt.hash.slice(0, 16)).toBe("58078bfc7828d51a");
    const asks = task({ submission: { path: "/scratch/submission.csv", maxBytes: 50_000_000 } });
    expect(askTask(prompt, asks, submission)).toBe(
      `${plain}\n\n${submission.text.replace("{{file}}", "/scratch/submission.csv").replace("{{max_mb}}", "50")}`,
    );
    expect(() => askTask(prompt, asks)).toThrow("Expected `prompts.submission`");
  });
});
