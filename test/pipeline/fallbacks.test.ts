// A run whose endpoint is up when it starts and answers nothing afterwards, with the offline teacher as its fallback.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CliEnd } from "../kit/cli.ts";
import { type FaultyEndpoint, startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";

const missing = await sandboxMissing();
const skipped = missing === null ? "" : ` (skipped: ${missing})`;
const timeout = 300_000;

describe.skipIf(missing !== null)(`a run on a fallback${skipped}`, () => {
  let endpoint: FaultyEndpoint;
  let files: SmallRun;
  let end: CliEnd;
  beforeAll(async () => {
    endpoint = await startFaultyEndpoint({ faults: () => ({ kind: "status", status: 503 }) });
    const model = {
      ...{ provider: "openai-compatible", baseUrl: endpoint.baseUrl, model: "own-model" },
      ...{ fallbackAfter: 1, fallbacks: [{ provider: "offline-teacher" }] },
    };
    files = await smallRun({
      model,
      config: {
        datasets: ["package:vega-datasets/data/cars.json"],
        propose: { explorations: 1, questions: 3, maxTurns: 12 },
        rollouts: { attempts: 1, maxTurns: 10 },
        select: { target: 1 },
        export: { formats: ["chat-jsonl"] },
      },
    });
    end = await files.run();
  }, timeout);
  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  });

  const inRun = (name: string) => readFileSync(join(files.output, "runs/latest", name), "utf8");

  test("is done, says once for each model who is asked in its place, and why", () => {
    expect(end.code, end.stderr).toBe(0);
    for (const alias of ["proposer", "teacher", "judge"])
      expect(
        end.stderr.match(new RegExp(`^${alias}/fallback-1 is asked where ${alias} .*(503|endpoint is down)`, "gm")),
      ).toHaveLength(1);
  });

  test("names the fallback on what it served, in the manifest and on the card", async () => {
    const [, row = ""] = inRun("examples.csv").trim().split("\n");
    const id = /example_[0-9a-f]+/.exec(row)?.[0] ?? "";
    const story = await files.ask("why", "latest", id);
    expect(story.stdout).toMatch(/turn 1: code \(answered by the fallback offline-teacher, a program, not an LLM/);
    expect(story.stdout).toMatch(/vote 1 \(answered by the fallback offline-teacher/);
    expect(JSON.parse(inRun("manifest.json")).models).toMatchObject({
      teacher: { model: "own-model" },
      "teacher/fallback-1": { model: "offline-teacher" },
    });
    expect(inRun("exports/README.md")).toContain("`teacher/fallback-1`");
  });

  test(
    "sends nothing when it is run again, and a look before it knows that",
    async () => {
      const before = endpoint.requests.length;
      const again = await files.run();
      expect(again.code, again.stderr).toBe(0);
      const { requests } = await files.summary();
      expect(requests).toMatchObject({ sent: 0, failed: 0 });
      expect(requests.remembered).toBeGreaterThan(5);
      const look = await files.run({ args: ["--dry-run", "--json"] });
      expect(look.code, look.stderr).toBe(0);
      const { plan } = JSON.parse(look.stdout);
      expect(plan.models.map((model: { alias: string; requests: number }) => [model.alias, model.requests])).toEqual([
        ["proposer", 0],
        ["teacher", 0],
        ["judge", 0],
      ]);
      expect(endpoint.requests.length).toBe(before);
    },
    timeout,
  );
});
