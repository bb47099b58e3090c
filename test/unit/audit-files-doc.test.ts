import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { runEvent, runStatuses, runSummary } from "../../src/domain/run.ts";
import { runSnapshot } from "../../src/domain/run-snapshot.ts";

const page = await readFile(new URL("../../docs/files.md", import.meta.url), "utf8");

/** The first fenced block below a heading. */
function blockBelow(heading: string): string {
  const text = page.slice(page.indexOf(`\n## ${heading}\n`));
  return /```\w*\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
}

test("the events shown in docs/files.md are events, one of each type", () => {
  const events = blockBelow("events.jsonl")
    .trim()
    .split("\n")
    .map((line) => runEvent.parse(JSON.parse(line)));
  expect(events.map((event) => event.type)).toEqual(["started", "item", "note", "ended"]);
});

test("the summary shown in docs/files.md is a summary that adds up", () => {
  const shown = runSummary.parse(JSON.parse(blockBelow("summary.json")));
  for (const row of shown.funnel) expect(row.passed + row.rejected + row.failed + row.pending).toBe(row.in);
});

test("docs/files.md has every status a run can end with", () => {
  const listed = [...page.matchAll(/^\| `(\w+)` \| [^|]+ \| \d+ \|$/gm)].map(([, status]) => status);
  expect(listed.toSorted()).toEqual([...runStatuses].sort());
});

test("the status shown in docs/files.md is a snapshot", () => {
  expect(runSnapshot.parse(JSON.parse(blockBelow("status.json"))).state).toBe("running");
});
