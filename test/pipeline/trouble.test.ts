import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sha256 } from "../../src/domain/hash.ts";
import type { ChatBody } from "../kit/faulty-endpoint.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";
import { modelAt, setBaseUrl, teacherEndpoint, tinyConfig } from "../kit/teacher-endpoint.ts";

const missing = await sandboxMissing();
const skipped = missing === null ? "" : ` (skipped: ${missing})`;
const timeout = 300_000;
const exportOf = (output: string, name: string) => readFileSync(join(output, "runs/latest/exports", name), "utf8");
const manifestOf = (output: string) => JSON.parse(exportOf(output, "manifest.json"));

describe.skipIf(missing !== null)(`items that stay owed${skipped}`, () => {
  let files: SmallRun;
  let judge: Awaited<ReturnType<typeof teacherEndpoint>>;
  let isBroken = true;
  // The same records fail however often and in whatever order they are sent.
  const fails = (body: ChatBody) => isBroken && sha256(JSON.stringify(body.messages)) < "7";
  const waive = (...args: string[]) => files.ask("waive", "latest", ...args);
  beforeAll(async () => {
    judge = await teacherEndpoint({ faults: (body) => (fails(body) ? { kind: "status", status: 500 } : null) });
    const model = { provider: "offline-teacher" };
    files = await smallRun({
      config: {
        ...tinyConfig,
        select: { target: 1 },
        models: { proposer: model, teacher: model, judge: modelAt(judge.baseUrl) },
      },
    });
  });
  afterAll(async () => {
    await judge[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  });
  const owedIds = async (): Promise<string[]> =>
    JSON.parse((await waive("--list", "--json")).stdout).owed.map((item: { id: string }) => item.id);

  test(
    "are listed, make every place that tells of the export say provisional, and are waived only with a reason",
    async () => {
      const end = await files.run();
      expect(end.code, end.stderr).toBe(3);
      const owed = await owedIds();
      expect(owed.length).toBeGreaterThan(1);
      expect(end.stderr).toContain(`${owed.length} items owed because something broke`);
      expect(end.stderr).toContain("the exports are provisional");
      expect(end.stderr).toMatch(/npx tracemill waive \S+ --list --output/);
      expect(manifestOf(files.output)).toMatchObject({ provisional: true, owed: owed.length });
      expect(exportOf(files.output, "README.md")).toMatch(/\*\*Provisional\.\*\*[\s\S]*\n/);
      expect((await files.ask("audit", "latest")).stdout).toMatch(/^Status: .*provisional/m);

      const list = await waive("--list");
      expect(list.stdout).toMatch(new RegExp(`^Run \\S+: ${owed.length} owed, 0 waived$`, "m"));
      for (const id of owed) expect(list.stdout).toContain(id);
      for (const reason of [[], ["--because", "  "]]) {
        const refused = await waive("--all", ...reason);
        expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("--because")]);
      }
      const nothing = await waive("--because", "why not");
      expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining("name ids")]);
      expect(await owedIds()).toEqual(owed);
    },
    timeout,
  );

  test(
    "are the only ones that can be waived: for any other item the command says what became of it",
    async () => {
      const item = (await files.events()).find((event) => event.type === "item" && event.outcome === "rejected");
      if (item?.type !== "item") throw new Error("Expected an item that was rejected");
      const refused = await waive(item.id, "--because", "why not");
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain(`which was rejected at \`${item.stage}\`: ${item.code}`);
      const unknown = await waive("query_zzz", "--because", "why not");
      expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("The nearest are:")]);
    },
    timeout,
  );

  test(
    "once waived are rejected by the same command without a request, and its exports are final",
    async () => {
      const [first = "", ...rest] = await owedIds();
      const one = await waive(first.slice(0, -4), "--because", "the judge never answers for it");
      expect(one.stdout, one.stderr).toContain(
        `1 item waived; ${rest.length} ${rest.length > 1 ? "are" : "is"} still owed`,
      );
      const twice = await waive(first, "--because", "again");
      expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining("is waived already")]);
      const others = await waive("--all", "--code", "provider", "--stage", "judge", "--because", "enough");
      expect(others.stdout).toContain("nothing is still owed");

      const asked = judge.requests.length;
      const end = await files.run();
      expect(end.code, end.stderr).toBe(0);
      expect(judge.requests.length).toBe(asked);
      const summary = await files.summary();
      expect(summary).toMatchObject({ status: "done", requests: { sent: 0 } });
      const row = summary.funnel.find(({ stage }) => stage === "judge");
      expect(row).toMatchObject({ failed: 0, reasons: { waived: rest.length + 1 } });
      expect(end.stderr).toContain(`${rest.length + 1} of the rejected are waived`);
      expect(end.stderr).not.toContain("provisional");
      expect(manifestOf(files.output)).toMatchObject({ provisional: false, owed: 0 });
      expect(exportOf(files.output, "README.md")).toContain(`**Waived.** ${rest.length + 1} items`);
      expect(exportOf(files.output, "README.md")).not.toContain("rovisional");
      const why = await files.ask("why", "latest", first);
      expect(why.stdout).toMatch(/rejected at judge: waived/);
      expect(why.stdout).toMatch(/Waived by \S+ on 20\d\d-\d\d-\d\d because the judge never answers for it/);
      expect((await files.ask("audit", "latest", "--reason", "waived")).stdout).toMatch(/because enough/);
    },
    timeout,
  );

  test(
    "are tried again once the waiver is taken back",
    async () => {
      isBroken = false;
      const undone = await waive("--all", "--undo");
      expect(undone.stdout, undone.stderr).toMatch(/waivers taken back/);
      const end = await files.run();
      expect(end.code, end.stderr).toBe(0);
      const summary = await files.summary();
      expect(summary.requests.sent).toBeGreaterThan(0);
      expect(summary.funnel.flatMap((row) => Object.keys(row.reasons))).not.toContain("waived");
      expect((await waive("--list")).stdout).toMatch(/^Nothing is owed or waived/);
    },
    timeout,
  );
});

describe.skipIf(missing !== null)(`a run whose stage mostly fails${skipped}`, () => {
  const manyAttempts = ["rollouts.attempts=8", "rollouts.concurrency=4"];
  let files: SmallRun;
  beforeAll(async () => {
    files = await smallRun({ model: modelAt("http://127.0.0.1:1/v1"), config: tinyConfig });
  });
  afterAll(() => files[Symbol.asyncDispose]());

  async function expectStopped(output: string, stderr: string, cause: RegExp): Promise<void> {
    const summary = await files.summary(output);
    expect(summary.status).toBe("failing");
    expect(summary.because).toMatch(cause);
    expect(stderr).toContain(summary.because);
    expect(summary.because).toMatch(/^Stopped early: \d+ of the last \d+ items of stage `rollouts` failed/);
    expect(summary.because).toContain("run the same command again");
    const rollouts = summary.funnel.find(({ stage }) => stage === "rollouts");
    expect(rollouts?.failed).toBeLessThanOrEqual(28);
    expect(rollouts?.pending).toBeGreaterThan(0);
    expect(manifestOf(output)).toMatchObject({ provisional: true, stopped: true });
    const notes = (await files.events(output)).flatMap((event) => (event.type === "note" ? [event.message] : []));
    expect(notes).toContain(summary.because);
    const audit = await files.ask("audit", join(output, "runs", summary.run));
    expect(audit.stdout).toMatch(/^Status: stopped early/m);
    expect(audit.stdout).not.toContain("does not agree with itself");
  }

  test(
    "stops early when the endpoint dies midway, says what to check, and goes on once it is back",
    async () => {
      const output = join(files.folder, "endpoint");
      await using endpoint = await teacherEndpoint({
        faults: (_body, index) => (index > 25 ? { kind: "status", status: 503 } : null),
      });
      const end = await files.run({ output, set: [...setBaseUrl(endpoint.baseUrl), ...manyAttempts] });
      expect(end.code, end.stderr).toBe(3);
      await expectStopped(output, end.stderr, /503.*Check that the endpoint runs and that its key/);

      await using well = await teacherEndpoint();
      const next = await files.run({ output, set: setBaseUrl(well.baseUrl) });
      expect(next.code, next.stderr).toBe(0);
      expect(manifestOf(output)).toMatchObject({ provisional: false, stopped: false });
    },
    timeout,
  );

  test(
    "stops early when sandboxes can no longer be started",
    async () => {
      const output = join(files.folder, "sandbox");
      const datasets = join(output, "store/datasets");
      // What every sandbox is given to read goes away, as a disk does that is unmounted.
      await using endpoint = await teacherEndpoint({
        before: (index) => {
          if (index === 25) renameSync(datasets, `${datasets}-away`);
        },
      });
      const end = await files.run({ output, set: [...setBaseUrl(endpoint.baseUrl), ...manyAttempts] });
      expect(end.code, end.stderr).toBe(3);
      await expectStopped(output, end.stderr, /Check the sandbox with `npx tracemill doctor`/);
    },
    timeout,
  );

  test(
    "does not stop where a third of the requests fail and tries mend it",
    async () => {
      const output = join(files.folder, "endpoint"); // half of what it needs is paid for
      await using endpoint = await teacherEndpoint({
        faults: (_body, index) => (index % 3 === 2 ? { kind: "status", status: 503 } : null),
      });
      const retries = ["proposer", "teacher", "judge"].map((alias) => `models.${alias}.maxRetries=7`);
      const set = [...setBaseUrl(endpoint.baseUrl), ...retries, "rollouts.attempts=3", "maxFailureRate=0.1"];
      const end = await files.run({ output, set });
      expect(end.code, end.stderr).toBe(0);
      const { status, requests, funnel } = await files.summary(output);
      expect(status).toBe("done");
      expect(requests.failed / requests.sent).toBeGreaterThan(0.25);
      expect(funnel.find(({ stage }) => stage === "rollouts")?.in).toBeGreaterThan(20);
    },
    timeout,
  );
});
