// A question that asks for a file, all the way through the built command: taken out, scored, remembered, and made again where its bytes are lost.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FaultyEndpoint, startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { jsonl, type OwnFolder, ownFolder } from "../kit/own-questions.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";

const missing = await sandboxMissing();

const code = `import pandas as pd
sales = pd.read_csv("/data/sales.csv")
means = sales.groupby("region").units.mean().round(2).reset_index()
means.to_csv("/scratch/means.csv", index=False)
print("four regions")`;

const question = {
  id: "means",
  question: "What is the mean of units in each region, rounded to two decimals?",
  submission: { file: "/scratch/means.csv", maxMb: 1 },
  reference_file: "answers.csv",
  params: { key: "region", target: "units", measure: "exact" },
};

describe.skipIf(missing !== null)(`a file as the answer${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let own: OwnFolder;
  let endpoint: FaultyEndpoint;
  beforeAll(async () => {
    endpoint = await startFaultyEndpoint({
      answer({ messages }) {
        const isJudge = messages[0]?.content.startsWith("You review") === true;
        const names = [...(messages[0]?.content ?? "").matchAll(/^- ([\w ]+):/gm)].map(([, name]) => name);
        const review = { criteria: names.map((name) => ({ name, score: 0.9, evidence: "e", justification: "j" })) };
        if (isJudge) return JSON.stringify(review);
        return messages.length > 2
          ? "<reasoning>done</reasoning>\n<answer>four regions</answer>"
          : `<reasoning>group</reasoning>\n<python>\n${code}\n</python>`;
      },
    });
    const model = { provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "m" };
    const rest = { rollouts: { attempts: 1, maxTurns: 4 }, screen: { maxStepErrors: 0 }, select: { target: 1 } };
    own = await ownFolder({ models: { teacher: model, judge: model }, ...rest });
    await own.write("questions.jsonl", jsonl([question]));
    await own.write("answers.csv", "region,units\nSouth,10.33\nNorth,9.33\nWest,4.33\nEast,13.33\n");
    const end = await own.ask("run", "run.yaml");
    expect(end.code, end.stderr + end.stdout).toBe(0);
  }, 120_000);
  afterAll(async () => {
    await own?.[Symbol.asyncDispose]();
    await endpoint?.[Symbol.asyncDispose]();
  });

  /** The story of the one trajectory, as JSON. */
  async function story() {
    const scored = (await own.events()).flatMap((event) =>
      event.type === "item" && event.stage === "score" ? [event.id] : [],
    );
    const end = await own.ask("why", "latest", scored[0] ?? "", "--json");
    expect(end.code, end.stderr).toBe(0);
    return JSON.parse(end.stdout).portrait.candidate;
  }

  test("is told where to leave it and no word of the reference, taken out, and scored from its bytes", async () => {
    const asked = endpoint.requests[0]?.body.messages.map(({ content }) => content).join("\n") ?? "";
    expect(asked).toContain("write your result to /scratch/means.csv (at most 1 MB)");
    expect(asked).not.toMatch(/answers\.csv|10\.33|reference/);
    const { trajectory, scores } = await story();
    expect(trajectory.submissionFile).toMatchObject({ path: "/scratch/means.csv", bytes: 57, diverged: false });
    expect(scores[0]).toEqual({ metric: "answer", value: 1, reason: "4 of 4 rows are right" });
  });

  test("is made again, and nothing is paid again, where its bytes were lost", async () => {
    const { sha256 } = (await story()).trajectory.submissionFile;
    const paid = endpoint.requests.length;
    rmSync(join(own.output, "store/blobs", sha256.slice(0, 2), sha256));
    const found = await own.ask("store", "verify");
    expect([found.code, found.stdout]).toEqual([
      3,
      expect.stringMatching(/collect\/[0-9a-f]+\n +its bytes .* not in blobs\//),
    ]);
    const again = await own.ask("run", "run.yaml");
    expect(again.code, again.stderr).toBe(0);
    expect((await story()).trajectory.submissionFile.sha256).toBe(sha256);
    expect(endpoint.requests.length).toBe(paid);
    const stats = JSON.parse((await own.ask("store", "stats", "--json")).stdout);
    expect(stats).toMatchObject({ blobs: { entries: 2, unused: 0 }, kinds: { collect: { entries: 2, unused: 0 } } });
  }, 120_000);
});
