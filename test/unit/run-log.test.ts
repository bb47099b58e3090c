import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LogLevel } from "../../src/domain/log-level.ts";
import { createSecrets } from "../../src/domain/secrets.ts";
import { createRunLog } from "../../src/telemetry/run-log.ts";

let folder: string;
let complaints: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tracemill-log-"));
  complaints = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(options: { level?: LogLevel; printed?: LogLevel | null; maxBytes?: number } = {}) {
  const secrets = createSecrets();
  secrets.add("secret-value-1");
  return createRunLog({
    level: "info",
    printed: null,
    secrets,
    place: () => ({ stage: "judge" }),
    complain: (line) => complaints.push(line),
    now: () => 0,
    ...options,
  });
}

const linesOf = (path: string) =>
  readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("the log of a run", () => {
  test("keeps what was said before there was a file, adds the place, and cuts secrets out of fields and errors", () => {
    const path = join(folder, "run.log");
    {
      using log = open();
      log.write("info", "early", { message: "not this one" });
      log.attach(path);
      log.write("warn", "late with secret-value-1", { error: new Error("x", { cause: new Error("secret-value-1") }) });
    }
    const [early, late] = linesOf(path);
    expect(early).toEqual({ at: "1970-01-01T00:00:00.000Z", level: "info", message: "early", stage: "judge" });
    expect(late).toMatchObject({ message: "late with [key]", error: expect.stringContaining("cause: Error: [key]") });
  });

  test("takes lines as grave as its level, and prints those of --verbose, a person's own lines not again", () => {
    const path = join(folder, "run.log");
    const printed: string[] = [];
    {
      using log = open({ printed: "debug" });
      log.printTo((line) => printed.push(line));
      log.attach(path);
      log.write("debug", "a request", { bytes: 3, text: "two words" });
      log.write("trace", "its text");
      log.write("error", "broke");
      log.keep("info", "said already");
      expect([log.takes("debug"), log.takes("trace")]).toEqual([true, false]);
    }
    expect(linesOf(path).map(({ message }) => message)).toEqual(["broke", "said already"]);
    expect(printed).toEqual([
      '00:00:00 debug a request stage=judge bytes=3 text="two words"',
      "00:00:00 error broke stage=judge",
    ]);
  });

  test("is never larger than twice its bound, and says where it was turned over", () => {
    const path = join(folder, "run.log");
    {
      using log = open({ maxBytes: 10_000 });
      log.attach(path);
      for (let n = 0; n < 1_000; n++) log.write("warn", `line ${n}`);
    }
    expect(readdirSync(folder).sort()).toEqual(["run.log", "run.log.1"]);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(10_000);
    expect(linesOf(path)[0]?.message).toMatch(/^The log was full: what came before is in .*run\.log\.1/);
    expect(linesOf(path).at(-1)?.message).toBe("line 999");
  });

  test("cuts a long text and says how much is missing", () => {
    const path = join(folder, "run.log");
    {
      using log = open();
      log.attach(path);
      log.write("info", "long", { text: "x".repeat(5_000) });
    }
    expect(linesOf(path)[0]?.text).toMatch(/^x{4000}… \(1000 more characters\)$/);
  });

  test("complains once where the disk is full, and the run goes on", () => {
    const path = join(folder, "run.log");
    symlinkSync("/dev/full", path);
    {
      using log = open();
      log.attach(path);
      for (let n = 0; n < 10; n++) log.write("error", "lost");
    }
    expect(complaints).toEqual([
      expect.stringMatching(/^The log cannot be written, so it ends here; the run goes on: ENOSPC/),
    ]);
  });
});
