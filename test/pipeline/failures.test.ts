import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../../src/engine/store.ts";
import type { CliEnd } from "../kit/cli.ts";
import { tracemillInto } from "../kit/cli-pipe.ts";
import type { FaultyEndpoint } from "../kit/faulty-endpoint.ts";
import { sandboxMissing } from "../kit/sandbox-backends.ts";
import { type SmallRun, smallRun } from "../kit/small-run.ts";
import { modelAt, setBaseUrl, teacherEndpoint, tinyConfig } from "../kit/teacher-endpoint.ts";

const missing = await sandboxMissing();
const skipped = missing === null ? "" : ` (skipped: ${missing})`;
const timeout = 300_000;

describe.skipIf(missing !== null)(`when something breaks${skipped}`, () => {
  let files: SmallRun;
  let calm: FaultyEndpoint;
  let calmRequests: number;
  let expected: Record<string, string>;
  let undisturbed: string;
  let shaken: string;
  beforeAll(async () => {
    calm = await teacherEndpoint();
    files = await smallRun({ model: modelAt(calm.baseUrl), config: tinyConfig });
    undisturbed = join(files.folder, "calm");
    shaken = join(files.folder, "shaken");
    const end = await files.run({ output: undisturbed });
    expect(end.code, end.stderr).toBe(0);
    calmRequests = calm.requests.length;
    expected = await files.exported(undisturbed);
  }, timeout);
  afterAll(async () => {
    await calm[Symbol.asyncDispose]();
    await files[Symbol.asyncDispose]();
  });

  const exportOf = (output: string, name: string) => readFile(join(output, "runs/latest/exports", name), "utf8");

  async function expectOwed(end: CliEnd): Promise<void> {
    expect(end.code, end.stderr).toBe(3);
    const { status, funnel } = await files.summary(shaken);
    expect(status).toBe("owed");
    const owed = funnel.reduce((sum, row) => sum + row.failed, 0);
    expect(owed).toBeGreaterThan(0);
    expect(end.stderr).toMatch(
      new RegExp(`^${owed} items? owed because something broke; run the same command again`, "m"),
    );
    expect(JSON.parse(await exportOf(shaken, "manifest.json"))).toMatchObject({ provisional: true, owed });
    expect(await exportOf(shaken, "README.md")).toContain("**Provisional.**");
  }

  // One output folder: each run goes on where the one before it broke.
  test(
    "an endpoint that answers 500 for a while leaves items owed",
    async () => {
      await using endpoint = await teacherEndpoint({
        faults: (_body, index) => (index >= 10 ? { kind: "status", status: 500 } : null),
      });
      await expectOwed(await files.run({ output: shaken, set: setBaseUrl(endpoint.baseUrl) }));
    },
    timeout,
  );

  test(
    "an endpoint that dies leaves items owed",
    async () => {
      const endpoint = await teacherEndpoint({
        before: (index) => {
          if (index === 3) void endpoint[Symbol.asyncDispose]();
        },
      });
      await expectOwed(await files.run({ output: shaken, set: setBaseUrl(endpoint.baseUrl) }));
    },
    timeout,
  );

  test(
    "once the endpoint is well again, the same command gives the bytes of an undisturbed run",
    async () => {
      const next = await files.run({ output: shaken });
      expect(next.code, next.stderr).toBe(0);
      expect(await files.exported(shaken)).toEqual(expected);
      expect(JSON.parse(await exportOf(shaken, "manifest.json"))).toMatchObject({ provisional: false, owed: 0 });
    },
    timeout,
  );

  test(
    "an endpoint that refuses every completion stops the run with its words and what to check",
    async () => {
      const body = { error: { message: "Your key may not use this model", code: "invalid_api_key" } };
      await using endpoint = await teacherEndpoint({ faults: () => ({ kind: "status", status: 401, body }) });
      const output = join(files.folder, "refused");
      const end = await files.run({ output, set: setBaseUrl(endpoint.baseUrl) });
      expect(end.code, end.stderr).toBe(2);
      expect(end.stderr).toContain("Your key may not use this model");
      expect(end.stderr).toContain("apiKeyEnv");
      expect(end.stderr).not.toMatch(/bug|^\s+at /m);
      expect(endpoint.requests.length).toBe(1); // one table explores: nothing else was sent
      expect((await files.summary(output)).status).toBe("stopped");
    },
    timeout,
  );

  test(
    "a bug stops the run, says at which stage and item, and keeps what was committed",
    async () => {
      const output = undisturbed;
      // A remembered completion that does not fit its own version can only come from a bug.
      let values: [string, Record<string, unknown>][];
      {
        await using store = await openStore(join(output, "store/values"));
        const keys = [...store.keys("completion/")];
        values = keys.map((key) => [key, store.get(key) as Record<string, unknown>]);
        await Promise.all(values.map(([key, value]) => store.put(key, { ...value, value: 7 })));
      }
      const end = await files.run({ output });
      expect(end.code, end.stderr).toBe(1);
      expect(end.stderr).toMatch(/this is a bug in Tracemill, or in a recipe of your own; what was committed is kept/);
      expect(end.stderr).toMatch(/Stage `propose` broke on item `seed_\w+`: Expected the remembered completion/);
      expect((await files.summary(output)).status).toBe("crashed");
      {
        await using store = await openStore(join(output, "store/values"));
        await Promise.all(values.map(([key, value]) => store.put(key, value)));
      }
      const next = await files.run({ output });
      expect(next.code, next.stderr).toBe(0);
      expect(await files.exported(output)).toEqual(expected);
      expect((await files.summary(output)).requests.sent).toBe(0);
    },
    timeout,
  );

  test(
    "two runs at once on one folder end alike and pay once",
    async () => {
      await using endpoint = await teacherEndpoint();
      const output = join(files.folder, "two");
      const runs = await Promise.all([1, 2].map(() => files.run({ output, set: setBaseUrl(endpoint.baseUrl) })));
      expect(
        runs.map((run) => run.code),
        runs.map((run) => run.stderr).join("\n"),
      ).toEqual([0, 0]);
      const folders = readdirSync(join(output, "runs")).filter((name) => name !== "latest");
      expect(folders).toHaveLength(2);
      const [one, other] = folders.map((name) => readFileSync(join(output, "runs", name, "exports/chat.jsonl")));
      expect(one?.equals(other as Buffer)).toBe(true);
      expect(await files.exported(output)).toEqual(expected);
      expect(endpoint.requests.length).toBe(calmRequests);
    },
    timeout,
  );

  test(
    "a reader of the audit that has gone ends it quietly",
    async () => {
      const end = await tracemillInto("true", ["audit", "latest", "--output", undisturbed]);
      expect(end.stderr).toBe("");
    },
    timeout,
  );

  test(
    "an output folder below a file is told in one sentence before anything is spent",
    async () => {
      const end = await files.run({ output: join(files.configPath, "output") });
      expect(end.code, end.stderr).toBe(2);
      expect(end.stderr).toMatch(
        /^tracemill: Expected a folder that can be written at .* Name another with --output\.\n$/,
      );
    },
    timeout,
  );
});
