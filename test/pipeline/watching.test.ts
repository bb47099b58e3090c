import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runReport, runSnapshot, watchLine } from "../../src/domain/run-snapshot.ts";
import { packageRoot } from "../../src/package.ts";
import { tracemill } from "../kit/cli.ts";
import type { FaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";
import { modelAt, teacherEndpoint, tinyConfig, until } from "../kit/teacher-endpoint.ts";
import { onTerminal, terminalMissing } from "../kit/terminal-run.ts";
import { virtualTerminal } from "../kit/virtual-terminal.ts";

const missing = (await sandboxMissing()) ?? terminalMissing;
const timeout = 300_000;
const shortConfig = {
  ...tinyConfig,
  propose: { ...tinyConfig.propose, questions: 6 },
  select: { target: 1 },
};

// One output folder: what the first run paid for is remembered by those after it, which keeps them short.
describe.skipIf(missing !== null)(`watching a run${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let files: SmallRun;
  let endpoint: FaultyEndpoint;
  let delayMs = 150;
  beforeAll(async () => {
    endpoint = await teacherEndpoint({ before: () => new Promise((resolve) => setTimeout(resolve, delayMs)) });
    files = await smallRun({ model: modelAt(endpoint.baseUrl), config: shortConfig });
  }, timeout);
  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  });

  const command = () => ["run", files.configPath, "--output", files.output];
  const status = async (...args: string[]) => {
    const end = await files.ask("status", ...args);
    expect(end.code, end.stderr).toBe(0);
    return end.stdout;
  };

  test(
    "on a terminal that is resized and interrupted, the block stays whole and the cursor comes back; status tells of it meanwhile",
    async () => {
      await using run = await onTerminal(command(), { columns: 100, rows: 40 });
      const blocks = (state: RegExp) => run.seen.screen().filter((line) => state.test(line)).length;
      await until(() => blocks(/^● running/) === 1);
      const report = runReport.parse(JSON.parse(await status("--json")));
      expect(report).toMatchObject({ state: "running", snapshot: { recipe: "sft", sandboxes: { limit: 3 } } });
      expect(report.snapshot.endpoints).toHaveLength(1);
      expect(await status()).toMatch(/^\* (starting|running) {2}sft[\s\S]*Running as process \d+/);

      await run.resize(61, 40);
      await until(() => run.seen.screen().some((line) => /now$/.test(line)));
      expect(blocks(/^● running/)).toBe(1);
      for (const line of run.seen.screen()) expect(line.length).toBeLessThanOrEqual(61);

      run.type("\u0003");
      await until(() => blocks(/^◐ draining/) === 1);
      expect(run.seen.screen().filter((line) => line.startsWith("Draining: ")).length).toBe(1);
      expect(await run.ended).toBe(130);
      const everything = run.seen.everything();
      expect(everything.filter((line) => /^✖ interrupted {2}sft/.test(line))).toHaveLength(1);
      expect(everything.filter((line) => /^(● running|◐ draining)/.test(line))).toEqual([]);
      expect(everything.slice(-9).join("\n")).toContain("next: npx tracemill audit");
      expect(run.seen.isCursorShown()).toBe(true);
      expect(run.raw()).toContain("\u001b[32m");
      expect(await status()).toMatch(/^x interrupted[\s\S]*Interrupted with \d+ items? pending/);
    },
    timeout,
  );

  test(
    "a run that was killed is told as dead, with what to do",
    async () => {
      let pid = 0;
      let killed = false;
      const end = files.run({
        watch: (_text, _kill, child) => {
          pid = child;
        },
      });
      const lives = async () => runReport.parse(JSON.parse(await status("--json")));
      for (let report = await lives(); !killed; report = await lives()) {
        if (report.state !== "running" || report.snapshot.process?.pid !== pid) continue;
        process.kill(-pid, "SIGKILL");
        killed = true;
      }
      expect((await end).signal).toBe("SIGKILL");
      expect(await status("--json")).toContain('"state": "dead"');
      const words = await status();
      expect(words).toMatch(/^x dead {2}sft/);
      expect(words).toContain(`The process that ran it (${pid}) is gone`);
      expect(words).toContain("run the same command again");
    },
    timeout,
  );

  test(
    "--json prints nothing but lines of the published schema, the summary last, and says nothing on stderr",
    async () => {
      delayMs = 0;
      const end = await tracemill([...command(), "--json"]);
      expect(end.stderr).toBe("");
      const lines = end.stdout
        .trim()
        .split("\n")
        .map((line) => watchLine.parse(JSON.parse(line)));
      expect(lines.filter((line) => line.type === "summary")).toHaveLength(1);
      expect(lines.at(-1)).toMatchObject({ type: "summary", status: "done", exitCode: 0, examples: 1 });
      const snapshots = lines.filter((line) => line.type === "snapshot");
      expect(snapshots.at(-1)).toMatchObject({ state: "done", examples: 1, secondsLeft: null });
      const kept = runSnapshot.parse(JSON.parse(await readFile(join(files.output, "runs/latest/status.json"), "utf8")));
      expect(kept.state).toBe("done");
      expect(await status()).toMatch(/^\+ done {2}sft[\s\S]*Done: 1 example in/);
      const watched = await status("--watch", "--json");
      expect(
        watched
          .trim()
          .split("\n")
          .map((line) => runReport.parse(JSON.parse(line)).state),
      ).toEqual(["ended"]);
    },
    timeout,
  );

  test(
    "--quiet prints the last words only, and plain lines bring no escape sequence",
    async () => {
      const quiet = await tracemill([...command(), "--quiet"]);
      expect(quiet.stdout).toBe("");
      expect(quiet.stderr).toMatch(/^\n1 example from \d+ queries;[\s\S]*results in \S+\n$/);
      const plain = await tracemill(command(), { env: { FORCE_COLOR: "1", NO_COLOR: "" } });
      expect(plain.stderr).not.toContain("\u001b");
      expect(plain.stderr).toMatch(/^datasets {2}1 \(cars\)\n[\s\S]*\d+ s {2,}propose 1\/1 /);
    },
    timeout,
  );

  test("a process that crashes with a display gives the cursor back, below the block", async () => {
    const script = `
      import { openScreen } from ${JSON.stringify(pathToFileURL(join(packageRoot(), "dist/src/run/screen.js")).href)};
      const terminal = { write: (text) => process.stdout.write(text), on() {}, off() {} };
      const look = () => ({ columns: 80, rows: 24, colour: false, unicode: true });
      openScreen(terminal, { look, render: () => ["one", "two"], folds: true });
      throw new Error("a bug");`;
    const crashed = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
    const end = await crashed.then(
      () => ({ code: 0, stdout: "" }),
      (error: { code: number; stdout: string }) => error,
    );
    expect(end.code).not.toBe(0);
    const seen = virtualTerminal(80, 24);
    await seen.write(`${end.stdout}$ `);
    expect(seen.isCursorShown()).toBe(true);
    expect(seen.screen()).toEqual(["one", "two", "$"]);
  });

  test("--json and --quiet together are a mistake", async () => {
    const end = await tracemill([...command(), "--quiet", "--json"]);
    expect(end.code).toBe(2);
    expect(end.stderr).toContain("Expected `--json` or `--quiet`, got both");
  });

  test("status of a run that is not there is a mistake, and of a file that is no status too", async () => {
    expect((await files.ask("status", "nowhere")).code).toBe(2);
    await writeFile(join(files.output, "runs/latest/status.json"), '{"version":2}');
    const end = await files.ask("status");
    expect(end.code).toBe(2);
    expect(end.stderr).toContain("status.json` to be a run's status");
  });
});
