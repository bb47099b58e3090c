import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runReport } from "../../src/domain/run-snapshot.ts";
import { boundOf } from "../../src/models/charge.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";
import { modelAt, setBaseUrl, teacherEndpoint, tinyConfig, until } from "../kit/teacher-endpoint.ts";

const missing = await sandboxMissing();
const timeout = 120_000;
const price = { inputPerMillion: 2, outputPerMillion: 8, asOf: "2026-11-01" };
const model = (baseUrl: string) => modelAt(baseUrl, { maxTokens: 8000, price });

describe.skipIf(missing !== null)(`a budget${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let files: SmallRun;
  let endpoint: Awaited<ReturnType<typeof teacherEndpoint>>;
  let hold: (index: number) => Promise<void> | void = () => {};
  beforeAll(async () => {
    endpoint = await teacherEndpoint({ before: (index) => hold(index) });
    const served = model(endpoint.baseUrl);
    files = await smallRun({
      config: { ...tinyConfig, select: { target: 1 }, models: { proposer: served, teacher: served, judge: served } },
    });
  });
  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  });
  const spentOf = async (unit: string, output = files.output) => {
    const found = (await files.summary(output)).budget?.find((one) => one.scope === "run" && one.unit === unit);
    return found?.spent ?? Number.NaN;
  };
  /** Dollars that what the endpoint was sent may have cost. */
  const boundsUsd = () => endpoint.requests.reduce((sum, { body }) => sum + (boundOf(body, price).usd ?? 0), 0);
  /** Dollars of everything the line asks, each request once. */
  let usdOfAll = Number.NaN;

  test(
    "is not passed, ends the run with code 4 and words that say what waits, and a higher one pays nothing twice",
    async () => {
      const first = await files.run({ set: ["budget.requests=12"] });
      expect(first.code, first.stderr).toBe(4);
      expect(endpoint.requests).toHaveLength(12);
      const summary = await files.summary();
      expect(summary).toMatchObject({
        status: "budget",
        budget: [{ scope: "run", unit: "requests", spent: 12, limit: 12 }],
        requests: { sent: 12, failed: 0 },
      });
      const waiting = summary.funnel.filter(({ pending }) => pending > 0);
      expect(waiting.length).toBeGreaterThan(0);
      expect(summary.funnel.every(({ failed }) => failed === 0)).toBe(true);
      expect(first.stderr).toContain("`budget.requests` is spent: 12 of 12 requests");
      for (const { stage, pending } of waiting) expect(first.stderr).toContain(`${pending} at ${stage}`);
      expect(first.stderr).toContain("nothing that was received is paid twice");
      expect(JSON.parse(readFileSync(join(files.output, "runs/latest/exports/manifest.json"), "utf8"))).toMatchObject({
        provisional: true,
        stopped: true,
      });
      const report = runReport.parse(JSON.parse((await files.ask("status", "--json")).stdout));
      expect(report).toMatchObject({ state: "ended", snapshot: { state: "budget", budget: summary.budget } });
      expect(report.words).toContain("`budget.requests` is spent");

      const last = await files.run({ set: ["budget.requests=500", "budget.usd=50", "rollouts.concurrency=3"] });
      expect(last.code, last.stderr).toBe(0);
      expect(last.stderr).toMatch(/earlier runs spent \$0\.\d+ of \$50\.00, 12 of 500 requests/);
      expect(await spentOf("requests")).toBe(endpoint.requests.length);
      usdOfAll = await spentOf("usd");
      expect(usdOfAll).toBeLessThanOrEqual(boundsUsd());
      expect(usdOfAll).toBeGreaterThan((await files.summary()).costUsd ?? Number.NaN); // which is the last run's alone
      const bodies = endpoint.requests.map(({ body }) => JSON.stringify(body));
      expect(new Set(bodies).size).toBe(bodies.length);
    },
    timeout,
  );

  test(
    "of a stage leaves what the others need, so that examples come out",
    async () => {
      const output = join(files.folder, "by-stage");
      const end = await files.run({ output, set: ["budget.stages.rollouts.requests=20", "select.target=8"] });
      expect(end.code, end.stderr).toBe(4);
      const summary = await files.summary(output);
      expect(summary.budget).toEqual([{ scope: "rollouts", unit: "requests", spent: 20, limit: 20 }]);
      expect(summary.examples).toBeGreaterThan(0);
      const row = (stage: string) => summary.funnel.find((one) => one.stage === stage);
      expect(row("rollouts")?.pending).toBeGreaterThan(0);
      expect(row("judge")).toMatchObject({ pending: 0, failed: 0 });
      expect(end.stderr).toContain("`budget.stages.rollouts.requests` is spent");
    },
    timeout,
  );

  test(
    "is spent by one process at a time, and what a kill -9 leaves under way stays charged with its bound",
    async () => {
      const output = join(files.folder, "killed");
      const begun = endpoint.requests.length;
      let open = () => {};
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      hold = (index) => (index >= begun + 5 ? gate : undefined);
      let kill = (_signal: NodeJS.Signals) => {};
      let pid = 0;
      const set = ["budget.usd=50"];
      const killed = files.run({
        ...{ output, set },
        watch: (_stderr, send) => {
          kill = send;
        },
        started: (id) => {
          pid = id;
        },
      });
      await until(() => endpoint.requests.length >= begun + 6);
      const refused = await files.run({ output, set });
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain(`got process ${pid}, which runs the same config`);
      kill("SIGKILL");
      expect((await killed).signal).toBe("SIGKILL");
      hold = () => {};
      open();

      const cut = endpoint.requests.slice(begun + 5).map(({ body }) => boundOf(body, price).usd ?? Number.NaN);
      const end = await files.run({ output, set });
      expect(end.code, end.stderr).toBe(0);
      expect(end.stderr).toContain(`(${cut.length} requests of killed runs count with the most they may have cost)`);
      expect(await spentOf("usd", output)).toBeCloseTo(usdOfAll + cut.reduce((sum, usd) => sum + usd, 0), 9);

      // Nothing is left to pay: no budget stands in the way of what is remembered.
      const again = await files.run({ output, set: ["budget.usd=0.000001"] });
      expect([again.code, (await files.summary(output)).requests.sent], again.stderr).toEqual([0, 0]);
    },
    timeout,
  );

  test(
    "of hours lets nothing begin once they are over",
    async () => {
      const output = join(files.folder, "hours");
      const begun = endpoint.requests.length;
      const end = await files.run({ output, set: ["budget.hours=0.0000001", ...setBaseUrl(endpoint.baseUrl)] });
      expect([end.code, endpoint.requests.length - begun], end.stderr).toEqual([4, 0]);
      expect(end.stderr).toContain("`budget.hours` is spent");
      expect(await spentOf("hours", output)).toBeGreaterThan(0);
    },
    timeout,
  );
});
