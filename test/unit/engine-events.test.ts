import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunEvent } from "../../src/domain/run.ts";
import { openEventLog, readEvents } from "../../src/engine/events.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tracemill-events-"));
  path = join(folder, "events.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true }));

const note = (message: string): RunEvent => ({ type: "note", at: "2026-01-01T00:00:00.000Z", message });

async function messages(): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of readEvents(path)) if (event.type === "note") seen.push(event.message);
  return seen;
}

test("events are read back in the order they were written, line breaks and all", async () => {
  const written = Array.from({ length: 3_000 }, (_, n) => `${n} ünï\u2028\n${"x".repeat(n % 100)}`);
  const log = await openEventLog(path);
  for (const message of written) log.write(note(message));
  await log[Symbol.asyncDispose]();
  expect(await messages()).toEqual(written);
});

test("an event reaches the file without anybody flushing", async () => {
  await using log = await openEventLog(path, { flushMs: 1 });
  log.write(note("soon"));
  await expect.poll(() => readFileSync(path, "utf8")).toContain("soon");
});

test("a last line that a kill cut short is left out", async () => {
  writeFileSync(path, `${JSON.stringify(note("whole"))}\n${JSON.stringify(note("torn")).slice(0, 20)}`);
  expect(await messages()).toEqual(["whole"]);
});

test("a log that is opened again after a kill goes on behind the last whole line", async () => {
  writeFileSync(path, `${JSON.stringify(note("whole"))}\n{"type":"no`);
  const log = await openEventLog(path);
  log.write(note("next"));
  await log[Symbol.asyncDispose]();
  expect(await messages()).toEqual(["whole", "next"]);
});

test("a broken line in the middle is named", async () => {
  writeFileSync(path, `${JSON.stringify(note("one"))}\nnonsense\n${JSON.stringify(note("three"))}\n`);
  await expect(messages()).rejects.toThrow(`Expected an event on line 2 of ${path}`);
  writeFileSync(path, "");
  appendFileSync(path, `{"type":"unheard of"}\n`);
  await expect(messages()).rejects.toThrow(`Expected an event on line 1 of ${path}`);
});
