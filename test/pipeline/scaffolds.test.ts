import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { runSummary } from "../../src/domain/run.ts";
import { chatJsonlExporter } from "../../src/exports/chat-jsonl.ts";
import { criteria } from "../../src/judges/criteria.ts";
import { loadPrompt } from "../../src/prompts/load.ts";
import { tracemill } from "../kit/cli.ts";
import { type ChatBody, type Reply, startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { groupMean, groupMeanCode } from "../kit/own-questions.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";

const missing = await sandboxMissing();

const table = "region,units\nNorth,12\nNorth,7\nSouth,20\nSouth,3\nEast,15\nEast,11\nWest,2\nWest,6\n";
const answer = "@group[East] @mean[13.00]";
const code = groupMeanCode("region", "units", "max");
const question = {
  ...groupMean("region", "units", "highest"),
  reference_code: code,
  reference_answer: answer,
  difficulty: "easy",
};

/** Says code and answers as a scaffold's models do, with their habits: the script of a model, by how often it has spoken. */
interface Habits {
  readonly code: (code: string, turn: number) => Reply;
  readonly answer: (text: string) => Reply;
}

const habits: Readonly<Record<string, Habits>> = {
  tools: {
    // The same id in every message, the code under another key, and once two calls with an answer beside them.
    code: (text, turn) => ({
      text: turn === 1 ? "It will be East.\n<answer>East</answer>" : null,
      finishReason: "tool_calls",
      message: {
        tool_calls: Array.from({ length: turn === 1 ? 2 : 1 }, () => ({
          id: "call_0",
          type: "function",
          function: { name: "python", arguments: JSON.stringify(turn === 0 ? { source: text } : { code: text }) },
        })),
      },
    }),
    answer: (text) => `So it is.\n<answer>\n${text}\n</answer>`,
  },
  "code-act": {
    code: (text, turn) =>
      `I look.\n${turn === 0 ? "~~~py" : "```python"}\n${text}\n${turn === 0 ? "~~~" : "```\nand see."}`,
    answer: (text) => `So it is.\n<answer>\n${text}`,
  },
};

function model({ code: write, answer: give }: Habits) {
  return ({ model: role, messages }: ChatBody): Reply => {
    const turn = messages.filter((message) => message.role === "assistant").length;
    if (role === "judge") {
      const scores = criteria.map(({ name }) => ({
        name,
        score: 0.9,
        evidence: "So it is.",
        justification: "It does.",
      }));
      return JSON.stringify({ criteria: scores });
    }
    if (role === "proposer")
      return turn === 0 ? write("import os; print(os.listdir('/data'))", 0) : give(JSON.stringify([question]));
    if (turn === 0) return write("print(open('/data/sales.csv').read(50))", 0);
    if (turn === 1) return write("print(undefined_name)", 1);
    return turn === 2 ? write(code, 2) : give(answer);
  };
}

describe.skipIf(missing !== null)(
  `the line with other scaffolds${missing === null ? "" : ` (skipped: ${missing})`}`,
  () => {
    test.each(Object.entries(habits))(
      "goes through with `scaffold: %s` alone, over HTTP",
      { timeout: 120_000 },
      async (scaffold, habit) => {
        const folder = await mkdtemp(join(tmpdir(), "tracemill-scaffold-"));
        try {
          await using endpoint = await startFaultyEndpoint({ answer: model(habit) });
          const at = (name: string) => ({ provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: name });
          await writeFile(join(folder, "sales.csv"), table);
          await writeFile(
            join(folder, "run.yaml"),
            stringify({
              recipe: "sft",
              scaffold,
              datasets: ["sales.csv"],
              models: { proposer: at("proposer"), teacher: at("teacher"), judge: at("judge") },
              sandbox: { concurrency: 1, preimport: [] },
              propose: { explorations: 1, questions: 1, maxTurns: 5 },
              rollouts: { attempts: 1, maxTurns: 6 },
              screen: { maxStepErrors: 1 },
              judge: {},
              accept: { mean: 0.5, each: 0.5 },
              select: { target: 1 },
              export: { formats: ["chat-jsonl", "parquet", "arrow"] },
            }),
          );
          const end = await tracemill(["run", "run.yaml"], { cwd: folder });
          expect(end.code, end.stdout + end.stderr).toBe(0);

          // Each request is one that a strict endpoint takes: calls answered at once under ids of their own.
          const teacher = endpoint.requests.map(({ body }) => body).filter((body) => body.model === "teacher");
          expect(teacher).toHaveLength(4);
          const system = (await loadPrompt(`agent/${scaffold}.md`)).render({ max_turns: "6" });
          expect(teacher[0]?.messages[0]).toEqual({ role: "system", content: system });
          const exploring = endpoint.requests.find(({ body }) => body.model === "proposer")?.body.messages[0]?.content;
          expect(exploring).toBe((await loadPrompt(`propose/${scaffold}.md`)).render({ max_turns: "5" }));

          const run = join(folder, "output/runs/latest");
          expect(runSummary.parse(JSON.parse(await readFile(join(run, "summary.json"), "utf8")))).toMatchObject({
            examples: 1,
          });
          const path = join(run, "exports/chat.jsonl");
          const line = JSON.parse(await readFile(path, "utf8"));
          // What trains is what was asked with, word for word, and the answer.
          expect(wire(line.messages).slice(0, -1)).toEqual(wire(teacher[3]?.messages ?? []));
          const said = line.messages.filter(({ role }: { role: string }) => role === "assistant");
          expect(said.map(({ weight }: { weight: number }) => weight)).toEqual([1, 0, 1, 1]);
          expect((await chatJsonlExporter().check(path)).map(({ rule }) => rule)).toEqual(["OA-R2"]);

          const native = scaffold === "tools";
          expect(teacher.every(({ tools }) => (tools !== undefined) === native)).toBe(true);
          expect(line.tools).toEqual(teacher[0]?.tools);
          const roles = line.messages.map(({ role }: { role: string }) => role);
          expect(roles).toEqual([
            "system",
            "user",
            ...Array(3)
              .fill(["assistant", native ? "tool" : "user"])
              .flat(),
            "assistant",
          ]);
          if (native) {
            expect(said.flatMap((message: WireMessage) => message.tool_calls?.map(({ id }) => id) ?? [])).toEqual([
              "call_0",
              "call_2",
              "call_3",
            ]);
            expect(line.messages[4].content).toBe("It will be East.");
          }
          expect(line.messages[7].content).toMatch(/@group\[East\] @mean\[13\.00\]\n\n\[3 messages left\]$/);

          const candidate = /trajectory_[0-9a-f]+/.exec(await readFile(join(run, "examples.csv"), "utf8"))?.[0] ?? "";
          const story = await tracemill(["why", "latest", candidate, "--full"], { cwd: folder });
          expect(story.stdout, story.stderr).toContain(
            native
              ? "turn 2: code (call of python; read with first_call_only, cut_answer_beside_call, name_call)"
              : "turn 2: code (read with cut_after_action)",
          );
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      },
    );
  },
);

interface WireMessage {
  readonly role: string;
  readonly content: string | null;
  readonly tool_calls?: readonly { readonly id: string }[];
}

/** Messages but for what tells training lines from requests: the weight, and an empty text beside a call. */
function wire(messages: readonly object[]): object[] {
  return messages.map((message) => {
    const { weight: _, ...rest } = message as WireMessage & { weight?: number };
    return { ...rest, content: rest.content ?? "" };
  });
}
