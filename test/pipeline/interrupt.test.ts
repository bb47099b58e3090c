import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CliEnd } from "../kit/cli.ts";
import { descendants, stillRunning } from "../kit/descendants.ts";
import { type FaultyEndpoint, startFaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";
import { modelAt, setBaseUrl, teacherEndpoint, tinyConfig, until } from "../kit/teacher-endpoint.ts";

const missing = await sandboxMissing();
const skipped = missing === null ? "" : ` (skipped: ${missing})`;

const timeout = 300_000;

describe.skipIf(missing !== null)(`Ctrl-C${skipped}`, () => {
  let files: SmallRun;
  let calm: FaultyEndpoint;
  let expected: Record<string, string>;
  let shaken: string;
  beforeAll(async () => {
    calm = await teacherEndpoint();
    files = await smallRun({ model: modelAt(calm.baseUrl), config: tinyConfig });
    const output = join(files.folder, "calm");
    const undisturbed = await files.run({ output });
    expect(undisturbed.code, undisturbed.stderr).toBe(0);
    expected = await files.exported(output);
    shaken = join(files.folder, "shaken");
  }, timeout);
  afterAll(async () => {
    await calm[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  });

  /** Runs against an endpoint that takes its time and sends these signals, one after the other was told of, from the nth request on. */
  async function interrupted(output: string, nth: number, ...signals: NodeJS.Signals[]) {
    await using endpoint = await teacherEndpoint({ before: () => new Promise((resolve) => setTimeout(resolve, 60)) });
    let told = "";
    let send: (signal: NodeJS.Signals) => void = () => {};
    const running = files.run({
      output,
      set: setBaseUrl(endpoint.baseUrl),
      watch: (stderr, kill) => {
        told = stderr;
        send = kill;
      },
    });
    await until(() => endpoint.requests.length >= nth);
    const [first, second] = signals;
    if (first) send(first);
    await until(() => told.includes("Draining"));
    if (second) send(second);
    return await running;
  }

  async function expectPartial(end: CliEnd, output: string): Promise<void> {
    expect(end.code, end.stderr).toBe(130);
    const { status, funnel } = await files.summary(output);
    expect(status).toBe("interrupted");
    for (const row of funnel) expect(row.in).toBe(row.passed + row.rejected + row.failed + row.pending);
    expect(funnel.reduce((sum, row) => sum + row.failed, 0)).toBe(0); // nothing broke, so nothing is owed
    const notes = (await files.events(output)).filter((event) => event.type === "note");
    expect(notes.map((note) => note.message)).toEqual(["Interrupted: what is under way ends, nothing new starts"]);
    const log = await readFile(join(output, "runs/latest/run.log"), "utf8");
    expect(log).toMatch(/"message":"Run ended","status":"interrupted"/);
  }

  // One output folder, interrupted again and again: each run goes on where the one before it was stopped.
  test.each(["SIGINT", "SIGTERM"] as const)(
    "one %s lets work under way end and marks the exports as partial",
    async (signal) => {
      const end = await interrupted(shaken, 6, signal);
      await expectPartial(end, shaken);
      const { funnel } = await files.summary(shaken);
      expect(funnel.reduce((sum, row) => sum + row.pending, 0)).toBeGreaterThan(0);
      const exports = join(shaken, "runs/latest/exports");
      const manifest = JSON.parse(await readFile(join(exports, "manifest.json"), "utf8"));
      expect(manifest).toMatchObject({ provisional: true, stopped: true, owed: 0 });
      expect(await readFile(join(exports, "README.md"), "utf8")).toContain("The run was stopped before its end");
    },
    timeout,
  );

  test(
    "twice stops at once and writes no export, and the next run gives the bytes of an undisturbed one",
    async () => {
      const end = await interrupted(shaken, 2, "SIGINT", "SIGINT");
      await expectPartial(end, shaken);
      expect(end.stderr).not.toMatch(/bug|^\s+at /m);
      expect(readdirSync(join(shaken, "runs/latest/exports"))).toEqual([]);
      const next = await files.run({ output: shaken });
      expect(next.code, next.stderr).toBe(0);
      expect(await files.exported(shaken)).toEqual(expected);
    },
    timeout,
  );

  test(
    "twice while code sleeps in a sandbox ends in seconds and leaves no process behind",
    async () => {
      const code = "<reasoning>Wait.</reasoning>\n<python>\nprint('in')\nimport time; time.sleep(50)\n</python>";
      await using endpoint = await startFaultyEndpoint({ answer: [code] });
      let send: (signal: NodeJS.Signals) => void = () => {};
      let told = "";
      let pid = 0;
      const running = files.run({
        output: join(files.folder, "asleep"),
        set: setBaseUrl(endpoint.baseUrl),
        watch: (stderr, kill, child) => {
          told = stderr;
          send = kill;
          pid = child;
        },
      });
      await until(() => endpoint.requests.some((request) => request.answered));
      await new Promise((resolve) => setTimeout(resolve, 2_000)); // the sandbox comes up and its code sleeps
      const inside = descendants(pid);
      send("SIGINT");
      await until(() => told.includes("Draining"));
      const beganMs = Date.now();
      send("SIGINT");
      const end = await running;
      console.log(`stopped after ${Date.now() - beganMs} ms with ${inside.length} processes in sandboxes`);
      expect(end.code, end.stderr).toBe(130);
      expect(Date.now() - beganMs).toBeLessThan(30_000); // the code would have slept on
      expect(stillRunning(inside)).toEqual([]);
    },
    timeout,
  );

  test(
    "twice while the endpoint is asked whether it answers makes no run",
    async () => {
      const silent = createServer(() => {});
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const output = join(files.folder, "opening");
      let sent = 0;
      const end = await files.run({
        output,
        set: setBaseUrl(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`),
        watch: (stderr, kill) => {
          if (sent < ["datasets", "Draining"].filter((word) => stderr.includes(word)).length) {
            sent += 1;
            kill("SIGINT");
          }
        },
      });
      silent.closeAllConnections();
      silent.close();
      expect(end.code, end.stderr).toBe(130);
      expect(end.stderr).not.toMatch(/bug|^\s+at /m);
      expect(readdirSync(output)).not.toContain("runs");
    },
    timeout,
  );
});
