import { describe, expect, test } from "vitest";
import type { Projection } from "../../src/run/pilot.ts";
import { smallRun } from "../kit/small-run.ts";
import { modelAt, teacherEndpoint, tinyConfig } from "../kit/teacher-endpoint.ts";

const price = { inputPerMillion: 1, outputPerMillion: 2, asOf: "2026-11-01" };

describe("tracemill estimate", () => {
  test("says of a pilot what the whole run would come to, and the run pays for the rest alone", async () => {
    await using endpoint = await teacherEndpoint();
    const explorations = 4;
    await using small = await smallRun({
      model: modelAt(endpoint.baseUrl, { price }),
      config: {
        ...tinyConfig,
        propose: { ...tinyConfig.propose, explorations, questions: 3 },
        select: { target: 100 },
      },
    });
    const estimated = await small.ask("estimate", small.configPath, "--pilot", "2", "--json");
    expect(estimated.code, estimated.stderr).toBe(0);
    const found = JSON.parse(estimated.stdout) as Projection;
    expect(found.seeds).toEqual({ pilot: 2, all: explorations });
    const paidByPilot = endpoint.requests.length;
    expect(found.pilot.requests).toBe(paidByPilot);
    expect(found.pilot.costUsd).toBeCloseTo(
      (found.pilot.inputTokens * price.inputPerMillion + found.pilot.outputTokens * price.outputPerMillion) / 1e6,
      9,
    );
    expect(found.stages.find(({ stage }) => stage === "rollouts")?.pilot.requests).toBeGreaterThan(0);
    expect(found.wall?.boundBy).toMatch(/stage|sandboxes|endpoint/);

    await small.run();
    const { examples, requests, costUsd } = await small.summary();
    expect(requests.remembered).toBeGreaterThanOrEqual(paidByPilot);
    expect(requests.sent).toBe(endpoint.requests.length - paidByPilot);
    // The teacher is a program: the same numbers every time, so that they either lie in the interval or do not.
    const whole = endpoint.requests.length;
    expect(found.whole.requests.low).toBeLessThanOrEqual(whole);
    expect(found.whole.requests.high).toBeGreaterThanOrEqual(whole);
    expect(found.whole.examples.high).toBeGreaterThanOrEqual(examples);
    expect(costUsd).toBeLessThanOrEqual(found.whole.costUsd?.high ?? 0);

    const again = await small.ask("estimate", small.configPath, "--pilot", "2");
    expect(again.stdout).toContain("Pilot of 2 seeds or questions of 4");
    expect(again.stdout).toContain("how long the whole run takes is not told");
    expect(endpoint.requests.length).toBe(whole); // a pilot that is remembered asks nobody
  }, 120_000);

  test("tells of a pilot that came to no end, with the exit code of that end", async () => {
    await using endpoint = await teacherEndpoint({ faults: () => ({ kind: "status", status: 401 }) });
    await using small = await smallRun({ model: modelAt(endpoint.baseUrl), config: tinyConfig });
    const end = await small.ask("estimate", small.configPath, "--pilot", "1");
    expect(end.code).toBe(2);
    expect(end.stderr).toContain("401");
    expect(end.stdout).toBe("");
    const mistyped = await small.ask("estimate", small.configPath, "--pilot", "few");
    expect(mistyped.code).toBe(2);
    expect(mistyped.stderr).toContain("--pilot: expected a whole number from 1, got `few`");
  });
});
