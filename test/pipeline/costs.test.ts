import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { smallRun } from "../kit/small-run.ts";
import { modelAt, teacherEndpoint, tinyConfig } from "../kit/teacher-endpoint.ts";

test("a run says what it cost by stage, model and example; the same command again costs nothing and says the same in all", async () => {
  let billedIn = 0;
  let billedOut = 0;
  await using endpoint = await teacherEndpoint({
    // Some requests fail at first: a try that was refused costs nothing.
    faults: (_body, index) => (index % 29 === 3 ? { kind: "status", status: 503 } : null),
    seen: ({ usage }) => {
      billedIn += usage.prompt_tokens;
      billedOut += usage.completion_tokens;
    },
  });
  await using small = await smallRun({
    model: modelAt(endpoint.baseUrl, { maxRetries: 5 }),
    config: { ...tinyConfig, prices: "./prices.yaml" },
  });
  const price = { inputPerMillion: 3, outputPerMillion: 15, asOf: "2026-11-01" };
  const prices = [{ endpoint: new URL(endpoint.baseUrl).host, model: "offline-teacher", ...price }];
  await writeFile(join(small.folder, "prices.yaml"), stringify({ prices }));

  const first = await small.run();
  expect(first.code, first.stderr).toBe(0);
  const paid = await small.summary();
  const billed = (3 * billedIn + 15 * billedOut) / 1e6;
  expect(paid.costUsd).toBeCloseTo(billed, 9);
  expect(paid.usedUsd).toBeCloseTo(billed, 9);
  expect(paid.costPerExampleUsd).toBeCloseTo(billed / paid.examples, 9);
  expect(paid.spend?.map(({ stage, model }) => `${stage} ${model}`)).toEqual([
    "propose proposer",
    "rollouts teacher",
    "judge judge",
  ]);
  const sum = (of: "sent" | "inputTokens" | "outputTokens") =>
    (paid.spend ?? []).reduce((all, line) => all + line[of], 0);
  expect([sum("sent"), sum("inputTokens"), sum("outputTokens")]).toEqual([
    endpoint.requests.length,
    billedIn,
    billedOut,
  ]);
  expect(first.stderr).toMatch(/\$[\d.]+ now, \$[\d.]+ in all with what was remembered, \$[\d.]+ an example/);

  const again = await small.run();
  expect(again.code, again.stderr).toBe(0);
  const free = await small.summary();
  expect(free.costUsd).toBe(0);
  expect(free.usedUsd).toBeCloseTo(billed, 9);
  expect(free.costPerExampleUsd).toBeCloseTo(billed / paid.examples, 9);
  expect(again.stderr).toContain("$0.00 now");

  const audit = await small.ask("audit");
  expect(audit.stdout).toMatch(/Cost in all, with what was remembered: \$[\d.]+; an accepted example: \$[\d.]+/);
  expect(audit.stdout).toMatch(/rollouts +teacher +0 +\d+/);
}, 120_000);

test("a model without a price is named before anything is spent, and costs nothing that is known", async () => {
  await using endpoint = await teacherEndpoint();
  await using small = await smallRun({ model: modelAt(endpoint.baseUrl), config: tinyConfig });
  const end = await small.run({ args: ["--limit", "1"], set: ["propose.questions=1"] });
  expect(end.stderr.indexOf("prices    unknown of proposer, teacher, judge")).toBeGreaterThan(-1);
  expect(end.stderr.indexOf("prices    unknown")).toBeLessThan(end.stderr.indexOf("run       "));
  expect(end.stderr).toContain("cost unknown: no price for `proposer`");
  expect((await small.summary()).usedUsd).toBeNull();
});

test("a model's own price wins over the file's, which a fallback without one has; a fallback in neither is named", async () => {
  await using endpoint = await teacherEndpoint();
  const own = { inputPerMillion: 1, outputPerMillion: 2, asOf: "2026-11-01" };
  const fallbacks = ["listed", "unlisted"].map((model) => modelAt(endpoint.baseUrl, { model }));
  await using small = await smallRun({
    model: modelAt(endpoint.baseUrl, { price: own, fallbacks }),
    config: { ...tinyConfig, prices: "./prices.yaml" },
  });
  const rest = {
    endpoint: new URL(endpoint.baseUrl).host,
    inputPerMillion: 500,
    outputPerMillion: 700,
    asOf: "2026-11-01",
  };
  const prices = ["offline-teacher", "listed"].map((model) => ({ ...rest, model }));
  await writeFile(join(small.folder, "prices.yaml"), stringify({ prices }));

  const end = await small.run({ args: ["--dry-run"] });
  expect(end.code, end.stderr).toBe(0);
  const said = end.stdout + end.stderr;
  expect(said).toMatch(/^ +teacher .*\$1 in, \$2 out a million/m);
  expect(said).toMatch(/^ +teacher\/fallback-1 .*\$500 in, \$700 out a million/m);
  expect(said).toContain("prices    unknown of proposer/fallback-2, teacher/fallback-2, judge/fallback-2: ");
  expect(said.split("prices    unknown")).toHaveLength(2);
  expect(said).toContain("./prices.yaml");
});
