import { appendFile, copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunEvent } from "../../src/domain/run.ts";
import { exampleExporters as exporters } from "../../src/exports/index.ts";
import { packageRoot } from "../../src/package.ts";
import type { CliEnd } from "../kit/cli.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";

const missing = await sandboxMissing();

describe.skipIf(missing !== null)(`the SFT line${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let files: SmallRun;
  let first: CliEnd;
  beforeAll(async () => {
    files = await smallRun();
    first = await files.run();
  }, 300_000);
  afterAll(async () => {
    await files[Symbol.asyncDispose]();
  });

  test("turns tables into examples and exits 0", () => {
    expect(first.code, first.stderr).toBe(0);
  });

  test("accounts for every item in every stage", async () => {
    const { funnel, status, examples } = await files.summary();
    expect(status).toBe("done");
    expect(funnel.map((row) => row.stage)).toEqual([
      "propose",
      "shape",
      "dedupe",
      "reference",
      "attempts",
      "rollouts",
      "score",
      "screen",
      "judge",
      "accept",
      "select",
      "examples",
    ]);
    for (const [index, row] of funnel.entries()) {
      expect(row.in).toBe(row.passed + row.rejected + row.failed + row.pending);
      expect(Object.values(row.reasons).reduce((sum, count) => sum + count, 0)).toBe(row.rejected + row.failed);
      const next = funnel[index + 1];
      expect(next === undefined ? examples : next.in).toBe(row.out);
    }
  });

  test("writes files that pass their targets' rules", async () => {
    const folder = join(files.output, "runs/latest/exports");
    const { formats } = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as {
      readonly formats: readonly { readonly format: string; readonly files: readonly { readonly file: string }[] }[];
    };
    expect(formats.map(({ format }) => format)).toEqual(["chat-jsonl", "parquet", "arrow"]);
    for (const { format, files: written } of formats) {
      const exporter = exporters.find(({ name }) => name === format);
      expect(written).toHaveLength(1);
      const problems = await exporter?.check(join(folder, written[0]?.file ?? ""));
      // Five examples are fewer than a hosted service takes; nothing else may be wrong.
      expect(problems?.filter((problem) => problem.severity === "error" && problem.rule !== "OA-R2")).toEqual([]);
    }
  });

  test("trains on assistant messages only, and never on a failed cell", async () => {
    const lines = (await readFile(join(files.output, "runs/latest/exports/chat.jsonl"), "utf8")).trim().split("\n");
    expect(lines).toHaveLength(5);
    for (const line of lines) {
      const { messages } = JSON.parse(line) as { messages: { role: string; content: string; weight?: number }[] };
      for (const [index, message] of messages.entries()) {
        if (message.role !== "assistant") expect(message.weight).toBeUndefined();
        const next = messages[index + 1]?.content ?? "";
        if (message.role === "assistant" && next.includes("Traceback")) expect(message.weight).toBe(0);
      }
      expect(messages.at(-1)?.weight).toBe(1);
    }
  });

  test("run again sends no request, opens nothing anew and writes the same bytes", async () => {
    const before = await files.exported();
    const again = await files.run();
    expect(again.code, again.stderr).toBe(0);
    const { requests } = await files.summary();
    expect(requests.sent).toBe(0);
    expect(requests.remembered).toBeGreaterThan(50);
    expect(await files.exported()).toEqual(before);
  });

  test("another threshold calls nobody", async () => {
    const moved = await files.run({ set: ["accept.mean=0.95", "accept.each=0.5"] });
    expect([0, 5]).toContain(moved.code);
    expect((await files.summary()).requests.sent).toBe(0);
  });

  test("another concurrency re-runs nothing", async () => {
    const before = await files.exported();
    const moved = await files.run({
      set: ["rollouts.concurrency=1", "judge.concurrency=2", "accept.mean=0.95", "accept.each=0.5"],
    });
    expect([0, 5]).toContain(moved.code);
    expect((await files.summary()).requests.sent).toBe(0);
    expect(await files.exported()).toEqual(before);
  });

  test("another judge prompt re-runs the judge and nothing else", async () => {
    const before = (await files.events()).filter((event) => event.type === "item" && event.stage === "rollouts");
    const prompt = join(files.folder, "judge.md");
    await copyFile(join(packageRoot(), "prompts/judge/system.md"), prompt);
    await appendFile(prompt, "\nBe strict.\n");
    const changed = await files.run({ set: [`prompts.judge=${prompt}`] });
    expect([0, 5], changed.stderr).toContain(changed.code);
    const { requests, funnel } = await files.summary();
    const judged = funnel.find((row) => row.stage === "judge")?.in ?? 0;
    const after = (await files.events()).filter((event) => event.type === "item" && event.stage === "rollouts");
    expect(judged).toBeGreaterThan(0);
    // Equal records are judged once, and a repair conversation is one request more.
    expect(requests.sent).toBeGreaterThan(judged / 2);
    expect(requests.sent).toBeLessThanOrEqual(2 * judged);
    expect(idsOut(after)).toEqual(idsOut(before));
  });

  test("a target that cannot be met is an honest shortfall, exit 5", async () => {
    const short = await files.run({ set: ["select.target=1000"] });
    expect(short.code).toBe(5);
    expect(short.stderr).toContain("Asked for 1,000 examples");
    expect((await files.summary()).status).toBe("short");
  });

  test("audit shows the funnel, and why tells one item's story", async () => {
    const audit = await files.ask("audit", "latest");
    expect(audit.code, audit.stderr).toBe(0);
    expect(audit.stdout).toContain("rollouts");
    const events = await files.events();
    const dropped = events.find(
      (event) => event.type === "item" && event.outcome === "rejected" && event.stage === "screen",
    );
    const kept = events.find(
      (event) => event.type === "item" && event.outcome === "passed" && event.stage === "examples",
    );
    for (const event of [dropped, kept]) {
      if (event?.type !== "item") throw new Error("expected both a dropped and a kept item");
      const why = await files.ask("why", "latest", event.id);
      expect(why.code, why.stderr).toBe(0);
      expect(why.stdout).toContain(event.outcome === "rejected" ? String(event.code) : event.out?.[0]);
      expect(why.stdout).toContain("Question");
    }
  });
});

function idsOut(events: readonly RunEvent[]): string[] {
  return events.flatMap((event) => (event.type === "item" ? (event.out ?? []) : [])).sort();
}
